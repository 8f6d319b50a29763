use alloc::{borrow::ToOwned, format};

use crate::{
    Error, ErrorKind, Flow, Item,
    stream::{Halt, Stream},
    text::Decoder,
};

/// Parses a stream that arrives in chunks of any size.
///
/// Feed it bytes; it calls back with each [`Item`] as soon as the item's last byte is there. Any bytes are a
/// stream: the only error is an event larger than the limit. Work is linear in the bytes, whatever the chunks
/// are. Fields that lie whole in one chunk are not copied, unless it is a small one (up to 256 bytes) that goes
/// on with a line.
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
    decoder: Decoder,
    stream: Stream,
    /// Whether an event was too large; the rest of the stream has no meaning then.
    failed: bool,
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
    /// An event's size is that of its `data`, `event` and `id` lines together, as UTF-8 and without their line
    /// ends; what is not UTF-8 counts as the U+FFFD that it becomes. Other lines don't count: a comment or a `retry`
    /// line that is longer than what is left of the limit is passed over, as unknown fields are, without being kept.
    /// How the bytes are chunked makes no difference. An event that never ends takes about as much memory as the
    /// limit. `usize::MAX` is no limit, for a source that is trusted with all of the memory.
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
        Self { decoder: Decoder::default(), stream: Stream::new(limit), failed: false }
    }

    /// Sets the last event ID that a stream resumes from.
    ///
    /// ```
    /// use ssecast_codec::Parser;
    /// assert_eq!(Parser::new().with_last_event_id("7").last_event_id(), "7");
    /// ```
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.stream.last_event_id);
        self
    }

    /// Parses one chunk and calls `sink` with each item in it, on this thread and before it returns.
    ///
    /// `sink` returns nothing, or a [`ControlFlow`](core::ops::ControlFlow): a break ends the stream there as
    /// [`finish`](Self::finish) does, and drops the rest of the chunk.
    ///
    /// # Errors
    /// [`ErrorKind::EventTooLarge`], after the items that came before the event. Every later call fails in
    /// the same way until [`finish`](Self::finish) or [`reset`](Self::reset).
    #[inline]
    pub fn feed<F: Flow>(&mut self, chunk: &[u8], mut sink: impl FnMut(Item<'_>) -> F) -> Result<(), Error> {
        if self.failed {
            return Err(self.fail());
        }
        let room = self.stream.room();
        match self.decoder.feed(chunk, room, |text| self.stream.feed(text, &mut sink)) {
            Ok(()) => Ok(()),
            Err(Halt::Stopped) => {
                self.finish();
                Ok(())
            }
            Err(Halt::TooLarge) => Err(self.fail()),
        }
    }

    /// Ends the stream as [`finish`](Self::finish) does, and gives `sink` what it was cut off in, as if a line end and a
    /// blank line had come: for sources that leave out the last ones. The rules of the standard discard it, as it may
    /// lack its end.
    ///
    /// ```
    /// use ssecast_codec::{Item, Parser};
    /// let mut parser = Parser::new();
    /// parser.feed(b"data: 1\n\ndata: [DONE]", |_| ())?;
    /// let mut last = None;
    /// parser.finish_with(|item| {
    ///     if let Item::Event(message) = item {
    ///         last = Some(message.data.to_owned());
    ///     }
    /// })?;
    /// assert_eq!(last.as_deref(), Some("[DONE]"));
    /// # Ok::<(), ssecast_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`feed`](Self::feed).
    pub fn finish_with<F: Flow>(&mut self, mut sink: impl FnMut(Item<'_>) -> F) -> Result<(), Error> {
        if self.failed {
            return Err(self.fail());
        }
        let rest = self.decoder.flush(|text| self.stream.feed(text, &mut sink));
        match rest.and_then(|()| self.stream.complete(&mut sink)) {
            Ok(()) | Err(Halt::Stopped) => {
                self.finish();
                Ok(())
            }
            Err(Halt::TooLarge) => Err(self.fail()),
        }
    }

    /// Ends the stream: an incomplete block is discarded, its id included (SPEC 15). The parser is then at
    /// the beginning of the next stream, and keeps the last event ID and the reconnection time (SPEC 14).
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
        self.decoder.finish();
        self.stream.finish();
        self.failed = false;
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
        *self = Self::with_max_event_bytes(self.max_event_bytes());
    }

    /// The last event ID: what a client sends to resume. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.stream.last_event_id
    }

    /// The reconnection time in milliseconds, if the stream has set one.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.stream.retry
    }

    /// The most bytes that one event may have; `usize::MAX` if there is no limit.
    #[must_use]
    pub fn max_event_bytes(&self) -> usize {
        self.stream.block.limit
    }

    #[cold]
    fn fail(&mut self) -> Error {
        self.finish();
        self.failed = true;
        let problem = format!(
            "is larger than {} bytes; raise the limit if the source is trusted, or reset the parser",
            self.max_event_bytes()
        );
        Error::new(ErrorKind::EventTooLarge, "event", problem)
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}
