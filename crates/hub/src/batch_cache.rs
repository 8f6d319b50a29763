use std::collections::HashMap;

use crate::batch::Batch;

/// The most batches kept for other subscribers at the same place, within one round.
const MAX_CACHED: usize = 256;

/// What was read from the log within one round, for the subscribers that are at the same place: those with the same
/// topics and the same cursor.
#[derive(Debug, Default)]
pub(crate) struct BatchCache(HashMap<(u64, u64), CachedBatch>);

/// What is read at one place, and where a subscriber is that got it.
#[derive(Clone, Debug)]
pub(crate) struct CachedBatch {
    pub(crate) batch: Batch,
    /// The sequence number of the last event.
    pub(crate) last: u64,
    /// The new cursor.
    pub(crate) through: u64,
    /// All topics have ended, and nothing comes any more.
    pub(crate) is_over: bool,
}

impl BatchCache {
    /// What was read for a topic set, by its id, at a cursor.
    pub(crate) fn get(&self, topics: u64, cursor: u64) -> Option<&CachedBatch> {
        self.0.get(&(topics, cursor))
    }

    pub(crate) fn insert(&mut self, topics: u64, cursor: u64, batch: CachedBatch) {
        if self.0.len() >= MAX_CACHED {
            self.0.clear();
        }
        self.0.insert((topics, cursor), batch);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
