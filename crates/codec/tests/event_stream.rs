//! Events of a stream of bytes, without a hub, an engine or a runtime.

#[allow(dead_code, reason = "each suite asks what it needs")]
mod log;
mod streams;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use futures_util::{Stream, stream};
use log::{Entry, Log, cut};
use proptest::prelude::*;
use ssecast_codec::{ErrorKind, EventStream, EventStreamError, Parser, Received};
use streams::stream as any_stream;

/// What a stream gives whose source is never pending.
fn drained<T>(stream: impl Stream<Item = T>) -> Vec<T> {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    let next = || match stream.as_mut().poll_next(&mut context) {
        Poll::Ready(item) => item,
        Poll::Pending => panic!("the source is never pending"),
    };
    std::iter::from_fn(next).collect()
}

fn source(chunks: Vec<&[u8]>) -> impl Stream<Item = Result<&[u8], &'static str>> {
    stream::iter(chunks.into_iter().map(Ok))
}

/// What the parser itself finds, as a stream gives it.
fn expected(input: &[u8], parser: &mut Parser) -> Vec<Received> {
    let log = Log::of(parser, [input]);
    let received = |entry| match entry {
        Entry::Event { event, data, last_event_id, id } => Some(Received {
            event: event.into(),
            data,
            last_event_id: (*last_event_id).into(),
            has_id: id.is_some(),
        }),
        Entry::Id(_) | Entry::Retry(_) | Entry::Comment(_) => None,
    };
    log.entries.into_iter().filter_map(received).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_gives_what_the_parser_finds_in_any_chunks(input in any_stream(), size in 1..3_000_usize) {
        // So much that a chunk is parsed in pieces.
        let input = input.repeat(40_000 / (input.len() + 1) + 1);
        for sizes in [size, usize::MAX] {
            let events = drained(EventStream::new(source(cut(&input, &[sizes]))));
            let events: Vec<Received> = events.into_iter().map(|event| event.expect("below the limit")).collect();
            prop_assert_eq!(events, expected(&input, &mut Parser::new()));
        }
    }
}

#[test]
fn ids_are_those_of_the_stream_at_each_event() {
    let input = b"data: 0\n\nid: 1\ndata: 1\n\ndata: 2\n\nid: 2\ndata: 3\n\nid\ndata: 4\n\n";
    for size in [1, 9, 1_000] {
        let events = drained(EventStream::new(source(cut(input, &[size]))));
        let ids: Vec<String> =
            events.into_iter().map(|event| event.expect("a few bytes").last_event_id.to_string()).collect();
        assert_eq!(ids, ["", "1", "1", "2", ""]);
    }
}

#[test]
fn an_unfinished_event_is_discarded_unless_it_is_asked_for() {
    let chunks = || source(vec![b"data: 1\n\nda", b"ta: 2"]);
    let datas = |events: Vec<Result<Received, _>>| -> Vec<String> {
        events
            .into_iter()
            .map(|event: Result<_, EventStreamError<_>>| event.expect("a few bytes").data)
            .collect()
    };
    assert_eq!(datas(drained(EventStream::new(chunks()))), ["1"]);
    assert_eq!(datas(drained(EventStream::new(chunks()).with_unfinished())), ["1", "2"]);
}

#[test]
fn an_event_over_the_limit_is_the_last_thing_that_a_stream_gives() {
    let parser = Parser::with_max_event_bytes(10);
    let events = drained(EventStream::with_parser(
        source(vec![b"data: 1\n\ndata: 12345\n\n", b"data: 3\n\n"]),
        parser,
    ));
    let [Ok(first), Err(EventStreamError::Parser(error))] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&*first.data, error.kind()), ("1", ErrorKind::EventTooLarge));
}

#[test]
fn an_error_of_the_source_comes_after_the_events_before_it() {
    let chunks = stream::iter([Ok(&b"data: 1\n\ndata: 2\n\ndata: 3"[..]), Err("cut"), Ok(b"\n\n")]);
    let events = drained(EventStream::new(chunks).with_unfinished());
    let [Ok(_), Ok(_), Err(EventStreamError::Source("cut"))] = &events[..] else { panic!("{events:?}") };
}
