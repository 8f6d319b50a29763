/// The id of the last event that a client has: from its header `Last-Event-ID`, or else from the parameter `lastEventId` of
/// its query, decoded. One that is empty is none.
///
/// The header is UTF-8 (SPEC 26). An id that is not can't be known, and the client is told so by a reset.
///
/// ```
/// use ssecast_engine::last_event_id;
/// assert_eq!(last_event_id(Some(b"7"), Some("6")).as_deref(), Some("7"));
/// assert_eq!(last_event_id(Some(b""), Some("6")).as_deref(), Some("6"));
/// assert_eq!(last_event_id(None, None), None);
/// ```
#[must_use]
pub fn last_event_id(header: Option<&[u8]>, query: Option<&str>) -> Option<String> {
    let header = header.filter(|id| !id.is_empty()).map(|id| String::from_utf8_lossy(id).into_owned());
    header.or_else(|| query.filter(|id| !id.is_empty()).map(str::to_owned))
}
