use std::fmt::Write as _;

use ssecast_engine::{Field, Framing, Unavailable, stream_headers};

use crate::refusal::{Refusal, begin};

/// The response to a client that can't have a stream for the moment. `detail` is what one that gets the status is told.
pub(crate) fn unavailable(
    answer: &Unavailable,
    detail: &'static str,
    lines: &str,
    headers: &[(String, String)],
    is_head: bool,
) -> Vec<u8> {
    match answer {
        Unavailable::Status { retry_after, .. } => {
            let lines = format!("Retry-After: {retry_after}\r\n{lines}");
            Refusal::saying(503, detail).response(&lines, is_head)
        }
        Unavailable::Stream { body, .. } => {
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
