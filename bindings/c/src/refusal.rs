use ssecast::Refusal;

use crate::entry::entry;
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::header::{self, ssecast_header};
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// What a request of a listener is answered that gets no stream. All but the size and the status may be zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_refusal {
    /// `sizeof(ssecast_refusal)`; `ssecast_refusal_init` sets it.
    pub size: usize,
    /// From 400 to 599; 204, by which an `EventSource` does not come back; or 301, 302, 303, 307 or 308 with the header
    /// `Location`. Default 403.
    pub status: u32,
    /// Always 0.
    pub reserved: u32,
    /// Headers, `headers_len` of them, such as `WWW-Authenticate`.
    pub headers: *const ssecast_header,
    /// How many there are.
    pub headers_len: usize,
    /// The body, 64 KiB at most: plain text, unless the headers have another `Content-Type`. Left out, it says the status in words.
    pub body: ssecast_slice,
}

// SAFETY: integers, a pointer and a slice, none of them with a gap before it.
unsafe impl Versioned for ssecast_refusal {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            status: 403,
            reserved: 0,
            headers: std::ptr::null(),
            headers_len: 0,
            body: ssecast_slice::NONE,
        }
    }
}

/// Fills a refusal in with the defaults. `size` is `sizeof(ssecast_refusal)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_refusal_init(refusal: *mut ssecast_refusal, size: usize) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(refusal, "refusal", size) }
}

/// Says whether a listener could answer with this: for servers that write their responses themselves, and are to refuse clients
/// as listeners do. With `cors` the server has headers of CORS, which then are not the refusal's.
///
/// Fails with `SSECAST_INVALID_OPTION`, and names `status`, `headers` or `body`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_refusal_check(
    refusal: *const ssecast_refusal,
    cors: bool,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: a structure that is as its size says, whose texts are there until the call returns.
        let refusal = unsafe { versioned::read(refusal, "refusal", "refusal.size")?.core() }?;
        Ok(refusal.validate(cors)?)
    })
}

impl ssecast_refusal {
    /// # Safety
    /// What it points to is there.
    pub(crate) unsafe fn core(&self) -> Result<Refusal, Failure> {
        let status = if self.status == 0 { Self::defaults().status } else { self.status };
        Ok(Refusal {
            // One that is no status is refused by the core, with its range.
            status: u16::try_from(status).unwrap_or(u16::MAX),
            // SAFETY: the caller's promise.
            headers: unsafe { header::pairs(self.headers, self.headers_len) }?,
            // SAFETY: the same.
            body: unsafe { self.body.bytes("body") }?.map(<[u8]>::to_vec),
        })
    }
}
