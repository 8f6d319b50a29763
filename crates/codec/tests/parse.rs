//! The parser against SPEC 1 to 18, where a vector cannot say it. The other rules stand in the shared vectors.

mod log;

use core::ops::ControlFlow;

use log::{Entry, Log, cut};
use ssecast_codec::{ErrorKind, Item, Parser};

fn parsed(input: &str) -> Vec<Entry> {
    let log = Log::of(&mut Parser::new(), [input.as_bytes()]);
    assert_eq!(log.error, None);
    log.entries
}

fn datas(entries: &[Entry]) -> Vec<&str> {
    entries
        .iter()
        .filter_map(|entry| if let Entry::Event { data, .. } = entry { Some(&**data) } else { None })
        .collect()
}

#[test]
fn spec_01_invalid_utf_8_becomes_one_replacement_per_maximal_subpart_in_any_chunking() {
    let input = b"data: \xf0\x9f\x8e|\xff\xfe|\xe2\x82\xe2\x82\xac|\xed\xa0\x80\n\n";
    for sizes in [&[usize::MAX][..], &[1], &[2], &[3], &[5, 1]] {
        let log = Log::of(&mut Parser::new(), cut(input, sizes));
        assert_eq!(datas(&log.entries), ["\u{fffd}|\u{fffd}\u{fffd}|\u{fffd}€|\u{fffd}\u{fffd}\u{fffd}"]);
    }
}

#[test]
fn spec_02_exactly_one_leading_bom_is_dropped_also_on_the_next_stream() {
    assert_eq!(datas(&parsed("\u{feff}data: 1\n\n\u{feff}data: 2\n\n")), ["1"]);
    assert_eq!(datas(&parsed("\u{feff}\u{feff}data: 1\n\ndata: 2\n\n")), ["2"]);
    let mut parser = Parser::new();
    for _ in 0..2 {
        assert_eq!(datas(&Log::of(&mut parser, ["\u{feff}data: 1\n\n".as_bytes()]).entries), ["1"]);
        parser.finish();
    }
}

#[test]
fn spec_03_nothing_but_cr_and_lf_ends_a_line() {
    let text = "a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{85}g\u{2028}h\u{2029}i";
    assert_eq!(datas(&parsed(&format!("data: {text}\rdata: x\n\r\n"))), [format!("{text}\nx")]);
}

#[test]
fn spec_04_cr_at_the_end_of_a_chunk_ends_the_line_at_once() {
    let mut parser = Parser::new();
    assert_eq!(datas(&Log::of(&mut parser, [&b"data: 1\r\r"[..]]).entries), ["1"]);
    assert_eq!(Log::of(&mut parser, [&b""[..], b"\n"]).entries, []);
    assert_eq!(datas(&Log::of(&mut parser, [&b"data: 2\r"[..], b"\n\r"]).entries), ["2"]);
}

#[test]
fn spec_05_the_first_colon_splits_and_one_space_is_dropped() {
    assert_eq!(datas(&parsed("data:  a: b\n\ndata:c\n\n")), [" a: b", "c"]);
    assert_eq!(parsed(":  note\n"), [Entry::Comment(" note".into())]);
}

#[test]
fn spec_06_a_line_without_a_colon_is_a_field_with_an_empty_value() {
    assert_eq!(datas(&parsed("data\ndata\n\n")), ["\n"]);
}

#[test]
fn spec_07_names_are_literal_and_unknown_ones_are_ignored() {
    assert_eq!(parsed("DATA: x\n data: x\ndata : x\ndatax\nEvent: x\nfoo\n\n"), []);
}

#[test]
fn spec_08_the_last_type_wins_and_an_empty_one_is_message() {
    let events: Vec<String> = parsed("event: a\nevent: b\ndata\n\nevent: a\nevent\ndata\n\n")
        .into_iter()
        .filter_map(|entry| if let Entry::Event { event, .. } = entry { Some(event) } else { None })
        .collect();
    assert_eq!(events, ["b", "message"]);
}

