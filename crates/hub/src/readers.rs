use slab::Slab;

use crate::sync::Arc;
use crate::topic::Interest;
use crate::topic_set::TopicKey;

/// Tells a delivery thread or an event loop that there is something to do.
pub trait Wake: Send + Sync + 'static {
    /// Called from any thread. It must return soon, and must not call the hub.
    fn wake(&self);
}

impl<F: Fn() + Send + Sync + 'static> Wake for F {
    fn wake(&self) {
        self();
    }
}

/// The log's side of every [`Reader`](crate::Reader).
#[derive(Default)]
pub(crate) struct Readers(Slab<ReaderState>);

struct ReaderState {
    wake: Arc<dyn Wake>,
    /// It was woken and has not looked yet.
    awake: bool,
    changed: Vec<TopicKey>,
    /// All its subscribers are past this.
    passed: u64,
    lagging: u64,
    lag_bytes: u64,
}

impl Readers {
    pub(crate) fn add(&mut self, wake: Arc<dyn Wake>, head: u64) -> usize {
        let state =
            ReaderState { wake, awake: false, changed: Vec::new(), passed: head, lagging: 0, lag_bytes: 0 };
        self.0.insert(state)
    }

    /// Returns what the host gave, to be dropped once the lock is free: it may own more of the hub.
    pub(crate) fn remove(&mut self, reader: usize) -> Arc<dyn Wake> {
        self.0.remove(reader).wake
    }

    /// Marks a topic for a reader. Returns the wake if the reader has to be woken for it.
    pub(crate) fn mark(&mut self, interest: &mut Interest, key: TopicKey) -> Option<Arc<dyn Wake>> {
        let reader = &mut self.0[interest.reader];
        if !std::mem::replace(&mut interest.changed, true) {
            reader.changed.push(key);
        }
        (!std::mem::replace(&mut reader.awake, true)).then(|| Arc::clone(&reader.wake))
    }

    /// Moves the marked topics to `changed`; from here on the reader is woken again.
    pub(crate) fn take_changed(&mut self, reader: usize, changed: &mut Vec<TopicKey>) {
        let reader = &mut self.0[reader];
        reader.awake = false;
        changed.append(&mut reader.changed);
    }

    /// The sequence number that all subscribers of these readers are past.
    pub(crate) fn passed(&self, interest: &[Interest]) -> u64 {
        interest.iter().map(|interest| self.0[interest.reader].passed).min().unwrap_or(u64::MAX)
    }

    /// Keeps the frames after a number for a subscriber until its reader notes that it is past them.
    pub(crate) fn hold(&mut self, reader: usize, cursor: u64) {
        let reader = &mut self.0[reader];
        reader.passed = reader.passed.min(cursor);
    }

    pub(crate) fn note_progress(&mut self, reader: usize, passed: u64, lagging: u64, lag_bytes: u64) {
        let reader = &mut self.0[reader];
        (reader.passed, reader.lagging, reader.lag_bytes) = (passed, lagging, lag_bytes);
    }

    /// The wakes of all readers, for what concerns every connection.
    pub(crate) fn wakes(&self) -> Vec<Arc<dyn Wake>> {
        self.0.iter().map(|(_, reader)| Arc::clone(&reader.wake)).collect()
    }

    /// How many subscribers lag, and the bytes that wait for the slowest of them.
    pub(crate) fn lag(&self) -> (u64, u64) {
        let lagging = self.0.iter().map(|(_, reader)| reader.lagging).sum();
        (lagging, self.0.iter().map(|(_, reader)| reader.lag_bytes).max().unwrap_or(0))
    }
}
