use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ssecast_hub::Wake;

/// Who is told of what others append to one file, in one process.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<State>);

#[derive(Default)]
pub(crate) struct State {
    last: u64,
    watchers: Vec<Watcher>,
    /// There is a thread that tells them.
    pub(crate) has_thread: bool,
}

#[derive(Clone)]
struct Watcher {
    number: u64,
    /// The handle of the store that it came through: it is not told of what that appends.
    handle: u64,
    wake: Arc<dyn Wake>,
}

impl Watchers {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one has to be told of what a handle of this process appends.
    pub(crate) fn has_others(&self, handle: u64) -> bool {
        self.state().watchers.iter().any(|watcher| watcher.handle != handle)
    }

    /// Removes one. Returns whether it was the last.
    pub(crate) fn remove(&self, number: u64) -> bool {
        let mut state = self.state();
        let index = state.watchers.iter().position(|watcher| watcher.number == number);
        let removed = index.map(|index| state.watchers.swap_remove(index));
        let is_last = state.watchers.is_empty();
        drop(state);
        // Outside the lock: what the host gave may do anything when it goes.
        drop(removed);
        is_last
    }

    /// Tells all of them. Returns false, and notes that the thread is gone, if there are none.
    pub(crate) fn tell(&self) -> bool {
        let mut state = self.state();
        if state.watchers.is_empty() {
            state.has_thread = false;
            return false;
        }
        let watchers = state.watchers.clone();
        drop(state);
        for watcher in watchers {
            // A panic of one must not keep the others from what they have to know.
            let _ = catch_unwind(AssertUnwindSafe(|| watcher.wake.wake()));
        }
        true
    }
}

impl State {
    /// Adds one, and returns its number.
    pub(crate) fn add(&mut self, handle: u64, wake: Arc<dyn Wake>) -> u64 {
        self.last += 1;
        self.watchers.push(Watcher { number: self.last, handle, wake });
        self.last
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("watchers", &self.watchers.len()).finish_non_exhaustive()
    }
}
