use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wakes the thread of a hub that looks after its [`Readership`](crate::readership::Readership), and knows whether there is one.
#[derive(Default)]
pub(crate) struct Alarm {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rings: bool,
    has_thread: bool,
    /// The hub is gone.
    is_over: bool,
}

impl Alarm {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread look.
    pub(crate) fn ring(&self) {
        self.lock().rings = true;
        self.changed.notify_all();
    }

    /// Ends the thread.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits until it rings, or for so long at most; and for so long at least, unless it is over. Returns false if it is.
    pub(crate) fn wait(&self, at_least: Duration, at_most: Duration) -> bool {
        let begin = Instant::now();
        let mut state = self.lock();
        while !state.is_over {
            let waited = begin.elapsed();
            let left = if state.rings { at_least } else { at_most }.saturating_sub(waited);
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.rings = false;
        !state.is_over
    }

    /// Whether a thread has to be started: it counts as started then.
    pub(crate) fn needs_thread(&self) -> bool {
        !std::mem::replace(&mut self.lock().has_thread, true)
    }

    /// Notes that the thread ends, unless it rang meanwhile. Returns whether it may.
    pub(crate) fn rest(&self) -> bool {
        let mut state = self.lock();
        state.has_thread = state.rings && !state.is_over;
        !state.has_thread
    }

    /// Notes that the thread could not be started.
    pub(crate) fn has_no_thread(&self) {
        self.lock().has_thread = false;
    }
}
