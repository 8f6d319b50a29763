use ssecast::ErrorKind;

use crate::error::Failure;
use crate::slice::{self, ssecast_slice};

/// A header of a request or of a response.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_header {
    /// Its name, in any case.
    pub name: ssecast_slice,
    /// Its value, without the white space around it.
    pub value: ssecast_slice,
}

impl ssecast_header {
    /// Its texts must outlive what is made of it.
    pub(crate) fn new(name: &str, value: &str) -> Self {
        Self { name: ssecast_slice::new(name.as_bytes()), value: ssecast_slice::new(value.as_bytes()) }
    }
}

/// Copies headers of the caller's.
///
/// # Safety
/// There are `len` of them, and their texts are there.
pub(crate) unsafe fn pairs(
    from: *const ssecast_header,
    len: usize,
) -> Result<Vec<(String, String)>, Failure> {
    let text = |slice: ssecast_slice| {
        // SAFETY: the caller's promise.
        unsafe { slice.text("headers", ErrorKind::InvalidOption) }?
            .map(str::to_owned)
            .ok_or_else(|| Failure::null("headers"))
    };
    // SAFETY: the caller's promise.
    let headers = unsafe { slice::array(from, len, "headers") }?;
    headers.iter().map(|header| Ok((text(header.name)?, text(header.value)?))).collect()
}
