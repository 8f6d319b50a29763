use std::time::Duration;

use crate::loss::Loss;

/// The head of an answer, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The header `Location`.
    pub location: Option<&'a str>,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The header `Date`: what a date in `Retry-After` is counted from.
    pub date: Option<&'a str>,
}

/// What a host does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Feed the body: the source is open.
    Read,
    /// Give the answer up, and send [`request`](crate::Source::request) at once: it names another URL.
    Redirect,
    /// Give the answer up.
    Lost(Loss),
}

impl Response<'_> {
    /// The longest wait that a server can ask for: a mistaken year keeps no client away for ever.
    const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// Whether the essence of the MIME type is `text/event-stream` (SPEC 23).
    pub(crate) fn is_event_stream(&self) -> bool {
        let essence = self.content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        essence.trim_matches([' ', '\t']).eq_ignore_ascii_case("text/event-stream")
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.retry_after?.trim();
        let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            value.parse().map_or(Duration::MAX, Duration::from_secs)
        } else {
            let at = httpdate::parse_http_date(value).ok()?;
            at.duration_since(httpdate::parse_http_date(self.date?.trim()).ok()?).unwrap_or_default()
        };
        Some(wait.min(Self::LONGEST_RETRY_AFTER))
    }
}
