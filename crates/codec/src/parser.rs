use alloc::{borrow::ToOwned, format, string::String};
use core::mem;

use crate::{
    Error, ErrorKind, Flow, Item, Message,
    block::{Block, Fresh, empty},
    field::Field,
    line::line_end,
    utf8::Decoder,
};

/// Parses a stream that arrives in chunks of any size.
///
/// Feed it bytes; it calls back with each [`Item`] as soon as the item's last byte is there. Any bytes are a stream: the
/// only error is an event larger than the limit. Work is linear in the bytes, whatever the chunks are, and fields that
/// lie whole in one chunk are not copied.
///
/// ```
/// use ssecast_codec::{Item, Parser};
/// let mut parser = Parser::new();
/// let mut received = Vec::new();
/// for chunk in ["data: he", "llo\n\nevent: ti", "ck\ndata: 2\n", "\n"] {
///     parser.feed(chunk.as_bytes(), |item| {
///         if let Item::Event(message) = item {
///             received.push(format!("{}={}", message.event, message.data));
///         }
///     })?;
/// }
/// assert_eq!(received, ["message=hello", "tick=2"]);
/// # Ok::<(), ssecast_codec::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parser {
    max_event_bytes: usize,
    decoder: Decoder,
    /// Whether the stream has had its first character, before which a BOM may stand.
    started: bool,
    /// Whether the last character was a CR, whose LF may still come.
    after_cr: bool,
    /// Whether an event was too large; the rest of the stream has no meaning then.
    failed: bool,
    /// The beginning of a line that earlier chunks did not finish.
    line: String,
    /// What earlier chunks brought of the block under way.
    block: Block,
    last_event_id: String,
    retry: Option<u64>,
}

/// Why a chunk is not parsed to its end.
enum Halt {
    TooLarge,
    Stopped,
}

impl Parser {
    /// The limit that [`new`](Self::new) sets: 16 MiB.
    pub const DEFAULT_MAX_EVENT_BYTES: usize = 16 << 20;

