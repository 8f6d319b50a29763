use alloc::{borrow::ToOwned, string::String};
use core::mem;

/// Buffers up to this size are kept for the next event; larger ones are given back.
const KEPT_BYTES: usize = 1 << 20;

/// Text is copied in pieces of so many bytes. For more, libc may use `rep movsb`, which took five times as long on a
/// processor of 2021 (Zen 3), by where in their pages the two places are.
const COPIED_BYTES: usize = 2 << 10;

/// Fields of the block under way that lie whole in the text being parsed. The last one of a name wins (SPEC 8).
#[derive(Clone, Copy, Default)]
pub(crate) struct Fresh<'t> {
    /// The only data line so far; a second one moves both to the [`Block`].
    pub(crate) data: Option<&'t str>,
    pub(crate) event: Option<&'t str>,
    pub(crate) id: Option<&'t str>,
}

/// What a block has so far, in buffers of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    /// The data lines joined with LF; the last one may come in pieces.
    data: String,
    /// Whether there is one: its data may be empty (SPEC 13).
    pub(crate) has_data: bool,
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) has_id: bool,
    /// The most bytes that the block may have.
    pub(crate) limit: usize,
    /// The bytes of the block's data, event and id lines, of those that are not here too, without their line ends.
    pub(crate) size: usize,
}

impl Block {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The data, if there is any here.
    #[inline]
    pub(crate) fn data(&self) -> Option<&str> {
        self.has_data.then_some(&*self.data)
    }

    /// Adds a data line, or the first piece of one.
    #[inline]
    pub(crate) fn add_data(&mut self, value: &str) {
        if mem::replace(&mut self.has_data, true) {
            reserve(&mut self.data, 1 + value.len(), self.limit);
            self.data.push('\n');
        }
        self.extend_data(value);
    }

    /// Adds to the last data line.
    #[inline]
    pub(crate) fn extend_data(&mut self, piece: &str) {
        extend(&mut self.data, piece, self.limit);
    }

    pub(crate) fn set_event(&mut self, value: &str) {
        value.clone_into(&mut self.event);
    }

    pub(crate) fn set_id(&mut self, value: &str) {
        value.clone_into(&mut self.id);
        self.has_id = true;
    }

    /// Copies what would go away with the text.
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
            empty(&mut self.event);
        }
        if mem::take(&mut self.has_data) {
            empty(&mut self.data);
        }
    }
}

/// Adds a piece to a buffer, which grows no further than an event of this limit needs.
#[inline]
pub(crate) fn extend(buffer: &mut String, piece: &str, limit: usize) {
    reserve(buffer, piece.len(), limit);
    let mut rest = piece;
    while rest.len() > COPIED_BYTES {
        let end = (0..=COPIED_BYTES).rev().find(|end| rest.is_char_boundary(*end));
        let (begin, after) = rest.split_at(end.unwrap_or(rest.len()));
        buffer.push_str(begin);
        rest = after;
    }
    buffer.push_str(rest);
    #[cfg(test)]
    crate::line::work::add(piece.len());
}

/// Makes room for `more`: a buffer doubles, but not beyond what an event can have (SPEC 18).
#[inline]
fn reserve(buffer: &mut String, more: usize, limit: usize) {
    if buffer.capacity() - buffer.len() < more {
        buffer.reserve_exact(buffer.len().max(64).min(limit.saturating_sub(buffer.len())).max(more));
    }
}

/// Empties a buffer for its next use.
#[inline]
pub(crate) fn empty(buffer: &mut String) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}
