use std::borrow::Cow;

use crate::cache_control::cache_control;

/// The headers that make a response an event stream, all of them: every host sends these and the status 200.
/// `cache_control` is the value that the host wants, if it wants one: it is [merged](cache_control()).
///
/// What frames the body on the connection (`Transfer-Encoding`, `Connection`) is the host's.
///
/// ```
/// use ssecast_engine::stream_headers;
/// let [content_type, cache_control, buffering] = stream_headers(Some("private"));
/// assert_eq!(content_type, ("Content-Type", "text/event-stream; charset=utf-8".into()));
/// assert_eq!(cache_control, ("Cache-Control", "private, no-cache, no-transform".into()));
/// assert_eq!(buffering, ("X-Accel-Buffering", "no".into()));
/// ```
#[must_use]
pub fn stream_headers(cache_control: Option<&str>) -> [(&'static str, Cow<'static, str>); 3] {
    [
        ("Content-Type", Cow::Borrowed("text/event-stream; charset=utf-8")),
        ("Cache-Control", Cow::Owned(self::cache_control(cache_control.unwrap_or_default()))),
        // nginx would collect the events otherwise.
        ("X-Accel-Buffering", Cow::Borrowed("no")),
    ]
}
