use std::ptr;

use ssecast_client::Request;

use crate::header::ssecast_header;
use crate::number::SSECAST_OFF;
use crate::slice::ssecast_slice;
use crate::versioned::Versioned;

/// What to send. Its texts and headers are valid until the next call for the source.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_source_request {
    /// `sizeof(ssecast_source_request)`: set it before the call.
    pub size: usize,
    /// Where to: the source's URL, or the one that a response redirected to.
    pub url: ssecast_slice,
    /// The method.
    pub method: ssecast_slice,
    /// `headers_len` headers. The program adds its own, but none with one of these names.
    pub headers: *const ssecast_header,
    /// How many there are.
    pub headers_len: usize,
    /// 1 if the program sends its body; 0 once a redirect has turned the request into a GET.
    pub sends_body: u32,
    /// 1 if the program sends its `Authorization` and `Cookie`; 0 once a redirect led to another origin.
    pub sends_credentials: u32,
    /// The silence in milliseconds, before the response or within it, after which the program gives the connection up
    /// and calls `ssecast_source_lose` with `SSECAST_CAUSE_IDLE`; `SSECAST_OFF` if it waits for ever.
    pub idle_ms: u64,
}

// SAFETY: integers, pointers and slices, the last of them as wide as the alignment.
unsafe impl Versioned for ssecast_source_request {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            url: ssecast_slice::NONE,
            method: ssecast_slice::NONE,
            headers: ptr::null(),
            headers_len: 0,
            sends_body: 0,
            sends_credentials: 0,
            idle_ms: SSECAST_OFF,
        }
    }
}

impl ssecast_source_request {
    /// The texts and headers must outlive what is made of them.
    pub(crate) fn new(request: &Request<'_>, headers: &[ssecast_header], idle_ms: u64) -> Self {
        Self {
            url: ssecast_slice::new(request.url.as_bytes()),
            method: ssecast_slice::new(request.method.as_bytes()),
            headers: headers.as_ptr(),
            headers_len: headers.len(),
            sends_body: request.body.into(),
            sends_credentials: request.credentials.into(),
            idle_ms,
            ..Self::defaults()
        }
    }
}
