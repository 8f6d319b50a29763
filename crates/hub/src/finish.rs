use ssecast_codec::{Error, ErrorKind};

/// The id that the last block of a finished stream carries.
pub(crate) const FINISHED_ID: &str = "ssecast-finished";

/// Whether a last event ID says that its client's stream was finished. Such a request is answered 204 and gets no
/// stream: an `EventSource` asks again after every other end, and would get a finished answer once more.
///
/// ```
/// assert!(ssecast_hub::is_finished("ssecast-finished"));
/// assert!(!ssecast_hub::is_finished("order-17"));
/// ```
#[must_use]
pub fn is_finished(last_event_id: &str) -> bool {
    last_event_id == FINISHED_ID
}

/// Refuses an event whose id would end its client's stream for good.
pub(crate) fn refuse_reserved(id: &str) -> Result<(), Error> {
    if is_finished(id) {
        let problem =
            "is reserved: a client that comes back with it is answered 204; finish the stream instead";
        return Err(Error::new(ErrorKind::InvalidId, "id", problem));
    }
    Ok(())
}
