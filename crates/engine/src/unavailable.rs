use std::time::Duration;

use bytes::Bytes;
use ssecast_hub::{ErrorKind, Event, Hub};

use crate::accept::names_event_stream;

/// What a client is answered that can't have a stream for the moment: the hub is full, or closing, or its store can't be used.
///
/// An `EventSource` takes every status but 200 as final: after a 503 it never asks again. So it gets a stream that ends
/// at once, after which it comes back by itself; every other client gets the status that HTTP has for it.
///
/// ```
/// use ssecast_engine::{Config, Hub, Unavailable};
/// let hub = Hub::new(Config::default())?;
/// let browser = Unavailable::new(&hub, "GET", [&b"text/event-stream"[..]]);
/// assert!(matches!(browser, Unavailable::Stream { body, .. } if body.starts_with(b"retry: ")));
/// let other = Unavailable::new(&hub, "GET", [&b"*/*"[..]]);
/// assert!(matches!(other, Unavailable::Status { .. }));
/// # Ok::<(), ssecast_engine::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// 200 and `text/event-stream`, with this body, after which the response ends.
    #[non_exhaustive]
    Stream {
        /// A reconnection time, of which each client gets one of its own.
        body: Bytes,
    },
    /// 503, with a `Retry-After` of so many seconds.
    #[non_exhaustive]
    Status {
        /// At least 1.
        retry_after: u64,
    },
}

/// Sent where no reconnection time is: a response without a byte is one that some proxies wait for.
const COMMENT: &[u8] = b":\n\n";

impl Unavailable {
    /// Decides by the method of the request and by all values of its `Accept`, and counts the client as
    /// [refused](ssecast_hub::Stats::refused).
    #[must_use]
    pub fn new<'a>(hub: &Hub, method: &str, accept: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::for_client(hub, expects_stream(method, accept))
    }

    /// The same for a client that is known to [expect a stream](expects_stream), or not.
    #[must_use]
    pub fn for_client(hub: &Hub, expects_stream: bool) -> Self {
        hub.count_refusal();
        let retry = hub.jittered_retry();
        if expects_stream {
            let retry = retry.map(|retry| retry.as_millis().try_into().unwrap_or(u64::MAX));
            let body = Event { retry, ..Event::default() }.encode();
            let body = body.ok().filter(|_| retry.is_some()).map_or(Bytes::from_static(COMMENT), Bytes::from);
            return Self::Stream { body };
        }
        Self::Status { retry_after: seconds(retry) }
    }

    /// Whether a client is answered so if its stream can't be opened because of an error of this kind: the hub, the
    /// process or the store has no room at the moment, or the hub is closed. Every other error is a fault of the host's.
    ///
    /// ```
    /// use ssecast_engine::{ErrorKind, Unavailable};
    /// assert!(Unavailable::answers(ErrorKind::TooManyConnections));
    /// assert!(!Unavailable::answers(ErrorKind::InvalidTopic));
    /// ```
    #[must_use]
    pub const fn answers(kind: ErrorKind) -> bool {
        matches!(
            kind,
            ErrorKind::Closed
                | ErrorKind::TooManyConnections
                | ErrorKind::TooManyDescriptors
                | ErrorKind::TooManyTopics
                | ErrorKind::StoreTimedOut
                | ErrorKind::StoreFull
                | ErrorKind::StoreUnavailable
        )
    }
}

/// Whether a request comes from what waits for an event stream and asks again when one has ended: an `EventSource`,
/// whose only method is GET. HEAD is told what GET would be.
#[must_use]
pub fn expects_stream<'a>(method: &str, accept: impl IntoIterator<Item = &'a [u8]>) -> bool {
    matches!(method, "GET" | "HEAD") && names_event_stream(accept.into_iter())
}

/// The seconds of a `Retry-After`: at least 1, and other ones for each client.
#[must_use]
pub fn retry_after(hub: &Hub) -> u64 {
    seconds(hub.jittered_retry())
}

fn seconds(retry: Option<Duration>) -> u64 {
    let retry = retry.unwrap_or_default();
    retry.as_secs().saturating_add(u64::from(retry.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssecast_hub::Config;

    const STREAM: &[u8] = b"text/event-stream";

    fn hub(retry: Option<Duration>) -> Hub {
        Hub::new(Config { retry, ..Config::default() }).unwrap()
    }

    #[test]
    fn what_asks_again_when_a_stream_ends_gets_one_and_everything_else_a_status() {
        let hub = hub(Some(Duration::from_secs(2)));
        for (method, accept, is_stream) in [
            ("GET", &[STREAM][..], true),
            ("HEAD", &[STREAM], true),
            ("GET", &[b"application/json", STREAM], true),
            ("GET", &[b"*/*"], false),
            ("GET", &[], false),
            ("GET", &[b"text/event-stream;q=0"], false),
            ("POST", &[b"application/json, text/event-stream"], false),
        ] {
            let answer = Unavailable::new(&hub, method, accept.iter().copied());
            assert_eq!(matches!(answer, Unavailable::Stream { .. }), is_stream, "{method} {accept:?}");
        }
    }

    #[test]
    fn clients_are_told_times_between_the_hubs_own_and_twice_as_long() {
        let hub = hub(Some(Duration::from_secs(2)));
        let mut times = std::collections::HashSet::new();
        for _ in 0..100 {
            let Unavailable::Stream { body } = Unavailable::new(&hub, "GET", [STREAM]) else { panic!() };
            let text = std::str::from_utf8(&body).unwrap();
            let retry: u64 = text
                .strip_prefix("retry: ")
                .and_then(|rest| rest.strip_suffix("\n\n"))
                .unwrap()
                .parse()
                .unwrap();
            assert!((2000..4000).contains(&retry), "{retry}");
            times.insert(retry);
            let Unavailable::Status { retry_after } = Unavailable::new(&hub, "GET", []) else { panic!() };
            assert!((2..=4).contains(&retry_after), "{retry_after}");
        }
        assert!(times.len() > 50, "{times:?}");
    }

    #[test]
    fn a_hub_that_tells_no_time_tells_none_here() {
        for (retry, seconds) in [(None, 1), (Some(Duration::ZERO), 1)] {
            let hub = hub(retry);
            let Unavailable::Stream { body } = Unavailable::new(&hub, "GET", [STREAM]) else { panic!() };
            assert_eq!(body.starts_with(b"retry: 0\n"), retry.is_some(), "{body:?}");
            assert!(body.ends_with(b"\n\n"));
            assert_eq!(Unavailable::new(&hub, "GET", []), Unavailable::Status { retry_after: seconds });
        }
    }
}