#[test]
fn spec_09_data_lines_are_joined_and_nul_is_kept() {
    assert_eq!(datas(&parsed("data: a\ndata: \0\ndata\n\n")), ["a\n\0\n"]);
}

#[test]
fn spec_10_an_id_with_nul_is_ignored_and_an_empty_id_resets() {
    assert_eq!(parsed("id: 1\nid: 2\0\n\nid\n\n"), [Entry::Id("1".into()), Entry::Id(String::new())]);
}

#[test]
fn spec_11_retry_takes_effect_when_its_line_ends() {
    let mut parser = Parser::new();
    assert_eq!(Log::of(&mut parser, [&b"retry: 10\ndata: x\n"[..]]).entries, [Entry::Retry(10)]);
    assert_eq!(parser.retry(), Some(10));
    assert_eq!(Log::of(&mut parser, [&b"retry: -1\nretry: 1_0\nretry:\n"[..]]).entries, []);
    assert_eq!(
        Log::of(&mut parser, [&b"retry: 18446744073709551616\n"[..]]).entries,
        [Entry::Retry(u64::MAX)]
    );
}

#[test]
fn spec_12_the_id_is_committed_before_the_event_and_without_one() {
    let mut parser = Parser::new();
    parser.feed(b"id: 1\n", |_| ()).unwrap();
    assert_eq!(parser.last_event_id(), "");
    assert_eq!(Log::of(&mut parser, [&b"\n"[..]]).entries, [Entry::Id("1".into())]);
    assert_eq!(parser.last_event_id(), "1");
}

#[test]
fn spec_13_empty_data_is_dispatched_and_no_data_is_not() {
    assert_eq!(datas(&parsed("data:\n\nevent: x\n\n")), [""]);
}

#[test]
fn spec_14_the_id_and_retry_persist_across_events_and_streams() {
    let mut parser = Parser::new();
    parser.feed(b"id: 1\nretry: 5\ndata: a\n\n", |_| ()).unwrap();
    parser.finish();
    let expected =
        Entry::Event { event: "message".into(), data: "b".into(), last_event_id: "1".into(), id: None };
    assert_eq!(Log::of(&mut parser, [&b"data: b\n\n"[..]]).entries, [expected]);
    assert_eq!(parser.retry(), Some(5));
}

#[test]
fn spec_15_the_end_of_the_stream_discards_an_incomplete_block_and_its_id() {
    for cut_off in ["id: 2\n", "id: 2", "data: x\nid: 2\nevent: e\n", "data: x\r", "data: \u{feff}"] {
        let mut parser = Parser::new().with_last_event_id("1");
        for chunk in [&cut_off.as_bytes()[..3], &cut_off.as_bytes()[3..], b"\xf0\x9f"] {
            parser.feed(chunk, |_| ()).unwrap();
        }
        parser.finish();
        assert_eq!(parser.last_event_id(), "1");
        let expected =
            Entry::Event { event: "message".into(), data: "y".into(), last_event_id: "1".into(), id: None };
        assert_eq!(Log::of(&mut parser, [&b"data: y\n\n"[..]]).entries, [expected], "{cut_off:?}");
    }
}

#[test]
fn spec_18_an_event_over_the_limit_is_an_error_until_the_parser_is_reset() {
    let mut parser = Parser::with_max_event_bytes(10).with_last_event_id("1");
    let log = Log::of(&mut parser, [&b"data: 1234\n\ndata: 12345\n\ndata: 6\n\n"[..]]);
    assert_eq!(datas(&log.entries), ["1234"]);
    let error = log.error.expect("the second event has 11 bytes");
    assert_eq!(error.kind(), ErrorKind::EventTooLarge);
    assert_eq!(parser.feed(b"data: 7\n\n", |_| ()), Err(error), "what follows has no meaning");

    parser.finish();
    assert_eq!(datas(&Log::of(&mut parser, [&b"data: 8\n\n"[..]]).entries), ["8"]);
    assert_eq!(parser.last_event_id(), "1");
    parser.reset();
    assert_eq!((parser.last_event_id(), parser.max_event_bytes()), ("", 10));
}

