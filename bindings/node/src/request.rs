use napi::bindgen_prelude::Latin1String;
use napi_derive::napi;

/// The id of the last event that a client has, by its header `Last-Event-ID`, which Node reads as Latin-1; empty if it has
/// none.
#[napi]
pub fn last_event_id(header: Latin1String) -> String {
    ssecast::last_event_id(Some(&header), None).unwrap_or_default()
}

/// Whether a last event ID says that its client's stream was finished: the request is answered 204.
#[napi]
pub fn is_finished(last_event_id: String) -> bool {
    ssecast::is_finished(&last_event_id)
}
