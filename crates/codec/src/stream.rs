use alloc::{borrow::ToOwned, string::String};
use core::mem;

use crate::{
    Flow, Item, Message,
    block::{Block, Fresh, empty, extend},
    field::{Field, LONGEST_NAME, data_start, is_name_kept, is_name_known},
    line::{line_end, terminator_len},
};

/// From this length on, a line shows whether it is a data line, and where its value begins.
const DATA_PREFIX: usize = "data: ".len();

/// What becomes of a line that is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unfinished {
    /// It is kept, from its beginning on; there is none if nothing is kept.
    Held,
    /// It is a data line, which the block has.
    Data,
    /// It means nothing, or is a comment that is too long to be kept.
    Skipped,
}

/// Why text is not parsed to its end.
pub(crate) enum Halt {
    TooLarge,
    Stopped,
}

/// The stream that is being parsed: where it is, and what outlives it.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// Whether the place where a BOM may stand is past.
    started: bool,
    /// Whether the last character was a CR, whose LF may still come.
    after_cr: bool,
    unfinished: Unfinished,
    /// The beginning of a line that is not finished, if it is held.
    line: String,
    /// What came before of the block under way.
    pub(crate) block: Block,
    pub(crate) last_event_id: String,
    pub(crate) retry: Option<u64>,
}

impl Stream {
    pub(crate) fn new(max_event_bytes: usize) -> Self {
        Self {
            started: false,
            after_cr: false,
            unfinished: Unfinished::Held,
            line: String::new(),
            block: Block::new(max_event_bytes),
            last_event_id: String::new(),
            retry: None,
        }
    }

    /// Discards an incomplete block, its id included (SPEC 15), and awaits the next stream.
    pub(crate) fn finish(&mut self) {
        self.started = false;
        self.after_cr = false;
        self.unfinished = Unfinished::Held;
        empty(&mut self.line);
        self.block.clear();
    }

