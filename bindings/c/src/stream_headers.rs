use std::ffi::c_char;

use ssecast::{ErrorKind, stream_headers};

use crate::entry::{entry, write_text};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::slice::ssecast_slice;

/// Writes the headers that the response of every stream has, as lines of an HTTP/1.1 head: `Content-Type: …`,
/// `Cache-Control: …` and `X-Accel-Buffering: no`, each with CRLF at its end. What frames the body, `Transfer-Encoding` and
/// `Connection`, is the caller's. `cache_control` is the value that the caller wants, or left out: what a stream needs is
/// added to it.
///
/// Writes how many bytes it has to `*length`; there is no zero byte behind them. With `buffer` NULL and `capacity` 0 only
/// the length is written. Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_stream_headers(
    cache_control: ssecast_slice,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's text is there until the call returns.
        let wanted = unsafe { cache_control.text("cache_control", ErrorKind::InvalidOption) }?;
        if wanted.is_some_and(|wanted| wanted.contains(|each: char| each.is_ascii_control() && each != '\t'))
        {
            let problem = "must not contain control characters: it is one line";
            return Err(Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "cache_control", problem));
        }
        let lines = stream_headers(wanted).map(|(name, value)| format!("{name}: {value}\r\n")).concat();
        // SAFETY: the caller has `capacity` bytes there.
        unsafe { write_text(lines.as_bytes(), buffer, capacity, length) }
    })
}
