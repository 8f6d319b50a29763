use std::collections::{BTreeSet, HashMap};

use ssecast_hub::TopicKey;

/// Which connections read a topic, by their places in the set and in their order: a round goes through memory, here and in
/// the system, from its beginning to its end.
#[derive(Default)]
pub(crate) struct TopicIndex(HashMap<TopicKey, BTreeSet<u32>>);

impl TopicIndex {
    pub(crate) fn insert(&mut self, index: usize, topics: &[TopicKey]) {
        for topic in topics {
            self.0.entry(*topic).or_default().insert(index as u32);
        }
    }

    pub(crate) fn remove(&mut self, index: usize, topics: &[TopicKey]) {
        for topic in topics {
            if let Some(members) = self.0.get_mut(topic) {
                members.remove(&(index as u32));
                if members.is_empty() {
                    self.0.remove(topic);
                }
            }
        }
    }

    pub(crate) fn members(&self, topic: TopicKey) -> impl Iterator<Item = usize> {
        self.0.get(&topic).into_iter().flatten().map(|index| *index as usize)
    }
}
