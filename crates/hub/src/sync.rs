//! The primitives that carry the hub's concurrency, in one place so that a model checker can take theirs.
//!
//! The lock is all that threads of a hub meet at. Counters and clocks are read by themselves, and decide nothing.

#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::PoisonError;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// Locks. A panic of another thread while it held the lock does not spread: every change to the log is complete
/// before anything that may panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
