//! Each takes chunks and returns how many bytes of data it saw, so that all can be seen to do the same work.

use std::{borrow::Cow, convert::Infallible, hint::black_box, sync::Arc};

use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_executor::block_on_stream;
use futures_util::stream;
use ssecast_codec::{Item, Parser};

pub type Parse = fn(&[Bytes]) -> usize;

/// `borrowed` looks at each field where it lies. `owned` makes what sse-core makes: a message with strings of its own.
pub const PARSERS: [(&str, Parse); 6] = [
    ("ssecast, borrowed", borrowed),
    ("ssecast, owned", owned),
    ("sse-core", sse_core),
    ("sse-parse", sse_parse),
    ("sse-stream", sse_stream),
    ("eventsource-stream", eventsource_stream),
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

fn source(chunks: &[Bytes]) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> + Unpin {
    // A copy of a chunk shares its bytes.
    stream::iter(chunks.iter().map(|chunk| Ok(chunk.clone())).collect::<Vec<_>>())
}

fn sse_stream(chunks: &[Bytes]) -> usize {
    let events = block_on_stream(sse_stream::SseStream::from_bytes_stream(source(chunks)));
    events.map(|event| black_box(event.expect("the stream is valid")).data.map_or(0, |data| data.len())).sum()
}

fn eventsource_stream(chunks: &[Bytes]) -> usize {
    let events = block_on_stream(source(chunks).eventsource());
    events.map(|event| black_box(event.expect("the stream is valid")).data.len()).sum()
}
