//! Which headers a host may have the listener send.

use ssecast_hub::{Error, ErrorKind, OptionKey};

/// What the listener says itself in the head of a stream, or what would change where it ends.
pub(crate) const OF_A_STREAM: [&str; 7] = [
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "transfer-encoding",
    "x-accel-buffering",
];

/// The same for an answer that is no stream.
pub(crate) const OF_A_REFUSAL: [&str; 5] =
    ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];

/// Refuses headers that can't be sent.
pub(crate) fn check(headers: &[(String, String)], reserved: &[&str], has_cors: bool) -> Result<(), Error> {
    let invalid = |problem| Err(Error::new(ErrorKind::InvalidOption, OptionKey::Headers, problem));
    for (name, value) in headers {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return invalid(format!("must have names that are tokens; {name:?} is not"));
        }
        if reserved.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return invalid(format!("must not have {name}, which the listener sends itself"));
        }
        let is_of_cors = name.to_ascii_lowercase().starts_with("access-control-allow-");
        if has_cors && is_of_cors {
            return invalid(format!("must not have {name}: cors says what it is"));
        }
        if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            return invalid(format!("must have no control characters; {name} does"));
        }
    }
    Ok(())
}
