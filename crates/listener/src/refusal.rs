use std::fmt::Write as _;
use std::time::SystemTime;

use ssecast_hub::{Error, ErrorKind};

use crate::headers;

/// The most bytes of a body. A client that does not read holds it for two seconds.
const MOST_BYTES: usize = 64 << 10;

/// What a client is answered that gets no stream.
///
/// ```
/// use ssecast_listener::{Refusal, Request, Responder};
/// let router = |request: Request, responder: Responder| match request.header("authorization") {
///     Some(_) => responder.allow(&["ticks"]),
///     None => responder.refuse_with(Refusal {
///         headers: vec![("WWW-Authenticate".into(), "Bearer".into())],
///         body: Some("Sign in first.\n".into()),
///         ..Refusal::new(401)
///     }),
/// }.map(drop).unwrap_or_default();
/// # fn is_a_router(_: impl ssecast_listener::Router) {}
/// # is_a_router(router);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// From 400 to 599; 204, by which an `EventSource` does not come back; or 301, 302, 303, 307 or 308 with the header
    /// `Location`.
    pub status: u16,
    /// Headers besides those of every answer. Those of CORS are the configuration's, if it has any.
    pub headers: Vec<(String, String)>,
    /// The body, 64 KiB at most: plain text, unless the headers have another `Content-Type`. `None` says the status in words.
    pub body: Option<Vec<u8>>,
}

impl Refusal {
    /// A status alone.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A status, with what is wrong.
    pub(crate) fn saying(status: u16, detail: &str) -> Self {
        let body = format!("{status} {}: {detail}\n", reason(status)).into_bytes();
        Self { body: Some(body), ..Self::new(status) }
    }

    /// Refuses what can't be sent. Where the server `has_cors`, the headers of CORS are not the refusal's.
    ///
    /// ```
    /// use ssecast_listener::Refusal;
    /// assert!(Refusal::new(401).validate(false).is_ok());
    /// assert_eq!(Refusal::new(302).validate(false).unwrap_err().field(), "headers", "there is no Location");
    /// ```
    ///
    /// # Errors
    /// [`InvalidOption`](ErrorKind::InvalidOption) names `status`, `headers` or `body`.
    pub fn validate(&self, has_cors: bool) -> Result<(), Error> {
        let invalid = |field, problem: String| Err(Error::new(ErrorKind::InvalidOption, field, problem));
        let status = self.status;
        match status {
            204 | 400..=599 => {}
            301 | 302 | 303 | 307 | 308 if self.header("location").is_some() => {}
            301 | 302 | 303 | 307 | 308 => {
                return invalid("headers", format!("must have a Location with the status {status}"));
            }
            _ => {
                let problem = format!(
                    "must be from 400 to 599, or 204, or 301, 302, 303, 307 or 308 with a Location, not {status}"
                );
                return invalid("status", problem);
            }
        }
        let length = self.body.as_ref().map_or(0, Vec::len);
        if length > MOST_BYTES {
            return invalid("body", format!("must have at most {MOST_BYTES} bytes, not {length}"));
        }
        if length > 0 && status == 204 {
            return invalid("body", "must be left out with the status 204, which has none".into());
        }
        headers::check(&self.headers, &headers::OF_A_REFUSAL, has_cors)
    }

    /// The whole response. `lines` are further header lines; to HEAD nothing follows the head.
    pub(crate) fn response(&self, lines: &str, is_head: bool) -> Vec<u8> {
        let status = self.status;
        let mut response = begin(status);
        response.push_str(lines);
        for (name, value) in &self.headers {
            let _ = write!(response, "{name}: {value}\r\n");
        }
        // A 204 has no body, and so no length either.
        if status == 204 {
            response.push_str("\r\n");
            return response.into_bytes();
        }
        let words = || format!("{status} {}\n", reason(status)).into_bytes();
        let body = self.body.clone().unwrap_or_else(words);
        for (name, value) in [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")] {
            if self.header(name).is_none() {
                let _ = write!(response, "{name}: {value}\r\n");
            }
        }
        let _ = write!(response, "Content-Length: {}\r\n\r\n", body.len());
        let mut response = response.into_bytes();
        if !is_head {
            response.extend_from_slice(&body);
        }
        response
    }

    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        let is_it = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(wanted);
        self.headers.iter().find(is_it).map(|(_, value)| value.as_str())
    }
}

/// The status line, and the lines that every response has: each is the last one of its connection.
pub(crate) fn begin(status: u16) -> String {
    let date = httpdate::fmt_http_date(SystemTime::now());
    format!("HTTP/1.1 {status} {}\r\nDate: {date}\r\nConnection: close\r\n", reason(status))
}

/// The status in words; for one that is not known here there need not be any.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
