use std::sync::{Mutex, PoisonError};

use crate::publication::Publication;
use crate::publish_queue::PublishQueue;
use crate::stats::StoreState;
use crate::store::{SharedStore, Watch};
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};

/// A hub's side of its store, in one process.
#[derive(Debug)]
pub(crate) struct StoreLink {
    pub(crate) store: SharedStore,
    pub(crate) queue: Arc<PublishQueue<Publication>>,
    /// Some entries, or that there are none, were applied.
    has_begun: AtomicBool,
    /// The last use of the store failed.
    is_degraded: AtomicBool,
    /// What tells this hub from those of other processes.
    process: u64,
    watch: Mutex<Option<Box<dyn Watch>>>,
    random: AtomicU64,
}

impl StoreLink {
    pub(crate) fn new(store: SharedStore) -> Self {
        let process = getrandom::u64().unwrap_or_else(|_| std::process::id().into());
        Self {
            process,
            store,
            queue: Arc::new(PublishQueue::new()),
            has_begun: AtomicBool::new(false),
            is_degraded: AtomicBool::new(false),
            watch: Mutex::new(None),
            // Without randomness the numbers of all processes are the same, which only a log that was lost would show.
            random: AtomicU64::new(getrandom::u64().unwrap_or_default()),
        }
    }

    pub(crate) fn process(&self) -> u64 {
        self.process
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::SeqCst)
    }

    pub(crate) fn note_begun(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
    }

    /// A number for an entry: splitmix64.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut number = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    pub(crate) fn is_watching(&self) -> bool {
        self.lock().is_some()
    }

    /// Keeps a watch. One that comes later is dropped: another thread was faster.
    pub(crate) fn keep(&self, watch: Box<dyn Watch>) {
        let mut kept = self.lock();
        let surplus = if kept.is_none() { kept.replace(watch) } else { Some(watch) };
        drop(kept);
        drop(surplus);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Box<dyn Watch>>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, worked: bool) {
        self.is_degraded.store(!worked, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> StoreState {
        match (self.is_degraded.load(Ordering::Relaxed), self.has_begun()) {
            (true, _) => StoreState::Degraded,
            (false, true) => StoreState::Ready,
            (false, false) => StoreState::Unopened,
        }
    }
}

impl Drop for StoreLink {
    fn drop(&mut self) {
        self.queue.end();
    }
}
