//! The primitives that carry the engine's concurrency, in one place so that a model checker can take theirs.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

use std::sync::PoisonError;

#[cfg(all(unix, not(loom)))]
pub(crate) use mio::Waker;

/// What ends a sleep that the model checker can follow.
#[cfg(all(unix, loom))]
pub(crate) struct Waker(pub(crate) loom::sync::Notify);

#[cfg(all(unix, loom))]
#[allow(clippy::unnecessary_wraps, reason = "as mio's does")]
impl Waker {
    pub(crate) fn new(_: &mio::Registry, _: mio::Token) -> std::io::Result<Self> {
        Ok(Self(loom::sync::Notify::new()))
    }

    pub(crate) fn wake(&self) -> std::io::Result<()> {
        self.0.notify();
        Ok(())
    }
}

/// Locks. A panic of another thread while it held the lock does not spread.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
