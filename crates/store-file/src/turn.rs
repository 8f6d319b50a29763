use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What one thread of the process has at a time, and others wait for until a deadline. Who waits comes before who has just had
/// it: a thread that takes it again and again would shut out all others.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_taken: bool,
    waiting: usize,
}

/// The turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken<'a>(&'a Turn);

impl Turn {
    /// Takes the turn; `None` if it was not free by the deadline.
    pub(crate) fn take(&self, deadline: Instant) -> Option<Taken<'_>> {
        self.take_within(|| deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()))
    }

    /// Takes the turn, whose holders all have deadlines.
    pub(crate) fn wait(&self) -> Taken<'_> {
        loop {
            if let Some(taken) = self.take_within(|| Some(Duration::MAX)) {
                return taken;
            }
        }
    }

    fn take_within(&self, left: impl Fn() -> Option<Duration>) -> Option<Taken<'_>> {
        let mut state = self.state();
        if state.is_taken || state.waiting > 0 {
            state.waiting += 1;
            loop {
                let Some(left) = left() else {
                    state.waiting -= 1;
                    // It may have been told that the turn is free.
                    if !state.is_taken {
                        self.free.notify_one();
                    }
                    return None;
                };
                state = self.free.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                if !state.is_taken {
                    break;
                }
            }
            state.waiting -= 1;
        }
        state.is_taken = true;
        Some(Taken(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_taken = false;
        // To tell nobody would cost a system call.
        if state.waiting > 0 {
            self.0.free.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn who_waits_comes_before_a_thread_that_has_just_had_it() {
        let (turn, has_it) = (Turn::default(), Barrier::new(2));
        thread::scope(|scope| {
            let taken = turn.take(soon()).unwrap();
            scope.spawn(|| {
                let _taken = turn.take(soon()).unwrap();
                has_it.wait();
            });
            while turn.state().waiting == 0 {
                thread::yield_now();
            }
            drop(taken);
            let came_before = turn.take(Instant::now()).is_some();
            has_it.wait();
            assert!(!came_before);
        });
        assert!(turn.take(Instant::now()).is_some());
    }

    #[test]
    fn who_gives_up_leaves_the_turn_to_the_next() {
        let turn = Turn::default();
        let taken = turn.take(soon()).unwrap();
        assert!(turn.take(Instant::now() + Duration::from_millis(5)).is_none());
        thread::scope(|scope| {
            let next = scope.spawn(|| turn.take(soon()).is_some());
            assert!(turn.take(Instant::now() + Duration::from_millis(5)).is_none());
            drop(taken);
            assert!(next.join().unwrap());
        });
        assert!(turn.take(Instant::now()).is_some());
    }
}
