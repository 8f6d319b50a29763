use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::mem;

use crate::{field::data_start, text::decoded};

/// Buffers up to this size are kept for the next event; larger ones are given back.
const KEPT_BYTES: usize = 1 << 20;

/// Fields of the block under way that lie whole in the chunk being fed. The last one of a name wins (SPEC 8).
#[derive(Clone, Copy, Default)]
pub(crate) struct Fresh<'t> {
    /// The only data line so far; a second one moves both to the [`Block`].
    pub(crate) data: Option<&'t str>,
    pub(crate) event: Option<&'t str>,
    pub(crate) id: Option<&'t str>,
}

/// Where the data of a block is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Data {
    /// In the chunk, or nowhere yet.
    #[default]
    Fresh,
    /// One line that came in pieces, not decoded yet.
    Line,
    /// In [`Block::text`].
    Text,
}

/// What a block has so far, in buffers of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) data: Data,
    line: Vec<u8>,
    /// The data lines joined with LF.
    pub(crate) text: String,
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) has_id: bool,
    /// The most bytes that the block may have.
    pub(crate) limit: usize,
    /// The bytes of the block's data, event and id lines, of those in the chunk too, without their line ends.
    pub(crate) size: usize,
}

impl Block {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The value of the line that came in pieces.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line[data_start(&self.line).unwrap_or_default()..]
    }

    /// Takes the first data line over without a copy, and leaves an unused buffer for it.
    pub(crate) fn take_line(&mut self, line: &mut Vec<u8>) {
        mem::swap(&mut self.line, line);
        self.data = Data::Line;
    }

    pub(crate) fn add_data(&mut self, value: &str) {
        if self.data == Data::Line {
            let line = mem::take(&mut self.line);
            let start = data_start(&line).unwrap_or_default();
            self.push_text(&decoded(&line[start..]));
            #[cfg(test)]
            crate::line::work::add(line.len());
            self.line = line;
        }
        if self.data != Data::Fresh {
            self.push_text("\n");
        }
        self.data = Data::Text;
        self.push_text(value);
        #[cfg(test)]
        crate::line::work::add(value.len());
    }

    #[inline]
    fn push_text(&mut self, text: &str) {
        let room = self.text.capacity() - self.text.len();
        if room < text.len() {
            self.text.reserve_exact(growth(self.text.len(), text.len(), self.limit));
        }
        self.text.push_str(text);
    }

    pub(crate) fn set_event(&mut self, value: &str) {
        value.clone_into(&mut self.event);
    }

    pub(crate) fn set_id(&mut self, value: &str) {
        value.clone_into(&mut self.id);
        self.has_id = true;
    }

    /// Copies what would go away with the chunk.
    pub(crate) fn keep(&mut self, fresh: Fresh<'_>) {
        if let Some(value) = fresh.data {
            self.add_data(value);
        }
        if let Some(value) = fresh.event {
            self.set_event(value);
        }
        if let Some(value) = fresh.id {
            self.set_id(value);
        }
    }

    /// Ends the block. A buffer that [`take_line`](Self::take_line) took goes back to `line`, which is not in
    /// use then: one buffer stays in the processor's cache, where two would not.
    #[inline]
    pub(crate) fn clear(&mut self, line: &mut Vec<u8>) {
        self.size = 0;
        self.has_id = false;
        if !self.event.is_empty() {
            empty_text(&mut self.event);
        }
        match mem::take(&mut self.data) {
            Data::Fresh => {}
            Data::Line => {
                mem::swap(&mut self.line, line);
                empty(line);
            }
            Data::Text => {
                empty(&mut self.line);
                empty_text(&mut self.text);
            }
        }
    }
}

/// Adds a piece to the beginning of a line.
#[inline]
pub(crate) fn extend(line: &mut Vec<u8>, piece: &[u8], limit: usize) {
    if line.capacity() - line.len() < piece.len() {
        line.reserve_exact(growth(line.len(), piece.len(), limit));
    }
    line.extend_from_slice(piece);
}

/// How much a buffer grows for `more`: it doubles, but not beyond what an event can have (SPEC 18): as many bytes as
/// the limit, or three for each of them that is not UTF-8.
#[cold]
fn growth(len: usize, more: usize, limit: usize) -> usize {
    let most = if len + more <= limit { limit } else { limit.saturating_mul(3) };
    len.max(64).min(most.saturating_sub(len)).max(more)
}

/// Empties a buffer for its next use.
#[inline]
pub(crate) fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}

#[inline]
fn empty_text(buffer: &mut String) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}
