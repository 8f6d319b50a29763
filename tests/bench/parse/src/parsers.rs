//! Each takes chunks and returns how many bytes of data it saw, so that all can be seen to do the same work.

use std::{borrow::Cow, convert::Infallible, hint::black_box, pin::pin, sync::Arc};

use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_executor::block_on;
use futures_util::{Stream, StreamExt, stream};
use ssecast_codec::{EventStream, Item, Parser};

pub type Parse = fn(&[Bytes]) -> usize;

/// `borrowed` looks at each field where it lies. `owned` makes what sse-core makes: a message with strings of its own.
/// A `stream` is driven as its users drive it: one `await` for each event.
pub const PARSERS: [(&str, Parse); 8] = [
    ("ssecast, borrowed", borrowed),
    ("ssecast, owned", owned),
    ("sse-core", sse_core),
    ("sse-parse", sse_parse),
    ("ssecast, stream", stream),
    ("sse-core, stream", sse_core_stream),
    ("sse-stream, stream", sse_stream),
    ("eventsource-stream, stream", eventsource_stream),
];

fn borrowed(chunks: &[Bytes]) -> usize {
    let mut parser = Parser::new();
    let mut seen = 0;
    for chunk in chunks {
        let sink = |item: Item<'_>| {
            if let Item::Event(message) = black_box(item) {
                seen += message.data.len();
            }
        };
        parser.feed(chunk, sink).expect("below the limit");
    }
    seen
}

fn owned(chunks: &[Bytes]) -> usize {
    let mut parser = Parser::new();
    let mut seen = 0;
    let mut last_event_id: Arc<str> = "".into();
    for chunk in chunks {
        let sink = |item: Item<'_>| {
            if let Item::Event(message) = item {
                seen += message.data.len();
                if let Some(id) = message.id {
                    last_event_id = id.into();
                }
                let event = match message.event {
                    "message" => Cow::Borrowed("message"),
                    event => Cow::Owned(event.to_owned()),
                };
                black_box(sse_core::MessageEvent {
                    event,
                    data: message.data.to_owned(),
                    last_event_id: Some(last_event_id.clone()),
                });
            }
        };
        parser.feed(chunk, sink).expect("below the limit");
    }
    seen
}

fn sse_core(chunks: &[Bytes]) -> usize {
    let mut decoder = sse_core::SseDecoder::new();
    let mut seen = 0;
    for chunk in chunks {
        let mut rest = &**chunk;
        while let Some(event) = decoder.next(&mut rest) {
            if let sse_core::SseEvent::Message(message) = black_box(event.expect("below the limit")) {
                seen += message.data.len();
            }
        }
    }
    seen
}

fn sse_parse(chunks: &[Bytes]) -> usize {
    let mut parser = sse_parse::SseParser::new();
    let mut seen = 0;
    for chunk in chunks {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            seen += black_box(event).data.len();
        }
    }
    seen
}

fn source(chunks: &[Bytes]) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    // A copy of a chunk shares its bytes.
    stream::iter(chunks.iter().map(|chunk| Ok(chunk.clone())).collect::<Vec<_>>())
}

/// Takes the events of a stream one after the other, and adds up their lengths.
fn drive<T>(events: impl Stream<Item = T>, len: impl Fn(T) -> usize) -> usize {
    let mut events = pin!(events);
    block_on(async {
        let mut seen = 0;
        while let Some(event) = events.next().await {
            seen += len(black_box(event));
        }
        seen
    })
}

fn stream(chunks: &[Bytes]) -> usize {
    drive(EventStream::new(source(chunks)), |event| event.expect("below the limit").data.len())
}

fn sse_core_stream(chunks: &[Bytes]) -> usize {
    drive(sse_core::SseStream::new(source(chunks)), |event| match event.expect("below the limit") {
        sse_core::SseEvent::Message(message) => message.data.len(),
        _ => 0,
    })
}

fn sse_stream(chunks: &[Bytes]) -> usize {
    drive(sse_stream::SseStream::from_bytes_stream(source(chunks)), |event| {
        event.expect("the stream is valid").data.map_or(0, |data| data.len())
    })
}

fn eventsource_stream(chunks: &[Bytes]) -> usize {
    drive(source(chunks).eventsource(), |event| event.expect("the stream is valid").data.len())
}
