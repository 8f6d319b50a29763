use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ssecast_hub::Wake;

/// Who is told of what the tail brings.
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
    /// The session of the server that it came through.
    session: u64,
    wake: Arc<dyn Wake>,
}

impl Watchers {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes one.
    pub(crate) fn remove(&self, number: u64) {
        let mut state = self.state();
        let index = state.watchers.iter().position(|watcher| watcher.number == number);
        let removed = index.map(|index| state.watchers.swap_remove(index));
        drop(state);
        // Outside the lock: what the host gave may do anything when it goes.
        drop(removed);
    }

    /// Whether there are none. Then the thread is noted to be gone.
    pub(crate) fn is_over(&self) -> bool {
        let mut state = self.state();
        if state.watchers.is_empty() {
            state.has_thread = false;
        }
        !state.has_thread
    }

    /// Tells all of them, or those of one session.
    pub(crate) fn tell(&self, session: Option<u64>) {
        let watchers = self.state().watchers.clone();
        for watcher in
            watchers.iter().filter(|watcher| session.is_none_or(|session| watcher.session == session))
        {
            // A panic of one must not keep the others from what they have to know.
            let _ = catch_unwind(AssertUnwindSafe(|| watcher.wake.wake()));
        }
    }
}

impl State {
    /// Adds one, and returns its number.
    pub(crate) fn add(&mut self, session: u64, wake: Arc<dyn Wake>) -> u64 {
        self.last += 1;
        self.watchers.push(Watcher { number: self.last, session, wake });
        self.last
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("watchers", &self.watchers.len()).finish_non_exhaustive()
    }
}
