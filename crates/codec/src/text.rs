use alloc::vec::Vec;

use crate::line::last_line_end;

/// Up to this size, a chunk is cheaper to copy than to parse in pieces.
const SMALL: usize = 256;

/// How many bytes may wait for the end of their line. They are decoded all at once, which costs little more than for one
/// small chunk.
const WAITING: usize = 4 << 10;

/// Makes text of bytes that come in chunks of any size: one U+FFFD for each maximal subpart of an invalid sequence
/// (SPEC 1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoder {
    /// The end of what has come: of small chunks, what no line end follows; of others, the beginning of a character that
    /// they were cut in.
    waiting: Vec<u8>,
}

impl Decoder {
    /// Drops what waits.
    pub(crate) fn finish(&mut self) {
        self.waiting.clear();
    }

    /// Gives the text of what waits to `take`: a character that was cut off is U+FFFD.
    pub(crate) fn flush<E>(&mut self, mut take: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let result = text_of(&self.waiting, &mut take);
        self.finish();
        result
    }

    /// Gives the text of a chunk to `take`: up to its last line end at least. What follows may wait for more, unless it
    /// could be text of more than `room` bytes.
    #[inline]
    pub(crate) fn feed<E>(
        &mut self,
        chunk: &[u8],
        room: usize,
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        // A byte that is no text becomes three.
        if chunk.len() <= SMALL && self.waiting.len() + chunk.len() <= WAITING.min(room / 3) {
            self.feed_small(chunk, &mut take)
        } else {
            self.feed_large(chunk, &mut take)
        }
    }

    #[inline]
    fn wait(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        #[cfg(test)]
        crate::line::work::add(bytes.len());
    }

    #[inline]
    fn feed_small<E>(&mut self, chunk: &[u8], take: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let lines = match chunk.last() {
            Some(b'\r' | b'\n') => chunk.len(),
            _ => last_line_end(chunk).map_or(0, |end| end + 1),
        };
        let (lines, rest) = chunk.split_at(lines);
        // Line ends are ASCII, so whole lines hold whole characters.
        if !lines.is_empty() && self.waiting.is_empty() {
            text_of(lines, take)?;
        } else if !lines.is_empty() {
            self.wait(lines);
            text_of(&self.waiting, take)?;
            self.waiting.clear();
        }
        self.wait(rest);
        Ok(())
    }

    #[inline(never)]
    fn feed_large<E>(
        &mut self,
        mut chunk: &[u8],
        take: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.waiting.is_empty() {
            let waited = self.waiting.len();
            let (begin, rest) = chunk.split_at(chunk.len().min(SMALL));
            self.wait(begin);
            let whole = whole_characters(&self.waiting);
            text_of(&self.waiting[..whole], take)?;
            if rest.is_empty() {
                self.waiting.drain(..whole);
                return Ok(());
            }
            self.waiting.clear();
            chunk = &chunk[whole - waited..];
        }
        let (whole, cut) = chunk.split_at(whole_characters(chunk));
        self.wait(cut);
        text_of(whole, take)
    }
}

/// The length without the character at the end whose last bytes are still to come.
#[inline]
fn whole_characters(bytes: &[u8]) -> usize {
    let is_first = |byte: &u8| !matches!(byte, 0x80..0xc0);
    let Some(back) = bytes.iter().rev().take(3).position(is_first) else { return bytes.len() };
    let last = bytes.len() - 1 - back;
    if back + 1 < character_len(bytes[last]) { last } else { bytes.len() }
}

/// How many bytes a character has that begins with this one.
#[inline]
fn character_len(first: u8) -> usize {
    match first {
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => 1,
    }
}

/// Gives bytes as text.
#[inline]
fn text_of<E>(bytes: &[u8], take: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => take(text),
        Err(_) => replace(bytes, take),
    }
}

/// Gives text in pieces, with U+FFFD for what is none.
#[cold]
fn replace<E>(bytes: &[u8], take: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    for piece in bytes.utf8_chunks() {
        take(piece.valid())?;
        if !piece.invalid().is_empty() {
            take("\u{fffd}")?;
        }
    }
    Ok(())
}
