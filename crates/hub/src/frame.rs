use std::cell::Cell;

use ssecast_codec::{Error, Event};

use crate::epoch::Epoch;
use crate::finish::refuse_reserved;
use crate::sync::Arc;

/// An encoded event, as it goes out. The log and the readers that read it at the moment share the bytes.
pub(crate) type Frame = Arc<[u8]>;

thread_local! {
    /// Where a published event is encoded: the frame is then copied into memory of just its length.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A thread keeps so much of it.
const SCRATCH_KEPT: usize = 64 << 10;

/// Encodes an event without its id, which is checked as if it were there.
pub(crate) fn encode_block(event: &Event<'_>, limit: usize) -> Result<Vec<u8>, Error> {
    event.id.map_or(Ok(()), refuse_reserved)?;
    event.check_len(limit)?;
    event.validate()?;
    Event { id: None, ..*event }.encode()
}

/// Encodes an event of at most `limit` bytes.
pub(crate) fn encode(event: &Event<'_>, limit: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    encode_onto(&mut out, event, limit)?;
    Ok(out)
}

fn encode_onto(out: &mut Vec<u8>, event: &Event<'_>, limit: usize) -> Result<(), Error> {
    event.id.map_or(Ok(()), refuse_reserved)?;
    event.encode_within(limit, out)
}

/// Fills memory that is used again for the next event.
fn with_scratch<T>(fill: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    // There is none while the thread ends.
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    let made = fill(&mut scratch);
    if scratch.capacity() <= SCRATCH_KEPT {
        scratch.clear();
        SCRATCH.try_with(|kept| kept.set(scratch)).unwrap_or_default();
    }
    made
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
        with_scratch(|scratch| {
            if event.id.is_none() {
                scratch.extend_from_slice(ID_FIELD);
                scratch.extend_from_slice(epoch.id_text(expected).as_bytes());
                scratch.push(b'\n');
            }
            let id = scratch.len().saturating_sub(ID_FIELD.len() + 1);
            encode_onto(scratch, event, limit)?;
            Ok(Self { frame: scratch.as_slice().into(), id, expected })
        })
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