#[test]
fn spec_18_many_small_lines_reach_the_limit_too() {
    for line in ["data\n", "event: x\n", "id: x\n"] {
        let mut parser = Parser::with_max_event_bytes(1_000);
        let lines = line.repeat(300);
        assert!(Log::of(&mut parser, cut(lines.as_bytes(), &[7])).error.is_some(), "{line:?}");
        parser.reset();
        assert!(parser.feed(lines.as_bytes(), |_| ()).is_err(), "{line:?}");
    }
}

/// The log of a parser with this limit, which is the same for every chunking.
fn limited(limit: usize, input: &str) -> Log {
    let log =
        |sizes: &[usize]| Log::of(&mut Parser::with_max_event_bytes(limit), cut(input.as_bytes(), sizes));
    let whole = log(&[usize::MAX]);
    for sizes in [&[1][..], &[2], &[3], &[5], &[7], &[64], &[300], &[6, 1_000]] {
        assert_eq!(log(sizes), whole, "{sizes:?}");
    }
    whole
}

#[test]
fn spec_18_lines_that_no_event_has_are_discarded_beyond_the_limit_and_end_nothing() {
    let padding = "1".repeat(3_000);
    for start in [":", ": ", "unknown: ", "unknown", "retry: ", "dat", "dataset: ", "events:", "ids: ", "é"]
    {
        for before in ["", "data: a\n", "event: e\nid: 7\n"] {
            let log = limited(30, &format!("{before}{start}{padding}\ndata: b\n\ndata: c\n\n"));
            assert_eq!(log.error, None, "{start:?} after {before:?}");
            assert_eq!(log.retry, None);
            assert_eq!(datas(&log.entries), [if before.starts_with('d') { "a\nb" } else { "b" }, "c"]);
            assert_eq!(log.entries.len(), 2, "what was discarded is not told");
        }
    }
    for limit in 0..4 {
        assert_eq!(limited(limit, "dat\nda\nd\n:12\n\n").error, None);
    }
}

#[test]
fn spec_18_lines_of_an_event_beyond_the_limit_are_an_error_also_without_a_value() {
    let padding = "1".repeat(3_000);
    for line in ["data: ", "data:", "event: ", "id: ", "id: \0"] {
        assert!(limited(30, &format!("{line}{padding}\n\n")).error.is_some(), "{line:?}");
    }
    for line in ["data", "event", "id", "data:", "id:", "event:"] {
        assert!(limited(line.len() - 1, &format!("{line}\n\n")).error.is_some(), "{line:?}");
        assert!(limited(line.len(), &format!("{line}\n\n")).error.is_none(), "{line:?}");
    }
}

#[test]
fn spec_18_a_comment_is_told_while_it_fits_beside_its_event() {
    let comments = |limit, input| limited(limit, input).entries.len();
    assert_eq!(comments(3, ":12\n:123\n"), 1);
    assert_eq!(comments(10, "data: 1\n:12\n:123\n"), 1);
}

#[test]
fn spec_18_without_a_limit_an_event_may_be_of_any_size() {
    let text = "x".repeat(Parser::DEFAULT_MAX_EVENT_BYTES + 1);
    let mut parser = Parser::with_max_event_bytes(usize::MAX);
    let log = Log::of(&mut parser, cut(format!("data: {text}\n\n").as_bytes(), &[65_536]));
    assert_eq!((log.error, datas(&log.entries)), (None, vec![&*text]));
}