    /// Takes the line and the block under way as finished.
    pub(crate) fn complete<F: Flow>(&mut self, sink: &mut impl FnMut(Item<'_>) -> F) -> Result<(), Halt> {
        if self.is_in_line() {
            self.finish_line(sink)?;
        }
        self.dispatch(&mut Fresh::default(), sink)
    }

    #[inline]
    fn is_in_line(&self) -> bool {
        self.unfinished != Unfinished::Held || !self.line.is_empty()
    }

    /// Parses a piece of the stream's text.
    pub(crate) fn feed<F: Flow>(
        &mut self,
        mut text: &str,
        sink: &mut impl FnMut(Item<'_>) -> F,
    ) -> Result<(), Halt> {
        let Some((first, last)) = text.as_bytes().first().zip(text.as_bytes().last()) else { return Ok(()) };
        // A CR ends its line at once; an LF that comes in the next piece is swallowed (SPEC 4).
        if mem::replace(&mut self.after_cr, *last == b'\r') && *first == b'\n' {
            text = &text[1..];
        }
        if !mem::replace(&mut self.started, true) {
            // SPEC 2
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if self.is_in_line() {
            let Some(end) = line_end(text.as_bytes()) else { return self.hold(text) };
            self.hold(&text[..end])?;
            self.finish_line(sink)?;
            text = after(text, end);
        }
        self.lines(text, sink)
    }

    /// Parses text from the beginning of a line on.
    fn lines<F: Flow>(&mut self, mut text: &str, sink: &mut impl FnMut(Item<'_>) -> F) -> Result<(), Halt> {
        let mut fresh = Fresh::default();
        loop {
            // The two kinds of lines that nearly every stream consists of come first, and are seen without a
            // search.
            if let Some(start) = data_start(text) {
                let Some(len) = line_end(&text.as_bytes()[start..]) else { break };
                let end = start + len;
                self.check(end)?;
                self.block.size += end;
                let value = &text[start..end];
                text = after(text, end);
                self.add_data(&mut fresh, value);
                continue;
            }
            if let Some(b'\r' | b'\n') = text.as_bytes().first() {
                text = after(text, 0);
                self.dispatch(&mut fresh, sink)?;
                continue;
            }
            let Some(end) = line_end(text.as_bytes()) else { break };
            let line = &text[..end];
            text = after(text, end);
            if end > self.left() {
                Self::skip(line)?;
                continue;
            }
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
        if text.is_empty() { Ok(()) } else { self.hold(text) }
    }

    /// Takes the held line as finished.
    fn finish_line<F: Flow>(&mut self, sink: &mut impl FnMut(Item<'_>) -> F) -> Result<(), Halt> {
        if mem::replace(&mut self.unfinished, Unfinished::Held) != Unfinished::Held {
            return Ok(());
        }
        if self.line.len() > self.left() {
            Self::skip(&self.line)?;
            empty(&mut self.line);
            return Ok(());
        }
        let field = Field::of(&self.line);
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

    /// Adds a data line that lies in the text: the first stays there, until there is a second.
    #[inline]
    fn add_data<'t>(&mut self, fresh: &mut Fresh<'t>, value: &'t str) {
        if fresh.data.is_none() && !self.block.has_data {
            fresh.data = Some(value);
        } else {
            self.join_data(fresh, value);
        }
    }

    fn join_data(&mut self, fresh: &mut Fresh<'_>, value: &str) {
        if let Some(first) = fresh.data.take() {
            self.block.add_data(first);
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
        let item = match (self.block.data().or(data), id) {
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
    fn hold(&mut self, piece: &str) -> Result<(), Halt> {
        match self.unfinished {
            Unfinished::Data => {
                self.check(piece.len())?;
                self.block.size += piece.len();
                self.block.extend_data(piece);
                Ok(())
            }
            Unfinished::Held => self.hold_line(piece),
            Unfinished::Skipped => Ok(()),
        }
    }

    /// Keeps a piece of a line that was not yet seen to be a data line.
    fn hold_line(&mut self, piece: &str) -> Result<(), Halt> {
        if self.line.is_empty() && self.begins_data(piece)? {
            return Ok(());
        }
        // So much of a line is kept whatever the limit is: its name says whether it counts.
        let missing = LONGEST_NAME.saturating_sub(self.line.len()).min(piece.len());
        let missing = (missing..=piece.len()).find(|&end| piece.is_char_boundary(end)).unwrap_or(missing);
        let (name, piece) = piece.split_at(missing);
        let mut line = mem::take(&mut self.line);
        extend(&mut line, name, self.block.limit);
        if self.begins_data(&line)? {
            line.clear();
            self.hold(piece)?;
        } else if line.len() >= LONGEST_NAME && !is_name_known(&line) {
            line.clear();
            self.unfinished = Unfinished::Skipped;
        } else if line.len() >= LONGEST_NAME && piece.len() > self.left().saturating_sub(line.len()) {
            Self::skip(&line)?;
            empty(&mut line);
            self.unfinished = Unfinished::Skipped;
        } else {
            extend(&mut line, piece, self.block.limit);
        }
        self.line = line;
        Ok(())
    }

    /// Gives the block the beginning of a line if it is seen to be a data line.
    #[inline]
    fn begins_data(&mut self, line: &str) -> Result<bool, Halt> {
        let Some(start) = data_start(line).filter(|_| line.len() >= DATA_PREFIX) else { return Ok(false) };
        self.check(line.len())?;
        self.block.size += line.len();
        self.block.add_data(&line[start..]);
        self.unfinished = Unfinished::Data;
        Ok(true)
    }

    /// How many bytes the block may still have.
    #[inline]
    fn left(&self) -> usize {
        self.block.limit.saturating_sub(self.block.size)
    }

    /// How many bytes the line under way may still have.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.left().saturating_sub(self.line.len())
    }

    /// Fails if the block cannot take a line of this length.
    #[inline]
    fn check(&self, line: usize) -> Result<(), Halt> {
        if line > self.left() { Err(Halt::TooLarge) } else { Ok(()) }
    }

    /// Passes over a line that is larger than what the block may still have: it fails if the block would keep it.
    #[cold]
    fn skip(line: &str) -> Result<(), Halt> {
        if is_name_kept(line) { Err(Halt::TooLarge) } else { Ok(()) }
    }
}

/// What follows the line that ends here.
#[inline]
fn after(text: &str, end: usize) -> &str {
    &text[end + terminator_len(&text.as_bytes()[end..])..]
}

#[inline]
fn give<F: Flow>(sink: &mut impl FnMut(Item<'_>) -> F, item: Item<'_>) -> Result<(), Halt> {
    if sink(item).is_break() { Err(Halt::Stopped) } else { Ok(()) }
}
