use std::mem::{self, size_of};

use crate::entry::entry;
use crate::error::{Failure, ssecast_result};

/// A structure that begins with its size, so that fields can be appended: a caller that was compiled before knows
/// fewer of them, one that was compiled later knows more.
///
/// # Safety
/// It is `repr(C)`, begins with a `usize` and has no padding at its end. Any bytes are a valid value: it holds integers,
/// pointers and optional functions.
pub(crate) unsafe trait Versioned: Copy {
    /// The size in the first version that had it. Once a field is appended this is that field's offset.
    const FIRST: usize = size_of::<Self>();

    /// What fields have that the caller doesn't know.
    fn defaults() -> Self;
}

/// No structure will ever have more bytes: what claims to was not initialized.
const MOST: usize = 4096;

fn check<T: Versioned>(size: usize, name: &'static str) -> Result<(), Failure> {
    if (T::FIRST..=MOST).contains(&size) {
        return Ok(());
    }
    let problem = format!(
        "must hold the structure's size, at least {}, and is {size}; use the init function",
        T::FIRST
    );
    Err(Failure::new(ssecast_result::SSECAST_INVALID_SIZE, name, problem))
}

/// Copies a structure of the caller's, of whatever version. Fields that this library doesn't know must be zero.
///
/// # Safety
/// It is NULL or points to a `usize` that says how many bytes may be read.
pub(crate) unsafe fn read<T: Versioned>(
    from: *const T,
    name: &'static str,
    size: &'static str,
) -> Result<T, Failure> {
    if from.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: the caller's promise.
    let stated = unsafe { from.cast::<usize>().read() };
    check::<T>(stated, size)?;
    let known = stated.min(size_of::<T>());
    let mut value = T::defaults();
    // SAFETY: both have so many bytes, and any bytes are a valid value.
    unsafe { from.cast::<u8>().copy_to_nonoverlapping((&raw mut value).cast(), known) };
    for at in known..stated {
        // SAFETY: the caller stated so many bytes.
        if unsafe { from.cast::<u8>().add(at).read() } != 0 {
            let problem =
                format!("is {stated}, and a field after {known}, which this library has not, is set");
            return Err(Failure::new(ssecast_result::SSECAST_INVALID_SIZE, size, problem));
        }
    }
    Ok(value)
}

/// Fills a structure of the caller's in with the defaults; what this library doesn't know is zero.
///
/// # Safety
/// It is NULL or may be written for `size` bytes.
pub(crate) unsafe fn initialize<T: Versioned>(to: *mut T, name: &'static str, size: usize) -> ssecast_result {
    let error = std::ptr::null_mut();
    entry!(error, {
        // SAFETY: the caller's promise; the first field is the size.
        unsafe { write(to, T::defaults(), name, size) }
    })
}

/// Writes as much of a structure as the caller knows, and zeros to what this library doesn't; the size stays.
///
/// # Safety
/// It is NULL or may be written for `size` bytes.
pub(crate) unsafe fn write<T: Versioned>(
    to: *mut T,
    value: T,
    name: &'static str,
    size: usize,
) -> Result<(), Failure> {
    if to.is_null() {
        return Err(Failure::null(name));
    }
    check::<T>(size, "size")?;
    let known = size.min(size_of::<T>());
    // SAFETY: the caller has `size` bytes there, and the value has the known ones. They are copied as what they are,
    // padding and all, and the size is written over the value's own.
    unsafe {
        to.cast::<mem::MaybeUninit<u8>>().copy_from_nonoverlapping((&raw const value).cast(), known);
        to.cast::<u8>().add(known).write_bytes(0, size - known);
        to.cast::<usize>().write(size);
    }
    Ok(())
}

/// The size that the caller wrote into a structure that is to be filled in.
///
/// # Safety
/// It is NULL or points to a `usize`.
pub(crate) unsafe fn stated<T: Versioned>(of: *const T, name: &'static str) -> Result<usize, Failure> {
    if of.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: the caller's promise.
    let size = unsafe { of.cast::<usize>().read() };
    check::<T>(size, "size").map(|()| size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssecast_result::*;

    /// As it is now, after one field was appended to what it was first.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Config {
        size: usize,
        first: u64,
        appended: u64,
    }

    // SAFETY: integers without padding.
    unsafe impl Versioned for Config {
        const FIRST: usize = mem::offset_of!(Config, appended);

        fn defaults() -> Self {
            Self { size: size_of::<Self>(), first: 1, appended: 2 }
        }
    }

    fn read_words(words: &[usize]) -> Result<Config, Failure> {
        // SAFETY: the first word says how many bytes there are, or is refused.
        unsafe { read(words.as_ptr().cast(), "config", "config.size") }
    }

    #[test]
    fn an_older_caller_gets_the_default_of_what_it_does_not_know() {
        let config = read_words(&[16, 7]).unwrap();
        assert_eq!((config.first, config.appended), (7, 2));
    }

    #[test]
    fn a_newer_caller_is_understood_unless_it_sets_what_is_not_known_here() {
        assert_eq!(read_words(&[32, 7, 8, 0]).unwrap().appended, 8);
        let failure = read_words(&[32, 7, 8, 1]).unwrap_err();
        assert_eq!(failure.result(), ssecast_result::SSECAST_INVALID_SIZE);
        for size in [0, 8, MOST + 1, usize::MAX] {
            assert_eq!(read_words(&[size]).unwrap_err().result(), ssecast_result::SSECAST_INVALID_SIZE);
        }
    }

    #[test]
    fn initializing_writes_what_the_caller_has_room_for_and_no_more() {
        let mut words = [usize::MAX; 5];
        // SAFETY: there is room for the sizes.
        unsafe {
            assert_eq!(initialize::<Config>(words.as_mut_ptr().cast(), "config", 16), SSECAST_OK);
            assert_eq!(words, [16, 1, usize::MAX, usize::MAX, usize::MAX]);
            assert_eq!(initialize::<Config>(words.as_mut_ptr().cast(), "config", 32), SSECAST_OK);
            assert_eq!(words, [32, 1, 2, 0, usize::MAX]);
            assert_eq!(initialize::<Config>(words.as_mut_ptr().cast(), "config", 8), SSECAST_INVALID_SIZE);
        }
    }
}
