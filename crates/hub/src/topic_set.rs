use std::collections::HashMap;

use crate::sync::Arc;

/// A topic's place in the log, for as long as a reader is interested in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicKey(u32);

impl TopicKey {
    pub(crate) fn new(index: usize) -> Self {
        Self(index as u32)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The topics of a subscriber. Subscribers of the same topics share one, and so share what is read for them.
#[derive(Debug)]
pub(crate) struct TopicSet {
    id: u64,
    keys: Box<[TopicKey]>,
}

impl TopicSet {
    /// Never the same for two sets, even if one is gone.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// In order.
    pub(crate) fn keys(&self) -> &[TopicKey] {
        &self.keys
    }

    pub(crate) fn contains(&self, key: TopicKey) -> bool {
        self.keys.binary_search(&key).is_ok()
    }
}

/// Every set that is in use.
#[derive(Debug, Default)]
pub(crate) struct TopicSets {
    sets: HashMap<Box<[TopicKey]>, (Arc<TopicSet>, usize)>,
    next: u64,
}

impl TopicSets {
    /// The set of these keys, for one more user.
    pub(crate) fn intern(&mut self, mut keys: Vec<TopicKey>) -> Arc<TopicSet> {
        keys.sort_unstable();
        let keys = keys.into_boxed_slice();
        if let Some((set, users)) = self.sets.get_mut(&keys) {
            *users += 1;
            return Arc::clone(set);
        }
        let set = Arc::new(TopicSet { id: self.next, keys: keys.clone() });
        self.next += 1;
        self.sets.insert(keys, (Arc::clone(&set), 1));
        set
    }

    /// One user less.
    pub(crate) fn release(&mut self, set: &TopicSet) {
        if let Some((_, users)) = self.sets.get_mut(set.keys()) {
            *users -= 1;
            if *users == 0 {
                self.sets.remove(set.keys());
            }
        }
    }
}
