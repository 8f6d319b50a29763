use std::{
    collections::VecDeque,
    error, fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use ssecast_codec::{Error, Item, Parser};

use crate::Received;

/// So much of a chunk is parsed at once: what is ready and not yet taken is bounded, whatever the chunk.
const PIECE: usize = 16 << 10;

pin_project! {
    /// The events of a stream of bytes: `Stream<Item = Result<impl AsRef<[u8]>, E>>`, as `reqwest::Response::bytes_stream`
    /// and `http_body_util::BodyDataStream` are.
    ///
    /// It reads no further than it is polled, holds no more than one chunk and one event over the parser's limit,
    /// starts no task and needs no runtime. It ends with its source, and after an error.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use ssecast::EventStream;
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
        last_event_id: Arc<str>,
        // What is left of a chunk, from one place on.
        chunk: Option<(B, usize)>,
        ready: VecDeque<Received>,
        failure: Option<Error>,
        ended: bool,
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
    /// use ssecast::{EventStream, codec::Parser};
    /// # let body = futures_util::stream::empty::<Result<bytes::Bytes, std::io::Error>>();
    /// let parser = Parser::with_max_event_bytes(1 << 20).with_last_event_id("7");
    /// assert_eq!(EventStream::with_parser(body, parser).last_event_id(), "7");
    /// ```
    pub fn with_parser(source: S, parser: Parser) -> Self {
        let last_event_id = parser.last_event_id().into();
        let (chunk, ready, failure) = (None, VecDeque::new(), None);
        Self { source, parser, last_event_id, chunk, ready, failure, ended: false }
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
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if let Some(error) = this.failure.take() {
                *this.ended = true;
                return Poll::Ready(Some(Err(EventStreamError::Parser(error))));
            }
            if *this.ended {
                return Poll::Ready(None);
            }
            if let Some((chunk, start)) = this.chunk {
                let rest = &chunk.as_ref()[*start..];
                let piece = &rest[..rest.len().min(PIECE)];
                *start += piece.len();
                let fed = this.parser.feed(piece, |item| match item {
                    Item::Event(message) => {
                        if message.last_event_id != &**this.last_event_id {
                            *this.last_event_id = message.last_event_id.into();
                        }
                        this.ready.push_back(Received::of(&message, this.last_event_id));
                    }
                    Item::Id(_) | Item::Retry(_) | Item::Comment(_) => {}
                });
                *this.failure = fed.err();
                if piece.len() == rest.len() || this.failure.is_some() {
                    *this.chunk = None;
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
                    // An incomplete event is discarded (SPEC 15).
                    this.parser.finish();
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
        self.ended && self.ready.is_empty() && self.failure.is_none()
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
