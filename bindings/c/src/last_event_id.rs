use ssecast::is_finished;

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

/// Borrows a client's last event ID. One that is not UTF-8 is an unknown id, and the client gets a reset.
///
/// # Safety
/// It stays for as long as the borrow lives.
pub(crate) unsafe fn read<'a>(slice: ssecast_slice) -> Result<Option<&'a str>, Failure> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice.bytes("last_event_id") }?;
    Ok(bytes.map(|bytes| std::str::from_utf8(bytes).unwrap_or("\u{fffd}")))
}
