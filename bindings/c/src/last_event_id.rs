use ssecast::{is_finished, last_event_id};

use crate::entry::quiet;
use crate::error::Failure;
use crate::slice::ssecast_slice;

/// Whether a client's last event ID says that its stream was finished for good: answer 204, and open no stream. A listener
/// does so by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_is_finished(last_event_id: ssecast_slice) -> bool {
    // SAFETY: the caller's text is there until the call returns.
    quiet(false, || unsafe { read(last_event_id) }.ok().flatten().is_some_and(is_finished))
}

/// Gives the id of the last event that a client has, of what its request says: the header `Last-Event-ID`, or else the
/// parameter `lastEventId` of its query, decoded. Left out if it has none. A listener does so by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_last_event_id(header: ssecast_slice, query: ssecast_slice) -> ssecast_slice {
    quiet(ssecast_slice::NONE, || {
        // SAFETY: the caller's texts are there until the call returns.
        let (in_header, in_query) = unsafe { (header.bytes("header"), read(query)) };
        let is_given = |header, query| last_event_id(header, query).is_some();
        if is_given(in_header.ok().flatten(), None) {
            header
        } else if is_given(None, in_query.ok().flatten()) {
            query
        } else {
            ssecast_slice::NONE
        }
    })
}

/// Borrows a client's last event ID. One that is not UTF-8 is an unknown id, and the client gets a reset.
///
/// # Safety
/// It stays for as long as the borrow lives.
pub(crate) unsafe fn read<'a>(slice: ssecast_slice) -> Result<Option<&'a str>, Failure> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice.bytes("last_event_id") }?;
    Ok(bytes.map(|bytes| std::str::from_utf8(bytes).unwrap_or("\u{fffd}")))
}
