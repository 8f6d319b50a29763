use ssecast_codec::{Error, ErrorKind};

use crate::notice::NOTICES;

/// The most bytes of a topic's name.
const MAX_NAME: usize = 256;

/// Refuses a name that no topic may have.
///
/// # Errors
/// [`ErrorKind::InvalidTopic`] for one that is empty or longer than 256 bytes, or `ssecast-notices`.
pub fn check_name(name: &str) -> Result<(), Error> {
    if name == NOTICES {
        return Err(Error::new(ErrorKind::InvalidTopic, "topic", "is reserved; take another name"));
    }
    check_length(name)
}

/// Refuses a name that is too short or too long.
pub(crate) fn check_length(name: &str) -> Result<(), Error> {
    match name.len() {
        0 => Err(Error::new(ErrorKind::InvalidTopic, "topic", "must not be empty")),
        1..=MAX_NAME => Ok(()),
        length => Err(Error::new(
            ErrorKind::InvalidTopic,
            "topic",
            format!("has {length} bytes; at most {MAX_NAME} are allowed"),
        )),
    }
}
