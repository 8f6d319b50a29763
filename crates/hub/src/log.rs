use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ssecast_codec::{Error, ErrorKind, OptionKey};

use crate::config::Config;
use crate::epoch::Epoch;
use crate::frame::{Draft, Frame};
use crate::position::Position;
use crate::readers::{Mark, Readers, Wake};
use crate::readership::Readership;
use crate::sync::Arc;
use crate::topic_end::ended;
use crate::topic_set::{TopicKey, TopicSet, TopicSets};
use crate::topics::Topics;

/// How many topics a publication tidies, and how many a reader's round.
const TIDY_A_PUBLICATION: usize = 2;
const TIDY_A_ROUND: usize = 64;

/// The one log of a hub: all topics share one sequence, so that a single number is a position in all of them.
///
/// The log lives under one lock. What runs under it is short and independent of the number of subscribers;
/// nothing under it calls out.
pub(crate) struct Log {
    pub(crate) epoch: Epoch,
    /// The number before the first one of this life. Numbers go on from one life of a log to the next, so that a cursor
    /// never lies behind the head; the numbers in ids begin at one in each.
    pub(crate) base: u64,
    pub(crate) head: u64,
    /// All bytes that were ever published.
    bytes: u64,
    max_backlog: u64,
    pub(crate) topics: Topics,
    sets: TopicSets,
    pub(crate) readers: Readers,
    pub(crate) readership: Readership,
    pub(crate) connections: usize,
    /// What else the hub's end waits for.
    pub(crate) holds: usize,
}

/// What a publication needs the caller to do once the lock is free.
pub(crate) struct Appended {
    pub(crate) sequence: u64,
    pub(crate) subscribers: usize,
    pub(crate) wakes: Vec<Arc<dyn Wake>>,
}

/// What a subscriber finds in the log.
pub(crate) enum Found {
    /// Frames in the order of the sequence. The last one's number is `last`; the subscriber is then past `through`. If it
    /// `is_over`, all topics have ended, and nothing comes any more.
    Frames { frames: Vec<Frame>, last: u64, through: u64, is_over: bool },
    /// Nothing up to the limit.
    Nothing { is_over: bool },
    /// The log has another life by now.
    OtherLife,
    /// A frame that it had still to get is gone: it is over its lag limit.
    Lost,
}

impl Log {
    pub(crate) fn new(epoch: Epoch, config: &Config) -> Self {
        Self {
            epoch,
            base: 0,
            head: 0,
            bytes: 0,
            max_backlog: config.max_backlog_bytes as u64,
            topics: Topics::new(config),
            sets: TopicSets::default(),
            readers: Readers::default(),
            readership: Readership::default(),
            connections: 0,
            holds: 0,
        }
    }

    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many events were published in this life of the log.
    pub(crate) fn published_in_life(&self) -> u64 {
        self.head - self.base
    }

    /// Whether a cursor is one of an earlier life of the log.
    pub(crate) fn is_of_other_life(&self, cursor: u64) -> bool {
        cursor < self.base
    }

    /// The id that stands for a cursor; `None` for one of an earlier life.
    pub(crate) fn id(&self, cursor: u64) -> Option<String> {
        cursor.checked_sub(self.base).map(|sequence| self.epoch.id(sequence))
    }

    /// Refuses an event of so many bytes if more would wait to be offered than may; `private` bytes that were sent to
    /// single connections wait too.
    pub(crate) fn refuse_if_backlogged(
        &mut self,
        length: usize,
        private: u64,
        now: u64,
    ) -> Result<(), Error> {
        let limit = self.max_backlog.saturating_sub(private + length as u64);
        if self.readers.is_backlog_within(limit, self.bytes, now) && limit > 0 {
            return Ok(());
        }
        let waiting = self.backlog(now) + private;
        if waiting == 0 || waiting + length as u64 <= self.max_backlog {
            return Ok(());
        }
        let problem = format!(
            "can't be taken now: {waiting} bytes have still to be offered to connections; wait until the hub's statistics \
             show fewer backlogged bytes"
        );
        let error = Error::new(ErrorKind::BacklogFull, "event", problem);
        Err(error.with_limit(OptionKey::MaxBacklogBytes, self.max_backlog))
    }

    /// How many bytes were published that have not been offered to connections yet.
    pub(crate) fn backlog(&mut self, now: u64) -> u64 {
        self.readers.backlog(self.bytes, now)
    }

    /// Where the log ends.
    pub(crate) fn end(&self) -> Mark {
        Mark { sequence: self.head, bytes: self.bytes }
    }

