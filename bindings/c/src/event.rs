use std::ffi::c_char;

use ssecast::{ErrorKind, Event};

use crate::entry::{entry, write_text};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::number::{SSECAST_OFF, SSECAST_ZERO};
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// One event to encode, publish or send. A slice whose `data` is NULL leaves its field out; an empty one writes the
/// field with an empty value, which is another thing for `data` and for `id`.
///
/// All of it but the size may be zero, so that a designated initializer does: `{.size = sizeof event, .data = ...}`. Every
/// function that takes an event reads all of it before it returns, and keeps nothing of it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_event {
    /// `sizeof(ssecast_event)`; `ssecast_event_init` sets it.
    pub size: usize,
    /// The event's type. The receiver takes none, or an empty one, for `message`.
    pub event: ssecast_slice,
    /// The id that a receiver sends back to resume.
    pub id: ssecast_slice,
    /// The text. Each CRLF, CR and LF in it begins a new line; the receiver reads all of them as LF.
    pub data: ssecast_slice,
    /// Text for people and proxies, which receivers ignore.
    pub comment: ssecast_slice,
    /// The receiver's reconnection time in milliseconds. 0 leaves it out, and so does `SSECAST_OFF`; `SSECAST_ZERO` has
    /// the receiver come back at once.
    pub retry: u64,
}

// SAFETY: slices and integers, the last of them as wide as the alignment.
unsafe impl Versioned for ssecast_event {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            event: ssecast_slice::NONE,
            id: ssecast_slice::NONE,
            data: ssecast_slice::NONE,
            comment: ssecast_slice::NONE,
            retry: 0,
        }
    }
}

/// Makes an event without fields. `size` is `sizeof(ssecast_event)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_event_init(event: *mut ssecast_event, size: usize) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(event, "event", size) }
}

/// Encodes an event into a buffer of the caller's. Writes how many bytes it has to `*length`; there is no zero byte
/// behind them. With `buffer` NULL and `capacity` 0 only the length is written.
///
/// Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit; with `SSECAST_INVALID_EVENT`, `SSECAST_INVALID_ID` or
/// `SSECAST_INVALID_DATA` if a field can't be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_event_encode(
    event: *const ssecast_event,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's event is as its size says.
        let event = unsafe { read(event) }?;
        // SAFETY: the caller has `capacity` bytes there.
        unsafe { write_text(&event.encode()?, buffer, capacity, length) }
    })
}

/// Borrows an event of the caller's.
///
/// # Safety
/// It is NULL, or as its size says, and stays for as long as the borrow lives.
pub(crate) unsafe fn read<'a>(event: *const ssecast_event) -> Result<Event<'a>, Failure> {
    // SAFETY: the caller's promise.
    let event = unsafe { versioned::read(event, "event", "event.size") }?;
    // SAFETY: the same.
    let text = |slice: ssecast_slice, name, kind| unsafe { slice.text(name, kind) };
    Ok(Event {
        event: text(event.event, "event", ErrorKind::InvalidEvent)?,
        id: text(event.id, "id", ErrorKind::InvalidId)?,
        retry: match event.retry {
            0 | SSECAST_OFF => None,
            SSECAST_ZERO => Some(0),
            retry => Some(retry),
        },
        data: text(event.data, "data", ErrorKind::InvalidData)?,
        comment: text(event.comment, "comment", ErrorKind::InvalidData)?,
    })
}

/// Borrows an event of the caller's that may be left out.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn read_optional<'a>(event: *const ssecast_event) -> Result<Option<Event<'a>>, Failure> {
    // SAFETY: the caller's promise.
    (!event.is_null()).then(|| unsafe { read(event) }).transpose()
}
