//! What holds for every stream, and the rules written naively as the judge.

#[allow(dead_code, reason = "each suite asks what it needs")]
mod checks;
mod log;
mod reference;
mod streams;

use log::{Log, cut};
use proptest::{collection::vec, prelude::*, sample::select};
use ssecast_codec::{Event, Parser};
use streams::stream;

/// Small chunks are parsed in another way than large ones.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![3 => 0..4_usize, 3 => 0..40_usize, 1 => 200..600_usize], 1..12)
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_stream_gives_what_the_naive_rules_give(input in stream()) {
        checks::reference(&input);
    }

    #[test]
    fn spec_16_any_chunking_gives_the_same(input in stream(), sizes in sizes()) {
        checks::any_chunks(&input, &sizes, Parser::DEFAULT_MAX_EVENT_BYTES);
    }

    #[test]
    fn spec_18_the_limit_is_passed_at_the_same_place_in_any_chunking(
        input in stream(), sizes in sizes(), limit in prop_oneof![0..60_usize, 0..6_000_usize],
    ) {
        checks::any_chunks(&input, &sizes, limit);
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
    ) {
        checks::round_trip(&Event {
            event: event.as_deref(), id: id.as_deref(), retry, data: data.as_deref(), comment: comment.as_deref(),
        });
    }
}
