//! Prints how fast the parser is beside sse-core and sse-parse: a Markdown table of MB/s and ratios, all in
//! one run. `cargo run --release` in this folder runs it.
//!
//! `borrowed` looks at each field where it lies. `owned` makes what sse-core makes: a message with strings of
//! its own.

mod corpus;

use std::{
    borrow::Cow,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use corpus::Corpus;
use ssecast_codec::{Item, Parser};

const ROUNDS: usize = 15;

/// A parser takes chunks and returns how many bytes of data it saw, so that all can be seen to do the same work.
type Parse = fn(&[&[u8]]) -> usize;

const PARSERS: [(&str, Parse); 4] =
    [("borrowed", borrowed), ("owned", owned), ("sse-core", sse_core), ("sse-parse", sse_parse)];

fn borrowed(chunks: &[&[u8]]) -> usize {
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

fn owned(chunks: &[&[u8]]) -> usize {
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

fn sse_core(chunks: &[&[u8]]) -> usize {
    let mut decoder = sse_core::SseDecoder::new();
    let mut seen = 0;
    for chunk in chunks {
        let mut rest = *chunk;
        while let Some(event) = decoder.next(&mut rest) {
            if let sse_core::SseEvent::Message(message) = black_box(event.expect("below the limit")) {
                seen += message.data.len();
            }
        }
    }
    seen
}

fn sse_parse(chunks: &[&[u8]]) -> usize {
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

/// The best time of each parser. The rounds take turns, so that a busy machine disturbs all alike.
fn measure(chunks: &[&[u8]]) -> [Duration; 4] {
    let expected = borrowed(chunks);
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        for (best, (name, parse)) in best.iter_mut().zip(PARSERS) {
            let start = Instant::now();
            let seen = parse(black_box(chunks));
            *best = start.elapsed().min(*best);
            assert_eq!(seen, expected, "{name}");
        }
    }
    best
}

fn row(corpus: &Corpus, label: &str, size: Option<usize>) {
    let best = measure(&corpus.chunks(size));
    let rate = best.map(|time| corpus.bytes.len() as f64 / time.as_secs_f64() / 1e6);
    let rival = rate[2].max(rate[3]);
    println!(
        "| {} | {label} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
        corpus.name,
        rate[0],
        rate[1],
        rate[2],
        rate[3],
        rate[0] / rival,
        rate[1] / rival
    );
}

fn main() {
    // An argument runs one parser alone on the first matching corpus, for a profiler: `owned 9-byte 16384`.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let corpora = corpus::all();
    if let [name, corpus, size] = &arguments[..] {
        let (_, parse) = PARSERS.iter().find(|(known, _)| known == name).expect("a parser's name");
        let corpus = corpora.iter().find(|known| known.name.contains(&**corpus)).expect("a corpus's name");
        let chunks = corpus.chunks(size.parse().ok());
        for _ in 0..100 {
            black_box(parse(&chunks));
        }
        return;
    }
    println!(
        "| corpus | chunk | borrowed MB/s | owned MB/s | sse-core MB/s | sse-parse MB/s | borrowed ÷ best | owned ÷ best |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    for corpus in &corpora {
        row(corpus, "one event", None);
        for (label, size) in
            [("64", 64), ("200", 200), ("1,400", 1_400), ("16 K", 16 << 10), ("64 K", 64 << 10)]
        {
            row(corpus, label, Some(size));
        }
    }
}
