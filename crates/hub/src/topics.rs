use std::collections::HashMap;
use std::ops::{Index, IndexMut};

use slab::Slab;
use ssecast_codec::{Error, ErrorKind};

use crate::config::{Config, History};
use crate::readers::Readers;
use crate::sync::Arc;
use crate::topic::{Ids, Topic, check_name};
use crate::topic_set::TopicKey;

/// After a look at all topics found none to remove, the next one waits this long: milliseconds.
const RECLAIM_PAUSE: u64 = 1000;

/// Every topic of the log: by key, by name, and by the ids that publishers gave.
pub(crate) struct Topics {
    slab: Slab<Topic>,
    names: HashMap<Arc<str>, TopicKey>,
    ids: Ids,
    /// Topics that were removed had events up to here.
    removed: u64,
    /// Where the next look for expired events begins.
    swept: usize,
    reclaim_at: u64,
    history: History,
    lag_limit: u64,
    limit: usize,
}

impl Topics {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            slab: Slab::new(),
            names: HashMap::new(),
            ids: HashMap::new(),
            removed: 0,
            swept: 0,
            reclaim_at: 0,
            history: config.history,
            lag_limit: config.slow_client.bytes as u64,
            limit: config.max_topics,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.slab.iter().map(|(_, topic)| topic)
    }

    pub(crate) fn get_mut(&mut self, key: TopicKey) -> Option<&mut Topic> {
        self.slab.get_mut(key.index())
    }

    pub(crate) fn key(&self, name: &str) -> Option<TopicKey> {
        self.names.get(name).copied()
    }

    /// The topic of a name, made if there is none.
    pub(crate) fn open(&mut self, name: &str, now: u64) -> Result<TopicKey, Error> {
        check_name(name)?;
        if let Some(key) = self.key(name) {
            return Ok(key);
        }
        if self.slab.len() >= self.limit {
            self.reclaim(now);
        }
        if self.slab.len() >= self.limit {
            let problem = format!("would be one more than the {} topics of maxTopics", self.limit);
            return Err(Error::new(ErrorKind::TooManyTopics, "topic", problem));
        }
        let name: Arc<str> = name.into();
        let key = TopicKey::new(self.slab.insert(Topic::new(Arc::clone(&name), self.removed)));
        self.names.insert(name, key);
        Ok(key)
    }

    /// The sequence number of the event in the history that has a publisher's id.
    pub(crate) fn find(&mut self, id: &str, now: u64) -> Option<u64> {
        let (key, sequence) = *self.ids.get(id)?;
        self.expire(key, now);
        self.ids.contains_key(id).then_some(sequence)
    }

    pub(crate) fn name(&mut self, id: &str, key: TopicKey, sequence: u64) {
        self.ids.insert(id.into(), (key, sequence));
    }

    /// Moves what is past the caps out of a topic's history.
    pub(crate) fn expire(&mut self, key: TopicKey, now: u64) {
        self.slab[key.index()].expire(now, &self.history, &mut self.ids);
    }

    /// Expires a topic's events, and lets go of those that nobody waits for.
    pub(crate) fn trim(&mut self, key: TopicKey, now: u64, readers: &Readers) {
        self.expire(key, now);
        let topic = &mut self.slab[key.index()];
        topic.drop_expired(readers.passed(&topic.interest), self.lag_limit);
    }

    /// Trims the next `count` topics. Each publication does one, so that topics which nobody publishes to any more
    /// are emptied too, at a constant cost.
    pub(crate) fn sweep(&mut self, count: usize, now: u64, readers: &Readers) {
        for _ in 0..count.min(self.slab.capacity()) {
            self.swept = (self.swept + 1) % self.slab.capacity();
            if self.slab.contains(self.swept) {
                self.trim(TopicKey::new(self.swept), now, readers);
            }
        }
    }

    /// Removes the topics that nobody listens to and that have no history left. What they lost is remembered for
    /// all topics together: a client that comes back to one is told that it may have missed events.
    fn reclaim(&mut self, now: u64) {
        if now < self.reclaim_at {
            return;
        }
        let before = self.slab.len();
        for index in 0..self.slab.capacity() {
            let Some(topic) = self.slab.get_mut(index).filter(|topic| topic.interest.is_empty()) else {
                continue;
            };
            topic.expire(now, &self.history, &mut self.ids);
            if topic.history() == 0 {
                self.remove(TopicKey::new(index));
            }
        }
        if self.slab.len() == before {
            self.reclaim_at = now.saturating_add(RECLAIM_PAUSE);
        }
    }

    pub(crate) fn remove(&mut self, key: TopicKey) {
        let topic = self.slab.remove(key.index());
        self.names.remove(&topic.name);
        self.removed = self.removed.max(topic.expired_through());
    }
}

impl Index<TopicKey> for Topics {
    type Output = Topic;

    fn index(&self, key: TopicKey) -> &Topic {
        &self.slab[key.index()]
    }
}

impl IndexMut<TopicKey> for Topics {
    fn index_mut(&mut self, key: TopicKey) -> &mut Topic {
        &mut self.slab[key.index()]
    }
}
