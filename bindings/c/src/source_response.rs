use ssecast_client::Response;

use crate::error::{Failure, ssecast_result};
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// The head of a response. A header that it doesn't have is left out, and so is one that is not UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_source_response {
    /// `sizeof(ssecast_source_response)`; `ssecast_source_response_init` sets it.
    pub size: usize,
    /// The status, such as 200.
    pub status: u32,
    /// Always 0.
    pub reserved: u32,
    /// The header `Content-Type`.
    pub content_type: ssecast_slice,
    /// The header `Location`.
    pub location: ssecast_slice,
    /// The header `Retry-After`.
    pub retry_after: ssecast_slice,
    /// The header `Date`: a date in `Retry-After` is counted from it.
    pub date: ssecast_slice,
}

// SAFETY: integers and slices, none of them with a gap before it.
unsafe impl Versioned for ssecast_source_response {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            status: 0,
            reserved: 0,
            content_type: ssecast_slice::NONE,
            location: ssecast_slice::NONE,
            retry_after: ssecast_slice::NONE,
            date: ssecast_slice::NONE,
        }
    }
}

/// Makes a response without headers. `size` is `sizeof(ssecast_source_response)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_response_init(
    response: *mut ssecast_source_response,
    size: usize,
) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(response, "response", size) }
}

/// Borrows a response of the caller's.
///
/// # Safety
/// It is NULL or as its size says, and its texts stay for as long as the borrow lives.
pub(crate) unsafe fn read<'a>(response: *const ssecast_source_response) -> Result<Response<'a>, Failure> {
    // SAFETY: the caller's promise.
    let response = unsafe { versioned::read(response, "response", "response.size") }?;
    let header = |slice: ssecast_slice, name| {
        // SAFETY: the caller's promise.
        let bytes = unsafe { slice.bytes(name) }?;
        Ok::<_, Failure>(bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()))
    };
    Ok(Response {
        // What is no status is not 200 either.
        status: u16::try_from(response.status).unwrap_or_default(),
        content_type: header(response.content_type, "content_type")?,
        location: header(response.location, "location")?,
        retry_after: header(response.retry_after, "retry_after")?,
        date: header(response.date, "date")?,
    })
}
