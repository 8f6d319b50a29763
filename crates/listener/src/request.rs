use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::ListenerConfig;
use crate::refusal::Refusal;
use crate::target::Target;

/// A request for a stream, as its head says.
///
/// ```no_run
/// # use ssecast_listener::Request;
/// # fn of(request: Request) {
/// // GET /events?room=caf%C3%A9 HTTP/1.1
/// assert_eq!(request.method(), "GET");
/// assert_eq!(request.path(), "/events");
/// assert_eq!(request.query_value("room"), Some("café"));
/// assert_eq!(request.header("host"), Some(&b"localhost:8080"[..]));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    // A clone shares what is large.
    method: String,
    target: Arc<Target>,
    headers: Arc<[(String, Vec<u8>)]>,
    peer: SocketAddr,
    last_event_id: Option<String>,
    /// The version is HTTP/1.0.
    pub(crate) is_old: bool,
}

impl Request {
    /// Reads a head, of which there are at most as many bytes as are allowed. `None` if it is not complete.
    pub(crate) fn parse(
        bytes: &[u8],
        config: &ListenerConfig,
        peer: SocketAddr,
    ) -> Result<Option<Self>, Refusal> {
        // The shortest header takes three bytes: so many as are allowed need not have a place.
        let mut headers = vec![httparse::EMPTY_HEADER; config.max_headers.min(bytes.len() / 3 + 1)];
        let mut head = httparse::Request::new(&mut headers);
        let status = head.parse(bytes).map_err(refusal)?;
        if status.is_partial() && bytes.len() >= config.max_head_bytes {
            return Err(Refusal::saying(431, "the head is longer than this server takes"));
        }
        let (false, Some(method), Some(target)) = (status.is_partial(), head.method, head.path) else {
            return Ok(None);
        };
        let headers = head.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec()));
        let mut request = Self {
            method: method.to_owned(),
            target: Arc::new(Target::parse(target, method)?),
            headers: headers.collect(),
            peer,
            last_event_id: None,
            is_old: head.version == Some(0),
        };
        request.check_host()?;
        request.last_event_id = ssecast_engine::last_event_id(
            request.header("last-event-id"),
            request.query_value("lastEventId"),
        );
        Ok(Some(request))
    }

    /// The method: `GET`, or `HEAD`, which is answered like it but for the stream.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path with its percent-encoded bytes decoded. A router that grants by it should know that an encoded slash is a
    /// slash here; [`raw_path`](Self::raw_path) tells them apart.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.target.path
    }

    /// The path as the client sent it.
    #[must_use]
    pub fn raw_path(&self) -> &str {
        &self.target.raw_path
    }

    /// The query as the client sent it, without its question mark.
    #[must_use]
    pub fn raw_query(&self) -> Option<&str> {
        self.target.raw_query.as_deref()
    }

    /// The query's names and values, decoded as those of a form, in their order.
    pub fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        self.target.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of a name in the query.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The headers in their order, as the client wrote their names. Values may hold any bytes but control characters.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The first value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// The address that the request came from: a proxy's, if there is one.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The id of the last event that the client has: from the header `Last-Event-ID`, or else from the query's
    /// `lastEventId`. The stream resumes there.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// RFC 9112, 3.2: a request of HTTP/1.1 names its host once.
    fn check_host(&self) -> Result<(), Refusal> {
        let mut hosts = self.values("host");
        match (hosts.next(), hosts.next()) {
            (None, _) if self.is_old => Ok(()),
            (None, _) => Err(Refusal::saying(400, "there is no Host header")),
            (Some(host), None) if host.iter().all(|byte| is_of_a_host(*byte)) => Ok(()),
            (Some(_), None) => Err(Refusal::saying(400, "the Host header is not valid")),
            (Some(_), Some(_)) => Err(Refusal::saying(400, "there is more than one Host header")),
        }
    }

    /// Whether a body comes behind the head.
    pub(crate) fn has_body(&self) -> Result<bool, Refusal> {
        let mut has_body = self.values("transfer-encoding").next().is_some();
        for length in self.values("content-length") {
            if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
                return Err(Refusal::saying(400, "the Content-Length is not a number"));
            }
            has_body |= length.iter().any(|digit| *digit != b'0');
        }
        Ok(has_body)
    }
}

fn is_of_a_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=:[]%".contains(&byte)
}

fn refusal(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => {
            Refusal::saying(431, "there are more headers than this server takes")
        }
        httparse::Error::Version => Refusal::saying(505, "this server speaks HTTP/1.1"),
        httparse::Error::HeaderName => Refusal::saying(400, "a header's name is not valid"),
        httparse::Error::HeaderValue => Refusal::saying(400, "a header's value is not valid"),
        _ => Refusal::saying(400, "this is not HTTP"),
    }
}
