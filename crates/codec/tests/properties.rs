//! What holds for every stream, and the rules written naively as the judge.

mod log;
mod reference;

use log::{Entry, Log, cut};
use proptest::{collection::vec, prelude::*, sample::select};
use ssecast_codec::{Event, Parser};

/// Bytes and words that decide something, far more often than chance would bring them. Lines from 1 KiB on
/// are kept in another way, so one piece is as long.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&[u8]; 36] = [
        &[b'x'; 1_100],
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b":",
        b" ",
        b": ",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xef",
        b"\xbb",
        b"\xbf",
        b"\xff",
        b"\xf0\x9f",
        b"\x8e\x89",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xe2\x80\xa8",
        b"data",
        b"data:",
        b"data: ",
        b"event: ",
        b"event",
        b"id: ",
        b"id",
        b"retry: ",
        b"retry",
        b"1",
        b"20",
        b"x",
        b"hello world, this is longer",
        b"da",
        b"ta",
        b"\xe2\x82\xac",
        b"99999999999999999999",
    ];
    let piece = prop_oneof![9 => select(&PIECES[..]).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 1..4)];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![0..4_usize, 0..40_usize], 1..12)
}

/// Text that is hard to encode.
fn text() -> impl Strategy<Value = String> {
    let piece =
        select(&["\r", "\n", "\r\n", ":", " ", "data: x", "\u{feff}", "\0", "\u{2028}", "é", "a"][..]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn line() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\r', '\n', '\0'], ""))
}

/// What a receiver sees of text that was split at its line ends (SPEC 34).
fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_stream_gives_what_the_naive_rules_give(input in stream()) {
        prop_assert_eq!(Log::of(&mut Parser::new(), [input.as_slice()]), reference::parse(&input));
    }

    #[test]
    fn spec_16_any_chunking_gives_the_same(input in stream(), sizes in sizes()) {
        let whole = Log::of(&mut Parser::new(), [input.as_slice()]);
        prop_assert_eq!(&Log::of(&mut Parser::new(), cut(&input, &sizes)), &whole);
        prop_assert_eq!(&Log::of(&mut Parser::new(), cut(&input, &[1])), &whole);
    }

    #[test]
    fn spec_18_the_limit_is_passed_at_the_same_place_in_any_chunking(
        input in stream(), sizes in sizes(), limit in 0..60_usize,
    ) {
        let whole = Log::of(&mut Parser::with_max_event_bytes(limit), [input.as_slice()]);
        prop_assert_eq!(Log::of(&mut Parser::with_max_event_bytes(limit), cut(&input, &sizes)), whole);
    }

    #[test]
    fn spec_15_a_stream_that_was_cut_off_leaves_nothing_for_the_next(
        first in stream(), sizes in sizes(), second in stream(),
    ) {
        let mut parser = Parser::new();
        let before = Log::of(&mut parser, cut(&first, &sizes));
        parser.finish();
        let mut resumed = Parser::new().with_last_event_id(&before.last_event_id);
        let expected = Log::of(&mut resumed, [second.as_slice()]);
        let log = Log::of(&mut parser, [second.as_slice()]);
        prop_assert_eq!(log.entries, expected.entries);
        prop_assert_eq!(log.last_event_id, expected.last_event_id);
    }

    #[test]
    fn spec_34_what_the_encoder_writes_the_parser_reads_back(
        event in proptest::option::of(line()),
        id in proptest::option::of(line()),
        retry in proptest::option::of(any::<u64>()),
        data in proptest::option::of(text()),
        comment in proptest::option::of(text()),
        sizes in sizes(),
    ) {
        let written = Event {
            event: event.as_deref(), id: id.as_deref(), retry, data: data.as_deref(), comment: comment.as_deref(),
        };
        let bytes = written.encode().expect("every field is valid");
        prop_assert_eq!(bytes.len(), written.encoded_len());

        let mut expected: Vec<Entry> = Vec::new();
        if let Some(comment) = &comment {
            expected.extend(normalised(comment).split('\n').map(|line| Entry::Comment(line.into())));
        }
        expected.extend(retry.map(Entry::Retry));
        let last_event_id = id.clone().unwrap_or_default();
        if let Some(data) = &data {
            let event = event.filter(|event| !event.is_empty()).unwrap_or("message".into());
            expected.push(Entry::Event { event, data: normalised(data), last_event_id, id });
        } else if let Some(id) = id {
            expected.push(Entry::Id(id));
        }
        prop_assert_eq!(Log::of(&mut Parser::new(), cut(&bytes, &sizes)).entries, expected);
    }
}
