use crate::sync::{AtomicU8, Ordering, Waker};

/// The thread is awake, and looks at everything before it sleeps.
const AWAKE: u8 = 0;
/// It was unparked since it last began to look.
const NOTIFIED: u8 = 1;
/// It sleeps, or is about to.
const PARKED: u8 = 2;

/// How a thread is woken: by a system call if it sleeps, and by a mark that costs nothing if it is awake.
///
/// Other threads queue work under a lock, then [`unpark`](Self::unpark). The thread [begins](Self::begin) a turn, then
/// looks at the queue under the same lock. Wake after queueing; clear before checking. If the thread takes the lock
/// first, it began before the other one unparks it: the mark stays, and the thread looks again before it sleeps.
pub struct Parker {
    state: AtomicU8,
    /// What ends the sleep.
    pub(crate) waker: Waker,
}

impl Parker {
    /// Makes the parker of a thread that sleeps in a poll which the waker ends.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        Self { state: AtomicU8::new(AWAKE), waker }
    }

    /// Makes the thread look again.
    pub fn unpark(&self) {
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == PARKED {
            // It fails only when the descriptor is gone, and that lives as long as the thread.
            let _ = self.waker.wake();
        }
    }

    /// Returns whether the thread may sleep: not if it was unparked since it began.
    #[must_use]
    pub fn try_park(&self) -> bool {
        self.state.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Begins a turn. The thread calls it before it looks at anything.
    pub fn begin(&self) {
        self.state.swap(AWAKE, Ordering::AcqRel);
    }
}
