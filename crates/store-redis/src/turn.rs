use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// What one thread of the process has at a time, and others wait for until a deadline.
#[derive(Debug)]
pub(crate) struct Turn<T> {
    /// `None` while it is taken.
    value: Mutex<Option<T>>,
    free: Condvar,
}

/// The value, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken<'a, T: Default> {
    turn: &'a Turn<T>,
    value: T,
}

impl<T: Default> Turn<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(Some(value)), free: Condvar::new() }
    }

    /// Takes the value; `None` if it was not free by the deadline.
    pub(crate) fn take(&self, deadline: Instant) -> Option<Taken<'_, T>> {
        let mut free = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(value) = free.take() {
                return Some(Taken { turn: self, value });
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            free = self.free.wait_timeout(free, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T: Default> Deref for Taken<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Default> DerefMut for Taken<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Default> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let value = std::mem::take(&mut self.value);
        *self.turn.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        self.turn.free.notify_one();
    }
}