    /// Appends one frame.
    pub(crate) fn append(
        &mut self,
        topic: &str,
        id: Option<&str>,
        now: u64,
        draft: Draft,
    ) -> Result<Appended, Error> {
        self.refuse_taken(id, now)?;
        let key = self.topics.open(topic, now)?;
        if self.topics[key].has_ended() {
            return Err(ended());
        }
        let sequence = self.head + 1;
        let frame = draft.finish(self.epoch, sequence);
        Ok(self.push(key, sequence, id, frame, now, now))
    }

    pub(crate) fn refuse_taken(&mut self, id: Option<&str>, now: u64) -> Result<(), Error> {
        if id.is_some_and(|id| self.topics.has_id(id, now)) {
            let problem = "is taken by an event that is still in the history";
            return Err(Error::new(ErrorKind::InvalidId, "id", problem));
        }
        Ok(())
    }

    /// Puts a frame that was published at a time to the end of a topic.
    pub(crate) fn push(
        &mut self,
        key: TopicKey,
        sequence: u64,
        id: Option<&str>,
        frame: Frame,
        at: u64,
        now: u64,
    ) -> Appended {
        let before = self.end();
        self.head = sequence;
        self.bytes += frame.len() as u64;
        self.topics.append(key, sequence, at, frame, id);
        let topic = &mut self.topics[key];
        let mark = |interest| self.readers.mark(interest, key, before, now);
        let wakes = topic.interest.iter_mut().filter_map(mark).collect();
        let subscribers = topic.subscribers();
        self.topics.trim(key, now, &self.readers);
        self.topics.tidy(TIDY_A_PUBLICATION, now, &self.readers);
        Appended { sequence, subscribers, wakes }
    }

    /// Moves the topics that changed since the last call to `changed`. Returns what was there before the first change.
    pub(crate) fn take_changed(&mut self, reader: usize, changed: &mut Vec<TopicKey>) -> Option<Mark> {
        let before = self.readers.take_changed(reader, changed);
        for key in changed.iter() {
            let topic = self.topics.get_mut(*key);
            let interest =
                topic.and_then(|topic| topic.interest.iter_mut().find(|interest| interest.reader == reader));
            if let Some(interest) = interest {
                interest.changed = false;
            }
        }
        before
    }

    /// Notes that all subscribers of a reader are past a number, and how far the slowest is behind.
    pub(crate) fn note_progress(
        &mut self,
        reader: usize,
        passed: u64,
        lagging: u64,
        lag_bytes: u64,
        now: u64,
    ) {
        self.readers.note_progress(reader, passed, lagging, lag_bytes);
        self.topics.tidy(TIDY_A_ROUND, now, &self.readers);
    }

    // ── Subscribers ─────────────────────────────────────────────────────────────────────────────────────────

