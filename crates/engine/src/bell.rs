use crate::sync::{AtomicU8, Ordering, Waker};

/// The thread is up and looks at everything before it sleeps.
const UP: u8 = 0;
/// Somebody has rung since it last began to look.
const RUNG: u8 = 1;
/// It sleeps, or is about to.
const ASLEEP: u8 = 2;

/// How a thread is woken: by a system call if it sleeps, and by a mark that costs nothing if it is up.
///
/// Whoever has something for the thread puts it down under a lock, then [`ring`](Self::ring)s. The thread
/// [gets up](Self::get_up), then looks under the same lock. One of the two locks first: if that is the thread, its
/// getting up comes before the ringing, and the mark stays until the thread wants to sleep.
pub(crate) struct Bell {
    state: AtomicU8,
    /// What ends the sleep.
    pub(crate) waker: Waker,
}

impl Bell {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { state: AtomicU8::new(UP), waker }
    }

    /// Sees to it that the thread looks again.
    pub(crate) fn ring(&self) {
        if self.state.swap(RUNG, Ordering::AcqRel) == ASLEEP {
            // It fails only when the descriptor is gone, and that lives as long as the thread.
            let _ = self.waker.wake();
        }
    }

    /// Returns whether the thread may sleep: not if somebody has rung since it got up.
    pub(crate) fn lie_down(&self) -> bool {
        self.state.compare_exchange(UP, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// To be called before the thread looks at anything.
    pub(crate) fn get_up(&self) {
        self.state.swap(UP, Ordering::AcqRel);
    }
}
