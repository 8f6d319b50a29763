use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many processes in a line of forks may use the engine before the last two share a place.
const GENERATIONS: usize = 16;

/// State of which every process has its own: a child begins with the default, whatever its parent was doing.
///
/// A lock that a thread of the parent held during the fork is held for ever in the child, where that thread is not.
/// So the child never takes it: every process of a line of forks has a place of its own.
pub(crate) struct PerProcess<T>([Place<T>; GENERATIONS]);

struct Place<T> {
    /// The process that the place belongs to; zero if none has taken it yet.
    owner: AtomicU32,
    state: Mutex<Option<T>>,
}

/// Whether this process is the one with that number, and not a child of it.
pub(crate) fn is_current(process: u32) -> bool {
    std::process::id() == process
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self([const { Place { owner: AtomicU32::new(0), state: Mutex::new(None) } }; GENERATIONS])
    }
}

impl<T: Default> PerProcess<T> {
    /// Changes the state of this process.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(self.lock().get_or_insert_default())
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        let own = std::process::id();
        // Places are taken in order and never given back, so that all threads of a process find the same one.
        let is_own = |place: &&Place<T>| match place.owner.load(Ordering::Acquire) {
            0 => match place.owner.compare_exchange(0, own, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => true,
                Err(owner) => owner == own,
            },
            owner => owner == own,
        };
        let place = self.0.iter().find(is_own).unwrap_or(&self.0[GENERATIONS - 1]);
        place.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_its_place_and_never_touches_that_of_another() {
        let counts: PerProcess<u32> = PerProcess::new();
        // As a child finds it: the place of its parent, with the lock held.
        counts.0[0].owner.store(std::process::id() + 1, Ordering::Release);
        let _held = counts.0[0].state.lock().unwrap();
        counts.with(|count| *count += 1);
        assert_eq!(counts.with(|count| *count), 1);
        assert!(counts.0[1].owner.load(Ordering::Acquire) == std::process::id());
    }
}
