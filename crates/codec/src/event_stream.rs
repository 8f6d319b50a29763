use alloc::collections::VecDeque;
use core::{
    error, fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::{Error, Item, LastEventId, Message, Parser, Received};

/// So much of a chunk is parsed at once: what is ready and not yet taken is bounded, whatever the chunk.
const PIECE: usize = 16 << 10;

/// If there is a line end in so much, a piece ends at the last one. The memory of a few events that are taken at once is
/// used again for the next ones; that of many is not in the processor's cache any more.
const SMALL_PIECE: usize = 2 << 10;

/// How much of a chunk is to be parsed.
fn piece_len(chunk: &[u8]) -> usize {
    if chunk.len() <= SMALL_PIECE {
        return chunk.len();
    }
    match memchr::memrchr(b'\n', &chunk[..SMALL_PIECE]) {
        Some(end) => end + 1,
        None => chunk.len().min(PIECE),
    }
}

pin_project! {
    /// The events of a stream of bytes: `Stream<Item = Result<impl AsRef<[u8]>, E>>`, as `reqwest::Response::bytes_stream`
    /// and `http_body_util::BodyDataStream` are.
    ///
    /// It reads no further than it is polled, holds no more than one chunk and one event over the parser's limit,
    /// starts no task and needs no runtime. It ends with its source, and after an error.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use ssecast_codec::EventStream;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chunks = ["data: he", "llo\n\nevent: tick\ndata: 2\n\n"].map(Ok::<_, std::io::Error>);
    /// let mut events = EventStream::new(stream::iter(chunks));
    /// while let Some(event) = events.next().await {
    ///     let event = event?;
    ///     println!("{}: {}", event.event, event.data);
    /// }
    /// # Ok(()) }
    /// ```
    pub struct EventStream<S, B> {
        #[pin]
        source: S,
        parser: Parser,
        inbox: Inbox,
        // What is left of a chunk, from one place on.
        chunk: Option<(B, usize)>,
        failure: Option<Error>,
        unfinished: bool,
        ended: bool,
    }
}

/// The events that were found and not yet taken.
struct Inbox {
    ready: VecDeque<Received>,
    /// That of the last one: most streams change it seldom, and events share it.
    last_event_id: LastEventId,
}

impl Inbox {
    #[inline]
    fn received(&mut self, message: &Message<'_>) -> Received {
        // Most streams have no ids: to compare two empty strings can cost more than to parse an event, as libc may look at
        // memory that is not there.
        let id = message.last_event_id;
        if id.len() != self.last_event_id.len() || (!id.is_empty() && *id != *self.last_event_id) {
            self.last_event_id = id.into();
        }
        Received::of(message, &self.last_event_id)
    }

    #[inline]
    fn take(&mut self, item: Item<'_>, first: &mut Option<Received>) {
        let Item::Event(message) = item else { return };
        let received = self.received(&message);
        if first.is_none() {
            *first = Some(received);
        } else {
            self.ready.push_back(received);
        }
    }
}

/// Why an [`EventStream`] ended before its source did.
#[derive(Debug)]
pub enum EventStreamError<E> {
    /// The source failed.
    Source(E),
    /// An event was larger than the parser's limit.
    Parser(Error),
}

impl<S, B, E> EventStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
{
    /// Reads `source` from the beginning of a stream.
    pub fn new(source: S) -> Self {
        Self::with_parser(source, Parser::new())
    }

    /// Reads `source` with a parser that has a limit or a last event ID of its own.
    ///
    /// ```
    /// use ssecast_codec::{EventStream, Parser};
    /// # let body = futures_util::stream::empty::<Result<bytes::Bytes, std::io::Error>>();
    /// let parser = Parser::with_max_event_bytes(1 << 20).with_last_event_id("7");
    /// assert_eq!(EventStream::with_parser(body, parser).last_event_id(), "7");
    /// ```
    pub fn with_parser(source: S, parser: Parser) -> Self {
        let inbox = Inbox { ready: VecDeque::new(), last_event_id: parser.last_event_id().into() };
        Self { source, parser, inbox, chunk: None, failure: None, unfinished: false, ended: false }
    }

    /// Gives the event too in which the source ended, as [`Parser::finish_with`] does: for sources that leave out the last
    /// blank line. Without this it is discarded.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use ssecast_codec::EventStream;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let source = stream::iter([Ok::<_, std::io::Error>("data: 1\n\ndata: [DONE]")]);
    /// let events: Vec<_> = EventStream::new(source).with_unfinished().collect().await;
    /// assert_eq!(events.len(), 2);
    /// # }
    /// ```
    #[must_use]
    pub fn with_unfinished(mut self) -> Self {
        self.unfinished = true;
        self
    }
}

impl<S, B> EventStream<S, B> {
    /// The last event ID after what was parsed: what a client sends to resume, once it has taken every event.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time in milliseconds, if the stream has set one.
    pub fn retry(&self) -> Option<u64> {
        self.parser.retry()
    }
}

impl<S, B, E> Stream for EventStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Received, EventStreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if let Some(event) = this.inbox.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if let Some(error) = this.failure.take() {
                *this.ended = true;
                return Poll::Ready(Some(Err(EventStreamError::Parser(error))));
            }
            if *this.ended {
                return Poll::Ready(None);
            }
            // The first event needs no queue; in many streams a chunk has one.
            let mut first = None;
            if let Some((chunk, start)) = this.chunk {
                let rest = &chunk.as_ref()[*start..];
                let piece = &rest[..piece_len(rest)];
                *start += piece.len();
                *this.failure = this.parser.feed(piece, |item| this.inbox.take(item, &mut first)).err();
                if piece.len() == rest.len() || this.failure.is_some() {
                    *this.chunk = None;
                }
                if first.is_some() {
                    return Poll::Ready(first.map(Ok));
                }
                continue;
            }
            match ready!(this.source.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => *this.chunk = Some((chunk, 0)),
                Some(Err(error)) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(EventStreamError::Source(error))));
                }
                None => {
                    *this.ended = true;
                    if *this.unfinished {
                        let finished = this.parser.finish_with(|item| this.inbox.take(item, &mut first));
                        *this.failure = finished.err();
                    } else {
                        this.parser.finish();
                    }
                    if first.is_some() {
                        return Poll::Ready(first.map(Ok));
                    }
                }
            }
        }
    }
}

impl<S, B, E> FusedStream for EventStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    fn is_terminated(&self) -> bool {
        self.ended && self.inbox.ready.is_empty() && self.failure.is_none()
    }
}

impl<S: fmt::Debug, B> fmt::Debug for EventStream<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, ended, .. } = self;
        f.debug_struct("EventStream").field("source", source).field("ended", ended).finish_non_exhaustive()
    }
}

impl<E: fmt::Display> fmt::Display for EventStreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Parser(error) => error.fmt(f),
        }
    }
}

impl<E: error::Error + 'static> error::Error for EventStreamError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            Self::Parser(error) => Some(error),
        }
    }
}
