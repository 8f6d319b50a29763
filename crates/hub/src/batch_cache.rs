use std::collections::HashMap;

use crate::batch::Batch;

/// The most batches kept for other subscribers at the same place, within one round.
const MAX_CACHED: usize = 256;

/// What was read from the log within one round, for the subscribers that are at the same place: those with the same
/// topics and the same cursor.
#[derive(Debug, Default)]
pub(crate) struct BatchCache {
    /// What was read, each with the id of its topic set and its cursor.
    batches: Vec<(Place, CachedBatch)>,
    /// Where it stands in `batches`.
    index: HashMap<Place, usize>,
    /// What was asked for last: mostly the next subscriber is at the same place, and nothing has to be looked up.
    recent: usize,
}

/// The id of a topic set, and a cursor.
type Place = (u64, u64);

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
    pub(crate) fn get(&mut self, topics: u64, cursor: u64) -> Option<&CachedBatch> {
        let place = (topics, cursor);
        if self.batches.get(self.recent).is_none_or(|(recent, _)| *recent != place) {
            self.recent = *self.index.get(&place)?;
        }
        self.batches.get(self.recent).map(|(_, batch)| batch)
    }

    pub(crate) fn insert(&mut self, topics: u64, cursor: u64, batch: CachedBatch) {
        if self.batches.len() >= MAX_CACHED {
            self.clear();
        }
        self.recent = self.batches.len();
        self.index.insert((topics, cursor), self.recent);
        self.batches.push(((topics, cursor), batch));
    }

    pub(crate) fn clear(&mut self) {
        self.batches.clear();
        self.index.clear();
    }
}
