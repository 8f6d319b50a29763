use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::mem;

use crate::{
    Flow, Item, Message,
    block::{Block, Data, Fresh, empty, extend},
    field::{Field, data_start},
    line::{far_line_end, line_end, terminator_len, whole_lines},
    text::{decoded, valid},
};

/// From this size on, an event is worth a call for each chunk.
const LONG_EVENT: usize = 1 << 10;

/// From this length on, a line shows whether it is a data line, and where its value begins.
const DATA_PREFIX: usize = "data: ".len();

/// Why a chunk is not parsed to its end.
pub(crate) enum Halt {
    TooLarge,
    Stopped,
}

/// The stream that is being parsed: where it is, and what outlives it.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// Whether the place where a BOM may stand is past.
    started: bool,
    /// Whether the last byte was a CR, whose LF may still come.
    after_cr: bool,
    /// The beginning of a line that earlier chunks did not finish, unless it is a data line.
    line: Vec<u8>,
    /// Whether they left a data line unfinished, which the block has then.
    in_data: bool,
    /// What earlier chunks brought of the block under way.
    pub(crate) block: Block,
    pub(crate) last_event_id: String,
    pub(crate) retry: Option<u64>,
}

impl Stream {
    pub(crate) fn new(max_event_bytes: usize) -> Self {
        Self {
            started: false,
            after_cr: false,
            line: Vec::new(),
            in_data: false,
            block: Block::new(max_event_bytes),
            last_event_id: String::new(),
            retry: None,
        }
    }

    /// Discards an incomplete block, its id included (SPEC 15), and awaits the next stream.
    pub(crate) fn finish(&mut self) {
        self.started = false;
        self.after_cr = false;
        empty(&mut self.line);
        self.in_data = false;
        self.block.clear();
    }

    /// Parses one chunk.
    pub(crate) fn feed<F: Flow>(
        &mut self,
        mut chunk: &[u8],
        sink: &mut impl FnMut(Item<'_>) -> F,
    ) -> Result<(), Halt> {
        if !self.started {
            chunk = self.skip_bom(chunk);
            if !self.started {
                return Ok(());
            }
        }
        // A CR ends its line at once; an LF that comes in the next chunk is swallowed (SPEC 4).
        if let Some((first, last)) = chunk.first().zip(chunk.last()) {
            let after_cr = mem::replace(&mut self.after_cr, *last == b'\r');
            if after_cr && *first == b'\n' {
                chunk = &chunk[1..];
            }
        }
        if self.in_data || !self.line.is_empty() {
            // What is long already is likely to go on.
            let end = if self.block.size < LONG_EVENT { line_end(chunk) } else { far_line_end(chunk) };
            let Some(end) = end else { return self.hold(chunk) };
            self.hold(&chunk[..end])?;
            self.finish_line(sink)?;
            chunk = &chunk[end + terminator_len(&chunk[end..])..];
        }
        // Line ends are ASCII, so whole lines hold whole characters.
        let (lines, tail) = chunk.split_at(whole_lines(chunk));
        if !lines.is_empty() {
            match valid(lines) {
                Some(text) => self.lines(text, sink)?,
                None => self.invalid_lines(lines, sink)?,
            }
        }
        if tail.is_empty() { Ok(()) } else { self.hold(tail) }
    }

    /// Drops one leading BOM (SPEC 2). A part of one waits as the beginning of a line, which it is if it goes
    /// on otherwise.
    #[cold]
    fn skip_bom<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let missing = &"\u{feff}".as_bytes()[self.line.len()..];
        if let Some(rest) = chunk.strip_prefix(missing) {
            self.started = true;
            self.line.clear();
            rest
        } else if missing.starts_with(chunk) {
            self.line.extend_from_slice(chunk);
            &[]
        } else {
            self.started = true;
            chunk
        }
    }

