use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    vec::Vec,
};
use core::mem;

use crate::text::decoded;

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
    Text,
    Bytes,
}

/// What a block has so far, in buffers of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    /// The data lines joined with LF, while all of them came whole and are text.
    text: String,
    /// The same as they came, from a line in pieces on: a character may have been split (SPEC 1). Only one of the two
    /// has a buffer, which goes back and forth.
    bytes: Vec<u8>,
    pub(crate) data: Data,
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

    /// The data, if there is any here.
    #[inline]
    pub(crate) fn data(&self) -> Option<Cow<'_, str>> {
        match self.data {
            Data::Fresh => None,
            Data::Text => Some(Cow::Borrowed(&self.text)),
            Data::Bytes => Some(decoded(&self.bytes)),
        }
    }

    /// Adds a data line.
    #[inline]
    pub(crate) fn add_data(&mut self, value: &str) {
        if self.data == Data::Bytes {
            self.begin_data(value.as_bytes());
            return;
        }
        if mem::replace(&mut self.data, Data::Text) == Data::Text {
            self.push_text("\n");
        } else if self.text.capacity() == 0 {
            self.text = String::from_utf8(mem::take(&mut self.bytes)).unwrap_or_default();
        }
        self.push_text(value);
    }

    #[inline]
    fn push_text(&mut self, text: &str) {
        if self.text.capacity() - self.text.len() < text.len() {
            self.text.reserve_exact(growth(self.text.len(), text.len(), self.limit));
        }
        self.text.push_str(text);
        #[cfg(test)]
        crate::line::work::add(text.len());
    }

    /// Begins a data line that comes in pieces.
    #[inline]
    pub(crate) fn begin_data(&mut self, value: &[u8]) {
        if self.bytes.capacity() == 0 {
            self.bytes = mem::take(&mut self.text).into_bytes();
        }
        if mem::replace(&mut self.data, Data::Bytes) != Data::Fresh {
            self.extend_data(b"\n");
        }
        self.extend_data(value);
    }

    /// Adds to the data line that comes in pieces.
    #[inline]
    pub(crate) fn extend_data(&mut self, piece: &[u8]) {
        extend(&mut self.bytes, piece, self.limit);
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

    /// Ends the block.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.size = 0;
        self.has_id = false;
        if !self.event.is_empty() {
            empty_text(&mut self.event);
        }
        match mem::take(&mut self.data) {
            Data::Fresh => {}
            Data::Text => empty_text(&mut self.text),
            Data::Bytes => empty(&mut self.bytes),
        }
    }
}

/// Adds a piece to a buffer, which grows no further than an event of this limit needs.
#[inline]
pub(crate) fn extend(buffer: &mut Vec<u8>, piece: &[u8], limit: usize) {
    if buffer.capacity() - buffer.len() < piece.len() {
        buffer.reserve_exact(growth(buffer.len(), piece.len(), limit));
    }
    buffer.extend_from_slice(piece);
    #[cfg(test)]
    crate::line::work::add(piece.len());
}

/// How much a buffer grows for `more`: it doubles, but not beyond what an event can have (SPEC 18).
#[cold]
fn growth(len: usize, more: usize, limit: usize) -> usize {
    len.max(64).min(limit.saturating_sub(len)).max(more)
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
