use alloc::{borrow::ToOwned, string::String};
use core::mem;

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

/// What a block has so far, in buffers of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    /// The data lines joined with LF, from `data_start` on.
    data: String,
    data_start: usize,
    pub(crate) has_data: bool,
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) has_id: bool,
    /// The bytes of the block's data, event and id lines, of those in the chunk too, without their line ends.
    pub(crate) size: usize,
}

impl Block {
    pub(crate) fn data(&self) -> &str {
        &self.data[self.data_start..]
    }

    pub(crate) fn add_data(&mut self, value: &str) {
        if self.has_data {
            self.data.push('\n');
        }
        self.has_data = true;
        self.data.push_str(value);
        #[cfg(test)]
        crate::line::work::add(value.len());
    }

    /// Takes a whole line as the first data, without a copy: the value begins at `start`.
    pub(crate) fn take_data(&mut self, line: &mut String, start: usize) {
        mem::swap(&mut self.data, line);
        self.data_start = start;
        self.has_data = true;
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

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.size = 0;
        self.has_id = false;
        if !self.event.is_empty() {
            self.event.clear();
        }
        if self.has_data {
            self.has_data = false;
            self.data_start = 0;
            empty(&mut self.data);
        }
    }
}

/// Empties a buffer for its next use.
#[inline]
pub(crate) fn empty(buffer: &mut String) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = String::new();
    } else {
        buffer.clear();
    }
}