#[test]
fn spec_02_a_bom_after_empty_chunks_is_one() {
    let mut parser = Parser::new();
    let log = Log::of(&mut parser, [&b""[..], b"", b"\xef\xbb", b"", b"\xbf", b"", b"data: 1\n\n"]);
    assert_eq!(datas(&log.entries), ["1"]);
}

/// What `finish_with` gives after this.
fn unfinished(parser: &mut Parser, chunks: &[&[u8]]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for chunk in chunks {
        parser.feed(chunk, |_| ()).expect("below the limit");
    }
    parser.finish_with(|item| entries.push(Entry::from(item))).expect("below the limit");
    entries
}

#[test]
fn spec_15_an_unfinished_event_is_given_where_it_is_asked_for() {
    for ended in ["data: a\nid: 1\ndata: b", "data: a\nid: 1\ndata: b\n", "id: 1\ndata: a\ndata: b\r"] {
        for size in [1, 2, 7, 1_000] {
            let mut parser = Parser::new();
            let entries = unfinished(&mut parser, &cut(ended.as_bytes(), &[size]));
            assert_eq!(datas(&entries), ["a\nb"], "{ended:?} by {size}");
            assert_eq!(parser.last_event_id(), "1");
            let next = Log::of(&mut parser, ["\u{feff}data: c\n\n".as_bytes()]);
            assert_eq!(datas(&next.entries), ["c"], "the next stream begins anew");
        }
    }
    let mut parser = Parser::new();
    assert_eq!(datas(&unfinished(&mut parser, &[b"data: \xe2\x82"])), ["\u{fffd}"]);
    assert_eq!(unfinished(&mut parser, &[b"event: e"]), []);
    assert_eq!(unfinished(&mut parser, &[b"id: 7"]), [Entry::Id("7".into())]);
    assert_eq!(unfinished(&mut parser, &[b"retry: 5"]), [Entry::Retry(5)]);
    assert_eq!(unfinished(&mut parser, &[b"data: a\n\n"]), []);
    assert_eq!(unfinished(&mut parser, &[]), []);
    let mut failed = Parser::with_max_event_bytes(3);
    assert!(failed.feed(b"data: too large", |_| ()).is_err());
    assert!(failed.finish_with(|_| ()).is_err());
}

#[test]
fn a_sink_that_breaks_gets_nothing_more_and_the_next_stream_starts_clean() {
    let mut parser = Parser::new();
    for _ in 0..2 {
        let mut seen = Vec::new();
        parser
            .feed(b"data: 1\n\ndata: 2\n\ndata: incomplete", |item| {
                seen.push(Entry::from(item));
                ControlFlow::Break(())
            })
            .unwrap();
        assert_eq!(datas(&seen), ["1"]);
    }

    let mut parser = Parser::new();
    parser.feed("\u{feff}id: 1\nevent: e\ndata: 1\ndata".as_bytes(), |_| ()).unwrap();
    parser.feed(b"\n: stop\n\n", |_| ControlFlow::Break(())).unwrap();
    let expected = Log::of(&mut Parser::new(), ["\u{feff}data: 2\n\n".as_bytes()]);
    assert_eq!(Log::of(&mut parser, ["\u{feff}data: 2\n\n".as_bytes()]), expected);

    let mut count = 0;
    let three_of_four = |_: Item<'_>| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    parser.feed(b":\xff\nretry: 1\n: \nid\n\n", three_of_four).unwrap();
    assert_eq!(count, 3);
}

#[test]
fn fields_that_lie_whole_in_the_chunk_are_slices_of_it() {
    let chunk = b"id: 1\nevent: tick\ndata: hello\n\n";
    let range = chunk.as_ptr_range();
    let mut messages = 0;
    Parser::new()
        .feed(chunk, |item| {
            let Item::Event(message) = item else { return };
            for text in [message.event, message.data, message.last_event_id] {
                assert!(range.contains(&text.as_ptr()), "{text}");
            }
            messages += 1;
        })
        .unwrap();
    assert_eq!(messages, 1);
}
