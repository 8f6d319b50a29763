use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, TryLockError};

use ssecast::Error;

use crate::error::{Failure, ssecast_error, ssecast_result};

/// Runs an entry point. Its failure becomes a result and, where the caller wants it, the detail; so does a panic,
/// which must not unwind into C. State behind a panic stays usable: the engine's locks don't poison.
///
/// # Safety
/// `error` is NULL or points to an `ssecast_error` that may be written.
pub(crate) unsafe fn run(
    error: *mut ssecast_error,
    call: impl FnOnce() -> Result<(), Failure>,
) -> ssecast_result {
    let failure = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return ssecast_result::SSECAST_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => Error::from_panic(&*panic).into(),
    };
    // SAFETY: the caller's promise.
    unsafe { failure.report(error) }
}

/// Runs an entry point that has no way to fail but a panic, which gives `otherwise`.
pub(crate) fn quiet<T>(otherwise: T, call: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(otherwise)
}

/// The body of an entry point whose last argument, `error`, is NULL or may be written.
macro_rules! entry {
    ($error:ident, $body:block) => {{
        let call = || $body;
        // SAFETY: the contract of every function of the header.
        unsafe { $crate::entry::run($error, call) }
    }};
}
pub(crate) use entry;

/// Borrows what a pointer that is required points to.
///
/// # Safety
/// It is NULL or points to a `T` that is valid, and not written elsewhere, for as long as the borrow lives.
pub(crate) unsafe fn required<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::null(name))
}

/// Takes a handle that one call at a time may use. It never waits: the other call may be the one whose callback this is.
pub(crate) fn exclusive<'a, T>(
    handle: &'a Mutex<T>,
    name: &'static str,
) -> Result<MutexGuard<'a, T>, Failure> {
    match handle.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => {
            let problem = "is in use: by another thread, or by the call whose callback this is";
            Err(Failure::new(ssecast_result::SSECAST_BUSY, name, problem))
        }
    }
}

/// Checks a pointer that a result is to be written to.
pub(crate) fn output<T>(pointer: *mut T, name: &'static str) -> Result<*mut T, Failure> {
    if pointer.is_null() { Err(Failure::null(name)) } else { Ok(pointer) }
}

/// Writes bytes to a buffer of the caller's, and their number; only their number if there is no buffer.
///
/// # Safety
/// `buffer` is NULL or may be written for `capacity` bytes, `length` is NULL or may be written.
pub(crate) unsafe fn write_text(
    bytes: &[u8],
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Result<(), Failure> {
    let length = output(length, "length")?;
    if buffer.is_null() && capacity > 0 {
        return Err(Failure::null("buffer"));
    }
    if !buffer.is_null() && capacity < bytes.len() {
        let problem = format!("has room for {capacity} bytes, and {} are to be written", bytes.len());
        return Err(Failure::new(ssecast_result::SSECAST_BUFFER_TOO_SMALL, "buffer", problem));
    }
    // SAFETY: there is room, and what the library allocated is not the caller's buffer.
    unsafe {
        if !buffer.is_null() {
            bytes.as_ptr().copy_to_nonoverlapping(buffer.cast(), bytes.len());
        }
        length.write(bytes.len());
    }
    Ok(())
}

/// Gives back what [`Box::into_raw`] made, and NULL does nothing. A panic on the way leaks it.
///
/// # Safety
/// It is NULL or from `Box::into_raw`, and not used again.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the caller's promise.
        quiet((), || drop(unsafe { Box::from_raw(pointer) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_result_with_its_message() {
        let mut error = ssecast_error::EMPTY;
        // SAFETY: it may be written.
        let result = unsafe { run(&raw mut error, || panic!("a {}", "defect")) };
        assert_eq!(result, ssecast_result::SSECAST_INTERNAL);
        assert_eq!(error.text(), "ssecast panicked; please report it: a defect");
        assert_eq!(quiet(7, || panic!("another")), 7);
    }
}
