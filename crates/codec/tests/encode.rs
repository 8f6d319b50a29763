//! The encoder against SPEC 29 to 33.

use ssecast_codec::{ErrorKind, Event, retry_from_f64, retry_from_str};

fn encoded(event: Event<'_>) -> String {
    let bytes = event.encode().expect("valid fields");
    assert_eq!(bytes.len(), event.encoded_len());
    assert_eq!(bytes.capacity(), bytes.len(), "one exact allocation");
    String::from_utf8(bytes).expect("UTF-8")
}

fn data(text: &str) -> String {
    encoded(Event { data: Some(text), ..Event::default() })
}

#[test]
fn spec_29_a_line_end_in_event_or_id_is_a_typed_error_that_names_the_field_and_the_byte() {
    for (text, name) in
        [("message\nevent: admin\ndata: x", "LF"), ("message\r\n", "CR"), ("message\0", "NUL")]
    {
        let error = Event { event: Some(text), ..Event::default() }.encode().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidEvent);
        assert_eq!(error.to_string(), format!("event must not contain {name} (at byte 7)"));

        let error = Event { id: Some(text), ..Event::default() }.encode().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidId);
        assert_eq!(error.to_string(), format!("id must not contain {name} (at byte 7)"));
    }
}

#[test]
fn spec_29_nothing_is_written_when_a_field_is_refused() {
    let mut out = b"before".to_vec();
    let event = Event { id: Some("a\nb"), comment: Some("c"), data: Some("d"), ..Event::default() };
    event.encode_into(&mut out).unwrap_err();
    assert_eq!(out, b"before");
}

#[test]
fn spec_29_other_control_characters_and_separators_are_content() {
    let event = Event { event: Some("a\u{b}\u{85}"), id: Some("\u{2028}\u{2029}"), ..Event::default() };
    assert_eq!(encoded(event), "id: \u{2028}\u{2029}\nevent: a\u{b}\u{85}\n\n");
}

#[test]
fn spec_30_retry_is_a_whole_number_of_milliseconds() {
    let written = |retry| encoded(Event { retry: Some(retry), ..Event::default() });
    assert_eq!(written(0), "retry: 0\n\n");
    assert_eq!(written(1_000), "retry: 1000\n\n");
    assert_eq!(written(u64::MAX), "retry: 18446744073709551615\n\n");
}

#[test]
fn spec_30_retry_from_a_float_is_refused_unless_it_is_whole_and_exact() {
    assert_eq!(retry_from_f64(0.0), Ok(0));
    assert_eq!(retry_from_f64(-0.0), Ok(0));
    assert_eq!(retry_from_f64(9_007_199_254_740_991.0), Ok(9_007_199_254_740_991));
    for bad in [-1.0, 0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 9_007_199_254_740_992.0] {
        let error = retry_from_f64(bad).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidRetry, "retry"));
        assert!(error.problem().ends_with(&format!("not {bad}")), "{error}");
    }
}

#[test]
fn spec_30_retry_from_text_is_refused_unless_it_is_digits() {
    assert_eq!(retry_from_str("0"), Ok(0));
    assert_eq!(retry_from_str("007"), Ok(7));
    for bad in
        ["", " 1", "1 ", "+1", "-1", "1_0", "1.0", "1e3", "٣", "9007199254740992", "99999999999999999999999"]
    {
        assert_eq!(retry_from_str(bad).unwrap_err().kind(), ErrorKind::InvalidRetry, "{bad:?}");
    }
    let error = retry_from_str("0\r\nevent: admin").unwrap_err();
    assert!(error.problem().ends_with(r#"not "0\r\nevent: admin""#), "{error}");
    assert!(retry_from_str(&"x".repeat(10_000)).unwrap_err().message().len() < 200);
}

#[test]
fn spec_31_data_and_comments_split_at_crlf_cr_and_lf() {
    assert_eq!(data("a\nb\rc\r\nd"), "data: a\ndata: b\ndata: c\ndata: d\n\n");
    assert_eq!(data("Left\r\rdata: Right"), "data: Left\ndata: \ndata: data: Right\n\n");
    assert_eq!(data("\n\n"), "data: \ndata: \ndata: \n\n");
    assert_eq!(data("\n\r"), "data: \ndata: \ndata: \n\n");
    let comment = Event { comment: Some("a\rdata: b\n"), ..Event::default() };
    assert_eq!(encoded(comment), ": a\n: data: b\n: \n\n");
}

#[test]
fn spec_31_data_splits_at_nothing_else() {
    let text = "a\u{b}b\u{c}c\u{1c}d\u{1e}e\u{85}f\u{2028}g\u{2029}h\0i";
    assert_eq!(data(text), format!("data: {text}\n\n"));
}

#[test]
fn spec_13_empty_data_writes_a_data_line_and_no_data_writes_none() {
    assert_eq!(data(""), "data: \n\n");
    assert_eq!(encoded(Event { id: Some(""), ..Event::default() }), "id: \n\n");
}

#[test]
fn an_event_without_fields_is_a_blank_line() {
    assert_eq!(encoded(Event::default()), "\n");
}

#[test]
fn the_order_of_fields_is_fixed() {
    let event = Event {
        event: Some("tick"),
        id: Some("7"),
        retry: Some(2_000),
        data: Some("x"),
        comment: Some("hello"),
    };
    assert_eq!(encoded(event), ": hello\nid: 7\nevent: tick\nretry: 2000\ndata: x\n\n");
}

#[test]
fn spec_33_appending_leaves_what_was_there() {
    let mut out = b"data: 1\n\n".to_vec();
    Event { data: Some("2"), ..Event::default() }.encode_into(&mut out).unwrap();
    assert_eq!(out, b"data: 1\n\ndata: 2\n\n");
}
