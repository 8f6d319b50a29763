use std::ffi::{CStr, c_char};
use std::ptr;

use ssecast::ErrorKind;

use crate::entry::quiet;
use crate::error::{Failure, ssecast_result};

/// Text or bytes: `len` of them from `data` on, with no zero byte at the end. Text is UTF-8.
///
/// It owns nothing. What the caller passes must be valid until the call returns; what the library hands out is
/// valid for as long as the function that hands it out says.
///
/// A slice whose `data` is NULL and whose `len` is 0 stands for "left out". An empty text has a `data` that is
/// not NULL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_slice {
    /// The first byte; NULL if the text is left out.
    pub data: *const c_char,
    /// How many bytes there are.
    pub len: usize,
}

/// Makes a slice of a text that ends with a zero byte, without that byte. It points into the text and lives as long.
/// NULL gives the slice that stands for "left out".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_slice_of(text: *const c_char) -> ssecast_slice {
    if text.is_null() {
        return ssecast_slice::NONE;
    }
    quiet(ssecast_slice::NONE, || {
        // SAFETY: the caller's text ends with a zero byte.
        ssecast_slice { data: text, len: unsafe { CStr::from_ptr(text) }.count_bytes() }
    })
}

impl ssecast_slice {
    pub(crate) const NONE: Self = Self { data: ptr::null(), len: 0 };

    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// Borrows the bytes, if they are not left out.
    ///
    /// # Safety
    /// They are there, and not written, for as long as the borrow lives.
    pub(crate) unsafe fn bytes<'a>(self, name: &'static str) -> Result<Option<&'a [u8]>, Failure> {
        if self.data.is_null() {
            return if self.len == 0 { Ok(None) } else { Err(Failure::null(name)) };
        }
        if isize::try_from(self.len).is_err() {
            let problem = format!("has the length {}, which no memory has", self.len);
            return Err(Failure::new(ssecast_result::SSECAST_INVALID_SIZE, name, problem));
        }
        // SAFETY: not NULL, not too long, and the rest is the caller's promise.
        Ok(Some(unsafe { std::slice::from_raw_parts(self.data.cast(), self.len) }))
    }

    /// Borrows the text, if it is not left out.
    ///
    /// # Safety
    /// As [`bytes`](Self::bytes).
    pub(crate) unsafe fn text<'a>(
        self,
        name: &'static str,
        kind: ErrorKind,
    ) -> Result<Option<&'a str>, Failure> {
        // SAFETY: the caller's promise.
        let Some(bytes) = (unsafe { self.bytes(name) })? else { return Ok(None) };
        std::str::from_utf8(bytes).map(Some).map_err(|error| {
            let problem = format!("must be UTF-8, and is not from byte {} on", error.valid_up_to());
            Failure::new(kind.into(), name, problem)
        })
    }
}

/// Borrows an array.
///
/// # Safety
/// There are `len` elements, not written for as long as the borrow lives.
pub(crate) unsafe fn array<'a, T>(
    from: *const T,
    len: usize,
    name: &'static str,
) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if from.is_null() {
        return Err(Failure::null(name));
    }
    if len > isize::MAX as usize / size_of::<T>() {
        let problem = format!("has the length {len}, which no memory has");
        return Err(Failure::new(ssecast_result::SSECAST_INVALID_SIZE, name, problem));
    }
    // SAFETY: not NULL, not too long, and the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(from, len) })
}

/// Borrows an array of slices as texts, none of which is left out.
///
/// # Safety
/// There are `len` slices, and they and their bytes are there, and not written, for as long as the borrow lives.
pub(crate) unsafe fn texts<'a>(
    from: *const ssecast_slice,
    len: usize,
    name: &'static str,
    kind: ErrorKind,
) -> Result<Vec<&'a str>, Failure> {
    let text = |slice: &ssecast_slice| {
        // SAFETY: the caller's promise.
        unsafe { slice.text(name, kind) }?.ok_or_else(|| Failure::null(name))
    };
    // SAFETY: the caller's promise.
    unsafe { array(from, len, name) }?.iter().map(text).collect()
}
