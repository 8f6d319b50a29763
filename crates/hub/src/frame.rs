use ssecast_codec::{Error, ErrorKind, Event, OptionKey};

use crate::epoch::Epoch;
use crate::finish::refuse_reserved;
use crate::sync::Arc;

/// An encoded event, as it goes out. The log and the readers that read it at the moment share the bytes.
pub(crate) type Frame = Arc<[u8]>;

/// Refuses an event that has more than `limit` bytes, or a reserved id. Returns how many it has.
fn check(event: &Event<'_>, limit: usize) -> Result<usize, Error> {
    event.id.map_or(Ok(()), refuse_reserved)?;
    let length = event.encoded_len();
    if length > limit {
        let error = Error::new(ErrorKind::EventTooLarge, "event", format!("has {length} bytes when encoded"));
        return Err(error.with_limit(OptionKey::MaxEventBytes, limit as u64));
    }
    Ok(length)
}

/// Encodes an event without its id, which is checked as if it were there.
pub(crate) fn encode_block(event: &Event<'_>, limit: usize) -> Result<Vec<u8>, Error> {
    check(event, limit)?;
    event.validate()?;
    Event { id: None, ..*event }.encode()
}

/// Encodes an event behind a gap, if it has no more than `limit` bytes.
pub(crate) fn encode(event: &Event<'_>, gap: usize, limit: usize) -> Result<Vec<u8>, Error> {
    let length = check(event, limit)?;
    let mut buffer = Vec::with_capacity(gap + length);
    buffer.resize(gap, 0);
    event.encode_into(&mut buffer)?;
    Ok(buffer)
}

/// Puts the id line before a block that has none.
pub(crate) fn with_id(id: &[u8], block: &[u8]) -> Frame {
    [ID_FIELD, id, b"\n", block].concat().into()
}

/// A frame whose number is not known yet: that is given under the log's lock, when all else is encoded.
pub(crate) struct Draft {
    frame: Frame,
    /// How many bytes there are for the id; none if the publisher gave it.
    id: usize,
    /// The number of the id that is there.
    expected: u64,
}

const ID_FIELD: &[u8] = b"id: ";

impl Draft {
    /// Encodes an event of at most `limit` bytes. `expected` is the number that it will have if nothing else is
    /// published meanwhile.
    pub(crate) fn new(event: &Event<'_>, limit: usize, epoch: Epoch, expected: u64) -> Result<Self, Error> {
        if event.id.is_some() {
            return Ok(Self { frame: encode(event, 0, limit)?.into(), id: 0, expected });
        }
        let id = epoch.id_text(expected);
        let id = id.as_bytes();
        let end = ID_FIELD.len() + id.len();
        let mut buffer = encode(event, end + 1, limit)?;
        buffer[..ID_FIELD.len()].copy_from_slice(ID_FIELD);
        buffer[ID_FIELD.len()..end].copy_from_slice(id);
        buffer[end] = b'\n';
        Ok(Self { frame: buffer.into(), id: id.len(), expected })
    }

    /// How many bytes the frame has, give or take a digit.
    pub(crate) fn len(&self) -> usize {
        self.frame.len()
    }

    /// Puts the number into the id line.
    pub(crate) fn finish(mut self, epoch: Epoch, sequence: u64) -> Frame {
        if self.id == 0 || sequence == self.expected {
            return self.frame;
        }
        let id = epoch.id_text(sequence);
        let id = id.as_bytes();
        if id.len() == self.id
            && let Some(bytes) = Arc::get_mut(&mut self.frame)
        {
            bytes[ID_FIELD.len()..ID_FIELD.len() + id.len()].copy_from_slice(id);
            return self.frame;
        }
        // Rare: the numbers have just become longer.
        [ID_FIELD, id, &self.frame[ID_FIELD.len() + self.id..]].concat().into()
    }
}
