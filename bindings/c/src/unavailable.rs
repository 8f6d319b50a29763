use std::ffi::c_char;

use ssecast::{ErrorKind, Unavailable};

use crate::entry::{entry, quiet, required};
use crate::error::{Failure, ssecast_error, ssecast_result, terminated};
use crate::hub::ssecast_hub;
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// What a client is answered that can't have a stream for the moment.
///
/// An `EventSource` takes every status but 200 as final: after a 503 it never asks again. So it gets a stream that ends
/// at once, after which it comes back by itself; every other client gets the status that HTTP has for it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_unavailable {
    /// `sizeof(ssecast_unavailable)`: set it before the call.
    pub size: usize,
    /// 200, with the headers of a stream and `body`, or 503 with `Retry-After`.
    pub status: u32,
    /// Always 0.
    pub reserved: u32,
    /// The value of `Retry-After`, in seconds; 0 with the status 200. Each client gets one of its own.
    pub retry_after: u64,
    /// The body, after which the response ends: a reconnection time of the client's own. Ends with a zero byte; empty with
    /// the status 503.
    pub body: [c_char; 48],
}

// SAFETY: integers, none of them with a gap before it; the last are a multiple of the alignment.
unsafe impl Versioned for ssecast_unavailable {
    fn defaults() -> Self {
        Self { size: size_of::<Self>(), status: 503, reserved: 0, retry_after: 0, body: [0; 48] }
    }
}

/// Whether a stream could not be opened because the hub, or the process, has no room at the moment, because its store can't be
/// used, or because the hub is closed: `ssecast_hub_unavailable` has the answer then. With `SSECAST_TOPIC_ENDED` the answer is
/// 204. Any other result of `ssecast_hub_attach_socket` or `ssecast_hub_subscribe` but `SSECAST_OK` is a fault of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_is_unavailable(result: u32) -> bool {
    let is = |kind: &ErrorKind| kind.number() == result && Unavailable::answers(*kind);
    quiet(false, || ErrorKind::ALL.iter().any(is))
}

/// Gives the answer to a client that can't have a stream for the moment, by the request's method and its header `Accept`,
/// which is left out if there is none, and counts the client as refused. Set `unavailable->size` before. The hub may be
/// closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_unavailable(
    hub: *const ssecast_hub,
    method: ssecast_slice,
    accept: ssecast_slice,
    unavailable: *mut ssecast_unavailable,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub.
        let hub = unsafe { required(hub, "hub") }?;
        // SAFETY: the caller's texts are there until the call returns.
        let (method, accept) = unsafe { (method.bytes("method")?, accept.bytes("accept")?) };
        // SAFETY: the caller's structure says its size.
        let size = unsafe { versioned::stated(unavailable, "unavailable") }?;
        let method = std::str::from_utf8(method.ok_or_else(|| Failure::null("method"))?).unwrap_or_default();
        let answer = match Unavailable::new(&hub.hub, method, accept) {
            Unavailable::Status { retry_after, .. } => {
                ssecast_unavailable { retry_after, ..ssecast_unavailable::defaults() }
            }
            Unavailable::Stream { body, .. } => ssecast_unavailable {
                status: 200,
                body: terminated(&String::from_utf8_lossy(&body)),
                ..ssecast_unavailable::defaults()
            },
        };
        // SAFETY: the caller has `size` bytes there.
        unsafe { versioned::write(unavailable, answer, "unavailable", size) }
    })
}