    /// Registers a subscriber's interest in topics, before anything is read for it.
    pub(crate) fn register(
        &mut self,
        reader: usize,
        names: &[&str],
        now: u64,
    ) -> Result<Arc<TopicSet>, Error> {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            match self.topics.open_for_subscriber(name, now) {
                // Registered one by one: the next name may need room, and must not remove this one.
                Ok(key) => {
                    self.topics[key].add_interest(reader);
                    keys.push(key);
                }
                Err(error) => {
                    keys.iter().for_each(|key| self.remove_interest(reader, *key));
                    return Err(error);
                }
            }
        }
        keys.iter().for_each(|key| self.readership.came(&self.topics[*key].name));
        Ok(self.sets.intern(keys))
    }

    /// Ends what [`register`](Self::register) began.
    pub(crate) fn unregister(&mut self, reader: usize, set: &TopicSet) {
        for key in set.keys() {
            self.remove_interest(reader, *key);
        }
        self.sets.release(set);
    }

    /// The keys of those of the names that are topics.
    pub(crate) fn keys(&self, names: &[&str]) -> Vec<TopicKey> {
        names.iter().filter_map(|name| self.topics.key(name)).collect()
    }

    /// Changes the topics of a subscriber: adds a set that was [registered](Self::register) for it, which is used
    /// up, and removes keys. Returns the new set and the keys that were added.
    pub(crate) fn change_topics(
        &mut self,
        reader: usize,
        set: &TopicSet,
        added: &TopicSet,
        removed: &[TopicKey],
    ) -> (Arc<TopicSet>, Vec<TopicKey>) {
        let mut keys: Vec<TopicKey> = set.keys().to_vec();
        keys.retain(|key| !removed.contains(key));
        let fresh: Vec<TopicKey> = added.keys().iter().filter(|key| !keys.contains(key)).copied().collect();
        keys.extend(&fresh);
        // The interest of the new set first, then that of the old ones goes, so that no topic is removed between.
        keys.iter().for_each(|key| self.topics[*key].add_interest(reader));
        let changed = self.sets.intern(keys);
        self.unregister(reader, added);
        self.unregister(reader, set);
        (changed, fresh)
    }

    /// Moves a subscriber from one reader to another.
    pub(crate) fn transfer(&mut self, from: usize, to: usize, set: &TopicSet, cursor: u64) {
        self.readers.hold(to, cursor);
        for key in set.keys() {
            self.topics[*key].add_interest(to);
            self.topics[*key].remove_interest(from);
        }
    }

    fn remove_interest(&mut self, reader: usize, key: TopicKey) {
        let topic = &mut self.topics[key];
        topic.remove_interest(reader);
        if topic.interest.is_empty() {
            self.readership.left(&topic.name);
            if topic.is_of_no_use() {
                self.topics.remove(key);
            }
        }
    }

    /// Whether connections read a topic.
    pub(crate) fn is_read(&self, name: &str) -> bool {
        self.topics.is_read(name)
    }

    pub(crate) fn topic_names(&self, set: &TopicSet) -> Vec<Arc<str>> {
        set.keys().iter().map(|key| Arc::clone(&self.topics[*key].name)).collect()
    }

    /// Reads what a subscriber's topics have for it up to `through`: frames of at most `limit` bytes, or a single
    /// larger one.
    pub(crate) fn read(&self, position: Position<'_>, through: u64, limit: usize) -> Found {
        if self.is_of_other_life(position.cursor()) {
            return Found::OtherLife;
        }
        let mut sources = Vec::new();
        let mut next = BinaryHeap::new();
        for key in position.topics.keys() {
            let topic = &self.topics[*key];
            let since = position.of(*key);
            if topic.has_dropped_after(since) {
                return Found::Lost;
            }
            let mut entries = topic.after(since);
            if let Some(entry) = entries.next().filter(|entry| entry.sequence <= through) {
                next.push(Reverse((entry.sequence, sources.len())));
                sources.push((entry, entries));
            }
        }
        let mut frames = Vec::new();
        let (mut bytes, mut last) = (0, 0);
        while let Some(Reverse((sequence, source))) = next.peek().copied() {
            let (entry, entries) = &mut sources[source];
            if !frames.is_empty() && bytes + entry.frame.len() > limit {
                return Found::Frames { frames, last, through: last, is_over: false };
            }
            next.pop();
            bytes += entry.frame.len();
            frames.push(entry.frame.clone());
            last = sequence;
            if let Some(following) = entries.next().filter(|entry| entry.sequence <= through) {
                *entry = following;
                next.push(Reverse((following.sequence, source)));
            }
        }
        let is_over = self.have_ended(position.topics, through);
        if frames.is_empty() {
            Found::Nothing { is_over }
        } else {
            Found::Frames { frames, last, through, is_over }
        }
    }

    /// How many bytes that were published after a sequence number wait for a subscriber.
    pub(crate) fn lag(&self, position: Position<'_>, after: u64) -> u64 {
        let bytes = |key: &TopicKey| self.topics[*key].bytes_after(position.of(*key).max(after));
        position.topics.keys().iter().map(bytes).sum()
    }

    /// Whether a frame that a subscriber had still to get is gone.
    pub(crate) fn lost(&self, position: Position<'_>) -> bool {
        position.topics.keys().iter().any(|key| self.topics[*key].has_dropped_after(position.of(*key)))
    }

    /// How many events of its topics a subscriber is past; `None` when that is forgotten.
    pub(crate) fn count_passed(&self, position: Position<'_>) -> Option<u64> {
        let count = |key: &TopicKey| self.topics[*key].count_up_to(position.of(*key));
        position.topics.keys().iter().map(count).sum()
    }

    /// How many events there were in topics.
    pub(crate) fn published(&self, set: &TopicSet) -> u64 {
        set.keys().iter().map(|key| self.topics[*key].published()).sum()
    }

    // ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────

    /// Topics, events in the history, and the bytes held.
    pub(crate) fn totals(&mut self, now: u64) -> [u64; 3] {
        // The numbers may as well be those of now.
        self.topics.tidy(usize::MAX, now, &self.readers);
        let (history, held) = self.topics.totals();
        [self.topics.len() as u64, history, held]
    }
}
