use crate::topic_set::{TopicKey, TopicSet};

/// Where a subscriber is, for questions to the log.
#[derive(Clone, Copy)]
pub(crate) struct Position<'a> {
    pub(crate) topics: &'a TopicSet,
    joined: &'a [(TopicKey, u64)],
    cursor: u64,
}

impl<'a> Position<'a> {
    pub(crate) fn new(topics: &'a TopicSet, joined: &'a [(TopicKey, u64)], cursor: u64) -> Self {
        Self { topics, joined, cursor }
    }

    /// The sequence number up to which all topics are done.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The sequence number up to which a topic is done.
    pub(crate) fn of(&self, topic: TopicKey) -> u64 {
        let joined = self.joined.binary_search_by_key(&topic, |(joined, _)| *joined);
        joined.map_or(self.cursor, |index| self.cursor.max(self.joined[index].1))
    }
}
