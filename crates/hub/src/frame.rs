use ssecast_codec::{Error, Event};

use crate::epoch::Epoch;
use crate::hub::Shared;
use crate::sync::Arc;

/// An encoded event, as it goes out. The log, and whoever reads it at the moment, share the bytes.
pub(crate) type Frame = Arc<[u8]>;

/// A frame whose number is not known yet: that is given under the log's lock, when all else is encoded.
pub(crate) struct Draft {
    frame: Frame,
    /// How many digits there is room for; none if the publisher gave the id.
    digits: usize,
}

impl Draft {
    /// Encodes an event. `expected` is the number that it will have if nothing else is published meanwhile.
    pub(crate) fn new(hub: &Shared, event: &Event<'_>, expected: u64) -> Result<Self, Error> {
        if event.id.is_some() {
            return Ok(Self { frame: hub.encode(event, 0)?.into(), digits: 0 });
        }
        let line = id_line(hub.epoch, expected);
        let mut buffer = hub.encode(event, line.len())?;
        buffer[..line.len()].copy_from_slice(line.as_bytes());
        Ok(Self { frame: buffer.into(), digits: digits(expected).len() })
    }

    /// Puts the number into the id line.
    pub(crate) fn finish(mut self, epoch: Epoch, sequence: u64) -> Frame {
        if self.digits == 0 {
            return self.frame;
        }
        let digits = digits(sequence);
        let room = id_line(epoch, sequence).len() - 1 - digits.len();
        if digits.len() == self.digits
            && let Some(bytes) = Arc::get_mut(&mut self.frame)
        {
            bytes[room..room + digits.len()].copy_from_slice(digits.as_bytes());
            return self.frame;
        }
        // Rare: the numbers have just become longer.
        let rest = &self.frame[room + self.digits + 1..];
        [id_line(epoch, sequence).as_bytes(), rest].concat().into()
    }
}

fn id_line(epoch: Epoch, sequence: u64) -> String {
    format!("id: {epoch}-{sequence}\n")
}

fn digits(sequence: u64) -> String {
    sequence.to_string()
}