    /// Makes a parser at the beginning of a stream, with the default limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_event_bytes(Self::DEFAULT_MAX_EVENT_BYTES)
    }

    /// Makes a parser that accepts events of up to `limit` bytes (SPEC 18).
    ///
    /// An event's size is that of its `data`, `event` and `id` lines together, without their line ends. A line of any
    /// other kind must fit in what they leave. How the bytes are chunked makes no difference.
    ///
    /// ```
    /// use ssecast_codec::{ErrorKind, Parser};
    /// let mut parser = Parser::with_max_event_bytes(7);
    /// parser.feed(b"data: x\n\n", |_| ())?;
    /// let error = parser.feed(b"data: xy\n\n", |_| ()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::EventTooLarge);
    /// # Ok::<(), ssecast_codec::Error>(())
    /// ```
    #[must_use]
    pub fn with_max_event_bytes(limit: usize) -> Self {
        Self {
            max_event_bytes: limit,
            decoder: Decoder::default(),
            started: false,
            after_cr: false,
            failed: false,
            line: String::new(),
            block: Block::default(),
            last_event_id: String::new(),
            retry: None,
        }
    }

    /// Sets the last event ID that a stream resumes from.
    ///
    /// ```
    /// use ssecast_codec::Parser;
    /// assert_eq!(Parser::new().with_last_event_id("7").last_event_id(), "7");
    /// ```
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.last_event_id);
        self
    }

    /// Parses one chunk and calls `sink` with each item in it, on this thread and before it returns.
    ///
    /// `sink` returns nothing, or a [`ControlFlow`](core::ops::ControlFlow): a break ends the stream there as
    /// [`finish`](Self::finish) does, and drops the rest of the chunk.
    ///
    /// # Errors
    /// [`ErrorKind::EventTooLarge`], after the items that came before the event. Every later call fails in the same way
    /// until [`finish`](Self::finish) or [`reset`](Self::reset).
    #[inline]
    pub fn feed<F: Flow>(&mut self, chunk: &[u8], mut sink: impl FnMut(Item<'_>) -> F) -> Result<(), Error> {
        let result = match self.decoder.whole(chunk) {
            _ if self.failed => Err(Halt::TooLarge),
            Some(text) => self.text(text, &mut sink),
            None => {
                let mut decoder = mem::take(&mut self.decoder);
                let result = decoder.decode(chunk, |text| self.text(text, &mut sink));
                self.decoder = decoder;
                result
            }
        };
        match result {
            Ok(()) => Ok(()),
            Err(Halt::Stopped) => {
                self.finish();
                Ok(())
            }
            Err(Halt::TooLarge) => Err(self.fail()),
        }
    }

    /// Ends the stream: an incomplete block is discarded, its id included (SPEC 15). The parser is then at the beginning
    /// of the next stream, and keeps the last event ID and the reconnection time (SPEC 14).
    ///
    /// ```
    /// use ssecast_codec::Parser;
    /// let mut parser = Parser::new();
    /// parser.feed(b"id: 1\n\nid: 2\ndata: cut off", |_| ())?;
    /// parser.finish();
    /// assert_eq!(parser.last_event_id(), "1");
    /// # Ok::<(), ssecast_codec::Error>(())
    /// ```
    pub fn finish(&mut self) {
        self.decoder = Decoder::default();
        self.started = false;
        self.after_cr = false;
        self.failed = false;
        empty(&mut self.line);
        self.block.clear();
    }

    /// Forgets everything but the limit.
    ///
    /// ```
    /// use ssecast_codec::Parser;
    /// let mut parser = Parser::new().with_last_event_id("7");
    /// parser.reset();
    /// assert_eq!(parser.last_event_id(), "");
    /// ```
    pub fn reset(&mut self) {
        *self = Self::with_max_event_bytes(self.max_event_bytes);
    }

    /// The last event ID: what a client sends to resume. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time in milliseconds, if the stream has set one.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// The most bytes that one event may have.
    #[must_use]
    pub fn max_event_bytes(&self) -> usize {
        self.max_event_bytes
    }

    fn text<F: Flow>(&mut self, mut text: &str, sink: &mut impl FnMut(Item<'_>) -> F) -> Result<(), Halt> {
        if text.is_empty() {
            return Ok(());
        }
        if !self.started {
            self.started = true;
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if mem::take(&mut self.after_cr) {
            text = text.strip_prefix('\n').unwrap_or(text);
        }
        if !self.line.is_empty() {
            text = self.finish_line(text, sink)?;
        }

        let mut fresh = Fresh::default();
        while let Some(end) = line_end(text.as_bytes()) {
            let line = &text[..end];
            text = self.after_line_end(&text[end..]);
            if line.is_empty() {
                self.dispatch(&mut fresh, sink)?;
                continue;
            }
            self.check(line.len())?;
            let field = Field::of(line);
            if let Field::Data(_) | Field::Event(_) | Field::Id(_) = field {
                self.block.size += line.len();
            }
            match field {
                Field::Data(value) => match fresh.data.take() {
                    Some(first) => {
                        self.block.add_data(first);
                        self.block.add_data(value);
                    }
                    None if self.block.has_data => self.block.add_data(value),
                    None => fresh.data = Some(value),
                },
                Field::Event(value) => fresh.event = Some(value),
                Field::Id(value) => fresh.id = Some(value),
                Field::Retry(retry) => self.set_retry(retry, sink)?,
                Field::Comment(comment) => give(sink, Item::Comment(comment))?,
                Field::Ignored => {}
            }
        }
        self.block.keep(fresh);
        self.hold(text)
    }

    /// Finishes the line that earlier chunks began, and returns the text after it.
    fn finish_line<'t, F: Flow>(
        &mut self,
        text: &'t str,
        sink: &mut impl FnMut(Item<'_>) -> F,
    ) -> Result<&'t str, Halt> {
        let Some(end) = line_end(text.as_bytes()) else {
            self.hold(text)?;
            return Ok("");
        };
        self.hold(&text[..end])?;
        let rest = self.after_line_end(&text[end..]);
        let mut line = mem::take(&mut self.line);
        let field = Field::of(&line);
        if let Field::Data(_) | Field::Event(_) | Field::Id(_) = field {
            self.block.size += line.len();
        }
        match field {
            Field::Data(value) if self.block.has_data => self.block.add_data(value),
            Field::Data(value) => {
                let start = line.len() - value.len();
                self.block.take_data(&mut line, start);
            }
            Field::Event(value) => self.block.set_event(value),
            Field::Id(value) => self.block.set_id(value),
            Field::Retry(retry) => self.set_retry(retry, sink)?,
            Field::Comment(comment) => give(sink, Item::Comment(comment))?,
            Field::Ignored => {}
        }
        empty(&mut line);
        self.line = line;
        Ok(rest)
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
        let data = if self.block.has_data { Some(self.block.data()) } else { data };
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

    fn set_retry<F: Flow>(&mut self, retry: u64, sink: &mut impl FnMut(Item<'_>) -> F) -> Result<(), Halt> {
        self.retry = Some(retry);
        give(sink, Item::Retry(retry))
    }

    /// Steps over one line end. A CR ends its line at once; an LF that comes in the next chunk is swallowed (SPEC 4).
    #[inline]
    fn after_line_end<'t>(&mut self, text: &'t str) -> &'t str {
        match text.as_bytes() {
            [b'\r', b'\n', ..] => &text[2..],
            [b'\r'] => {
                self.after_cr = true;
                ""
            }
            _ => &text[1..],
        }
    }

    /// Keeps a piece of an unfinished line.
    #[inline]
    fn hold(&mut self, piece: &str) -> Result<(), Halt> {
        self.check(self.line.len() + piece.len())?;
        self.line.push_str(piece);
        #[cfg(test)]
        crate::line::work::add(piece.len());
        Ok(())
    }

    #[inline]
    fn check(&self, line: usize) -> Result<(), Halt> {
        if line > self.max_event_bytes - self.block.size.min(self.max_event_bytes) {
            Err(Halt::TooLarge)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn fail(&mut self) -> Error {
        self.finish();
        self.failed = true;
        let problem = format!(
            "is larger than {} bytes; raise the limit if the source is trusted, or reset the parser",
            self.max_event_bytes
        );
        Error::new(ErrorKind::EventTooLarge, "event", problem)
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn give<F: Flow>(sink: &mut impl FnMut(Item<'_>) -> F, item: Item<'_>) -> Result<(), Halt> {
    if sink(item).is_break() { Err(Halt::Stopped) } else { Ok(()) }
}
