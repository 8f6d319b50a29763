use std::fmt::Write as _;
use std::time::SystemTime;

use ssecast_engine::{Field, Framing, Unavailable, stream_headers};

/// A response that is no stream: what is wrong, and nothing behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// What the body says after the status.
    pub(crate) detail: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: u16, detail: &'static str) -> Self {
        Self { status, detail }
    }

    /// The whole response. `lines` are further header lines; to HEAD nothing follows the head.
    pub(crate) fn response(&self, lines: &str, is_head: bool) -> Vec<u8> {
        let Self { status, detail } = *self;
        let mut response = begin(status);
        response.push_str(lines);
        // A 204 has no body, and so no length either.
        if status == 204 {
            response.push_str("\r\n");
            return response.into_bytes();
        }
        let separator = if detail.is_empty() { "" } else { ": " };
        let body = format!("{status} {}{separator}{detail}\n", reason(status));
        let _ = write!(
            response,
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\r\n",
            body.len()
        );
        if !is_head {
            response.push_str(&body);
        }
        response.into_bytes()
    }
}

/// The response to a client that can't have a stream for the moment. `detail` is what one that gets the status is told.
pub(crate) fn unavailable(
    answer: &Unavailable,
    detail: &'static str,
    lines: &str,
    headers: &[(String, String)],
    is_head: bool,
) -> Vec<u8> {
    match answer {
        Unavailable::Status { retry_after } => {
            let lines = format!("Retry-After: {retry_after}\r\n{lines}");
            Refusal::new(503, detail).response(&lines, is_head)
        }
        Unavailable::Stream { body } => {
            let lines = format!("Content-Length: {}\r\n{lines}", body.len());
            let mut response = stream_head(Framing::Raw, &lines, headers);
            if !is_head {
                response.extend_from_slice(body);
            }
            response
        }
    }
}

/// The head of a stream's response.
pub(crate) fn stream_head(framing: Framing, lines: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut head = begin(200);
    let is_cache_control = |name: &str| name.eq_ignore_ascii_case("cache-control");
    let wanted = headers.iter().filter(|(name, _)| is_cache_control(name)).map(|(_, value)| value.as_str());
    for (name, value) in stream_headers(Some(&wanted.collect::<Vec<_>>().join(", "))) {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if framing == Framing::Chunked {
        head.push_str("Transfer-Encoding: chunked\r\n");
    }
    head.push_str(lines);
    for (name, value) in headers.iter().filter(|(name, _)| !is_cache_control(name)) {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// Header fields as lines.
pub(crate) fn lines(fields: &[Field]) -> String {
    fields.iter().fold(String::new(), |mut lines, (name, value)| {
        let _ = write!(lines, "{name}: {value}\r\n");
        lines
    })
}

/// The status line, and the lines that every response has: each is the last one of its connection.
fn begin(status: u16) -> String {
    let date = httpdate::fmt_http_date(SystemTime::now());
    format!("HTTP/1.1 {status} {}\r\nDate: {date}\r\nConnection: close\r\n", reason(status))
}

/// The status in words; for one that is not known here there need not be any.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
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