    /// Takes the held line as finished. Only now is it decoded, as a character may have been split too (SPEC 1).
    fn finish_line<F: Flow>(&mut self, sink: &mut impl FnMut(Item<'_>) -> F) -> Result<(), Halt> {
        if mem::take(&mut self.in_data) {
            return Ok(());
        }
        let text = decoded(&self.line);
        let field = Field::of(&text);
        if field.is_kept() {
            self.block.size += self.line.len();
        }
        match field {
            Field::Data(value) => self.block.add_data(value),
            Field::Event(value) => self.block.set_event(value),
            Field::Id(value) => self.block.set_id(value),
            Field::Retry(retry) => {
                self.retry = Some(retry);
                give(sink, Item::Retry(retry))?;
            }
            Field::Comment(comment) => give(sink, Item::Comment(comment))?,
            Field::Ignored => {}
        }
        empty(&mut self.line);
        Ok(())
    }

    /// Parses whole lines of which at least one is not UTF-8.
    #[cold]
    fn invalid_lines<F: Flow>(
        &mut self,
        mut lines: &[u8],
        sink: &mut impl FnMut(Item<'_>) -> F,
    ) -> Result<(), Halt> {
        while let Some(end) = line_end(lines) {
            let (line, rest) = lines.split_at(end + terminator_len(&lines[end..]));
            lines = rest;
            if let Some(text) = valid(line) {
                self.lines(text, sink)?;
            } else {
                self.hold(&line[..end])?;
                self.finish_line(sink)?;
            }
        }
        Ok(())
    }

    /// Parses whole lines.
    fn lines<F: Flow>(&mut self, mut text: &str, sink: &mut impl FnMut(Item<'_>) -> F) -> Result<(), Halt> {
        let mut fresh = Fresh::default();
        loop {
            let bytes = text.as_bytes();
            // The two kinds of lines that nearly every stream consists of come first, and are seen without a
            // search.
            if bytes.starts_with(b"data:") {
                let start = if bytes.get(5) == Some(&b' ') { 6 } else { 5 };
                let Some(len) = line_end(&bytes[start..]) else { break };
                let end = start + len;
                self.check(end)?;
                self.block.size += end;
                let value = &text[start..end];
                text = &text[end + terminator_len(&bytes[end..])..];
                self.add_data(&mut fresh, value);
                continue;
            }
            if let Some(b'\r' | b'\n') = bytes.first() {
                text = &text[terminator_len(bytes)..];
                self.dispatch(&mut fresh, sink)?;
                continue;
            }
            let Some(end) = line_end(bytes) else { break };
            let line = &text[..end];
            text = &text[end + terminator_len(&bytes[end..])..];
            self.check(end)?;
            let field = Field::of(line);
            if field.is_kept() {
                self.block.size += end;
            }
            match field {
                Field::Data(value) => self.add_data(&mut fresh, value),
                Field::Event(value) => fresh.event = Some(value),
                Field::Id(value) => fresh.id = Some(value),
                Field::Retry(retry) => {
                    self.retry = Some(retry);
                    give(sink, Item::Retry(retry))?;
                }
                Field::Comment(comment) => give(sink, Item::Comment(comment))?,
                Field::Ignored => {}
            }
        }
        self.block.keep(fresh);
        Ok(())
    }

    /// Adds a data line that lies in the chunk: the first stays there, until there is a second.
    #[inline]
    fn add_data<'t>(&mut self, fresh: &mut Fresh<'t>, value: &'t str) {
        if let Some(first) = fresh.data.take() {
            self.block.add_data(first);
        } else if self.block.data == Data::Fresh {
            fresh.data = Some(value);
            return;
        }
        self.block.add_data(value);
    }

    /// Dispatches the block: its id first, then the event if there is data (SPEC 12).
    #[inline]
    fn dispatch<F: Flow>(
        &mut self,
        fresh: &mut Fresh<'_>,
        sink: &mut impl FnMut(Item<'_>) -> F,
    ) -> Result<(), Halt> {
        let Fresh { data, event, id } = mem::take(fresh);
        if let Some(id) = id {
            id.clone_into(&mut self.last_event_id);
        } else if self.block.has_id {
            mem::swap(&mut self.last_event_id, &mut self.block.id);
        }
        let id = id.or(self.block.has_id.then_some(&self.last_event_id));
        let joined = self.block.data();
        let data = joined.as_deref().or(data);
        let item = match (data, id) {
            (Some(data), id) => {
                let event = event.unwrap_or(&self.block.event);
                let event = if event.is_empty() { "message" } else { event };
                let last_event_id = id.unwrap_or(&self.last_event_id);
                Some(Item::Event(Message { event, data, last_event_id, id }))
            }
            (None, Some(id)) => Some(Item::Id(id)),
            (None, None) => None,
        };
        let result = item.map_or(Ok(()), |item| give(sink, item));
        self.block.clear();
        result
    }

    /// Keeps a piece of an unfinished line.
    #[inline]
    fn hold(&mut self, piece: &[u8]) -> Result<(), Halt> {
        if self.in_data {
            self.check(piece.len())?;
            self.block.size += piece.len();
            self.block.extend_data(piece);
            return Ok(());
        }
        self.hold_line(piece)
    }

    /// Keeps a piece of a line that was not yet seen to be a data line.
    fn hold_line(&mut self, piece: &[u8]) -> Result<(), Halt> {
        self.check(self.line.len() + piece.len())?;
        if self.line.is_empty() && self.begins_data(piece) {
            self.in_data = true;
            return Ok(());
        }
        let missing = DATA_PREFIX.saturating_sub(self.line.len()).min(piece.len());
        let (prefix, piece) = piece.split_at(missing);
        let mut line = mem::take(&mut self.line);
        extend(&mut line, prefix, self.block.limit);
        self.in_data = self.begins_data(&line);
        if self.in_data {
            line.clear();
            self.block.size += piece.len();
            self.block.extend_data(piece);
        } else {
            extend(&mut line, piece, self.block.limit);
        }
        self.line = line;
        Ok(())
    }

    /// Gives the block the beginning of a line if it is seen to be a data line.
    #[inline]
    fn begins_data(&mut self, line: &[u8]) -> bool {
        let Some(start) = data_start(line).filter(|_| line.len() >= DATA_PREFIX) else { return false };
        self.block.size += line.len();
        self.block.begin_data(&line[start..]);
        true
    }

    /// Fails if the block cannot take a line of this length.
    #[inline]
    fn check(&self, line: usize) -> Result<(), Halt> {
        if line > self.block.limit - self.block.size.min(self.block.limit) {
            Err(Halt::TooLarge)
        } else {
            Ok(())
        }
    }
}

#[inline]
fn give<F: Flow>(sink: &mut impl FnMut(Item<'_>) -> F, item: Item<'_>) -> Result<(), Halt> {
    if sink(item).is_break() { Err(Halt::Stopped) } else { Ok(()) }
}
