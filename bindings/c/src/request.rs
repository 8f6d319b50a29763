use std::ffi::c_char;

use ssecast::Request;

use crate::entry::quiet;
use crate::slice::ssecast_slice;

/// A request that a listener has heard. It belongs to the listener: it and all that its functions give are valid
/// until the callback that got it returns.
pub struct ssecast_request {
    request: Request,
    peer: String,
}

impl ssecast_request {
    pub(crate) fn new(request: Request) -> Self {
        Self { peer: request.peer().to_string(), request }
    }
}

/// Gives a request's method: `GET`, or `HEAD`, which is answered like it but for the stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_request_method(request: *const ssecast_request) -> ssecast_slice {
    // SAFETY: the listener's request, or NULL.
    unsafe { of(request, |request| Some(request.request.method().as_bytes())) }
}

/// Gives a request's path, with its percent-encoded bytes decoded: an encoded slash is a slash here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_request_path(request: *const ssecast_request) -> ssecast_slice {
    // SAFETY: the listener's request, or NULL.
    unsafe { of(request, |request| Some(request.request.path().as_bytes())) }
}

/// Gives a request's query as the client sent it, without its question mark; left out if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_request_query(request: *const ssecast_request) -> ssecast_slice {
    // SAFETY: the listener's request, or NULL.
    unsafe { of(request, |request| request.request.raw_query().map(str::as_bytes)) }
}

/// Gives the first value of a name in a request's query, decoded; left out if there is none. `name` ends with a
/// zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_request_query_value(
    request: *const ssecast_request,
    name: *const c_char,
) -> ssecast_slice {
    // SAFETY: the listener's request, or NULL, and the caller's text.
    unsafe { of_name(request, name, |request, name| request.request.query_value(name).map(str::as_bytes)) }
}

/// Gives the first value of a header, whatever the case of its name; left out if there is none. `name` ends with a
/// zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_request_header(
    request: *const ssecast_request,
    name: *const c_char,
) -> ssecast_slice {
    // SAFETY: the listener's request, or NULL, and the caller's text.
    unsafe { of_name(request, name, |request, name| request.request.header(name)) }
}

/// Gives the id of the last event that the client has, by the header `Last-Event-ID` or the query's `lastEventId`;
/// left out if there is none. The stream resumes there by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_request_last_event_id(request: *const ssecast_request) -> ssecast_slice {
    // SAFETY: the listener's request, or NULL.
    unsafe { of(request, |request| request.request.last_event_id().map(str::as_bytes)) }
}

/// Gives the address and port that a request came from: a proxy's, if there is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_request_peer(request: *const ssecast_request) -> ssecast_slice {
    // SAFETY: the listener's request, or NULL.
    unsafe { of(request, |request| Some(request.peer.as_bytes())) }
}

/// # Safety
/// It is NULL or a request that is there until its callback returns.
unsafe fn of(
    request: *const ssecast_request,
    get: impl FnOnce(&ssecast_request) -> Option<&[u8]>,
) -> ssecast_slice {
    // SAFETY: the caller's promise.
    let Some(request) = (unsafe { request.as_ref() }) else { return ssecast_slice::NONE };
    quiet(ssecast_slice::NONE, || get(request).map_or(ssecast_slice::NONE, ssecast_slice::new))
}

/// # Safety
/// As [`of`]; the name is NULL or ends with a zero byte.
unsafe fn of_name(
    request: *const ssecast_request,
    name: *const c_char,
    get: impl for<'a> FnOnce(&'a ssecast_request, &str) -> Option<&'a [u8]>,
) -> ssecast_slice {
    if name.is_null() {
        return ssecast_slice::NONE;
    }
    // SAFETY: not NULL, and the rest is the caller's promise.
    let name = unsafe { std::ffi::CStr::from_ptr(name) };
    // SAFETY: the caller's promise.
    unsafe { of(request, |request| get(request, name.to_str().ok()?)) }
}
