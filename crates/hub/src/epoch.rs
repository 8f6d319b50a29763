use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::SystemTime;

use ssecast_codec::{Error, ErrorKind};

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Whether a byte is one of [`DIGITS`]. A store's description is read with every append.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_lowercase()
}

/// The name of one hub's life: random, made with the hub, the first part of every id it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch([u8; Epoch::LEN]);

/// What a last event ID says, by its form alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This hub gave it, for this sequence number.
    Own(u64),
    /// A hub with another epoch gave it.
    OtherEpoch,
    /// It is no id that a hub gives.
    Foreign,
}

impl Epoch {
    /// Ten digits to the base 36: 51 bits, so that two lives practically never share one.
    const LEN: usize = 10;

    /// Makes a new one.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system has no randomness.
    pub fn random() -> Result<Self, Error> {
        let number = getrandom::u64().map_err(|error| {
            Error::new(ErrorKind::Internal, "epoch", format!("found no randomness in the system: {error}"))
        })?;
        Ok(Self::of_number(number))
    }

    fn of_number(mut number: u64) -> Self {
        let mut text = [0; Self::LEN];
        for byte in &mut text {
            *byte = DIGITS[(number % 36) as usize];
            number /= 36;
        }
        Self(text)
    }

    /// The epoch of a text that [`Display`](fmt::Display) wrote; `None` for any other.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        text.try_into().ok().filter(|text: &[u8; Self::LEN]| text.iter().copied().all(is_digit)).map(Self)
    }

    /// Another epoch, for a child of the process whose epoch this is.
    pub(crate) fn of_child(self) -> Self {
        // What a system without randomness still has: the process, and the time.
        Self::random().unwrap_or_else(|_| {
            let mut hasher = DefaultHasher::new();
            (self.0, std::process::id(), SystemTime::now()).hash(&mut hasher);
            Self::of_number(hasher.finish())
        })
    }

    /// Looks at the form of an id.
    pub(crate) fn origin(self, id: &str) -> Origin {
        let Some((epoch, sequence)) = id.split_once('-') else { return Origin::Foreign };
        let of_a_hub = epoch.len() == Self::LEN && epoch.bytes().all(is_digit);
        let number = sequence.bytes().all(|byte| byte.is_ascii_digit())
            && !(sequence.len() > 1 && sequence.starts_with('0'));
        match sequence.parse() {
            Ok(sequence) if of_a_hub && number => {
                if epoch.as_bytes() == self.0 {
                    Origin::Own(sequence)
                } else {
                    Origin::OtherEpoch
                }
            }
            _ => Origin::Foreign,
        }
    }

    /// Refuses an id of a publisher's that can't be one.
    pub(crate) fn check_publishers_id(self, id: &str) -> Result<(), Error> {
        let invalid = |problem| Err(Error::new(ErrorKind::InvalidId, "id", problem));
        if id.is_empty() {
            return invalid(
                "must not be empty: the client would forget where it is; leave it out to get one",
            );
        }
        match self.origin(id) {
            Origin::Own(_) => {
                invalid("is, or will be, that of another event: ids with this hub's epoch are reserved")
            }
            // The index is asked first on resume, so an id that only looks like a hub's is known while it is kept.
            Origin::OtherEpoch | Origin::Foreign => Ok(()),
        }
    }

    pub(crate) fn id(self, sequence: u64) -> String {
        // It is ASCII.
        String::from_utf8(self.id_text(sequence).as_bytes().to_vec()).unwrap_or_default()
    }

    /// An id without memory of its own: every publication writes some.
    pub(crate) fn id_text(self, mut sequence: u64) -> IdText {
        let mut bytes = [0; IdText::MOST];
        let mut start = bytes.len();
        loop {
            start -= 1;
            bytes[start] = b'0' + (sequence % 10) as u8;
            sequence /= 10;
            if sequence == 0 {
                break;
            }
        }
        start -= 1;
        bytes[start] = b'-';
        start -= Self::LEN;
        bytes[start..start + Self::LEN].copy_from_slice(&self.0);
        IdText { bytes, start }
    }
}

/// The text of an id.
pub(crate) struct IdText {
    bytes: [u8; Self::MOST],
    start: usize,
}

impl IdText {
    /// The epoch, a hyphen, and the digits of a `u64`.
    const MOST: usize = Epoch::LEN + 1 + 20;

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_by_its_form() {
        let epoch = Epoch(*b"0123456789");
        assert_eq!(epoch.origin(&epoch.id(17)), Origin::Own(17));
        assert_eq!(epoch.origin("abcdefghij-17"), Origin::OtherEpoch);
        for foreign in [
            "",
            "17",
            "0123456789-",
            "0123456789-+1",
            "0123456789-01",
            "order-17",
            "0123456789-1-1",
            "0123456789-99999999999999999999",
        ] {
            assert_eq!(epoch.origin(foreign), Origin::Foreign, "{foreign}");
        }
    }

    #[test]
    fn an_id_is_the_epoch_a_hyphen_and_the_sequence() {
        for sequence in [0, 1, 9, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(Epoch(*b"0123456789").id(sequence), format!("0123456789-{sequence}"));
        }
    }

    #[test]
    fn two_epochs_differ() {
        assert!(Epoch::random().unwrap() != Epoch::random().unwrap());
    }
}
