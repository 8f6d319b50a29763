//! The same streams through sse-core and sse-parse: a difference needs a rule that explains it.

mod log;
mod streams;

use log::{Entry, Log, cut};
use proptest::prelude::*;
use ssecast_codec::Parser;
use streams::stream;

/// An event as all three see it: type, data, last event ID.
type Seen = (String, String, String);

fn ours(chunks: &[&[u8]]) -> Vec<Seen> {
    let log = Log::of(&mut Parser::new(), chunks.iter().copied());
    let events = log.entries.into_iter().filter_map(|entry| match entry {
        Entry::Event { event, data, last_event_id, .. } => Some((event, data, last_event_id)),
        Entry::Id(_) | Entry::Retry(_) | Entry::Comment(_) => None,
    });
    events.collect()
}

fn sse_core(chunks: &[&[u8]]) -> Vec<Seen> {
    let mut decoder = sse_core::SseDecoder::new();
    let mut seen = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        while let Some(event) = decoder.next(&mut rest) {
            if let sse_core::SseEvent::Message(message) = event.expect("below the limit") {
                let id = message.last_event_id.as_deref().unwrap_or_default().to_owned();
                seen.push((message.event.into_owned(), message.data, id));
            }
        }
    }
    seen
}

fn sse_parse(chunks: &[&[u8]]) -> Vec<Seen> {
    let mut parser = sse_parse::SseParser::new();
    let mut seen = Vec::new();
    for chunk in chunks {
        parser.feed(chunk);
        seen.extend(
            std::iter::from_fn(|| parser.next_event()).map(|event| (event.event, event.data, event.id)),
        );
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sse_core_sees_the_same_events(input in stream(), size in 1..40_usize) {
        for chunks in [vec![&*input], cut(&input, &[size])] {
            prop_assert_eq!(sse_core(&chunks), ours(&chunks));
        }
    }

    #[test]
    fn sse_parse_sees_the_same_events(input in stream(), size in 1..40_usize) {
        for chunks in [vec![&*input], cut(&input, &[size])] {
            prop_assert_eq!(sse_parse(&chunks), ours(&chunks));
        }
    }
}
