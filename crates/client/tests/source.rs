//! The source's rules one by one. The scenarios that every language's client runs are in `tests/client`.

use std::ops::ControlFlow;
use std::time::Duration;

use ssecast_client::{Cause, ErrorKind, Loss, Options, Response, Retry, Source, State, Step};

const URL: &str = "https://example.com/stream?topic=a";

fn source(change: impl FnOnce(&mut Options)) -> Source {
    let mut options = Options::default();
    options.retry.jitter = 0.0;
    change(&mut options);
    Source::new(URL, options).expect("the options work")
}

fn open(source: &mut Source) {
    assert_eq!(source.respond(&stream()), Step::Read);
}

fn stream() -> Response<'static> {
    Response { status: 200, content_type: Some("text/event-stream"), ..Response::default() }
}

fn redirect(status: u16, location: &'static str) -> Response<'static> {
    Response { status, location: Some(location), ..Response::default() }
}

fn data(source: &mut Source, chunk: &str) -> Vec<String> {
    let mut received = Vec::new();
    source.feed(chunk.as_bytes(), |message| received.push(message.data.to_owned())).expect("small events");
    received
}

fn refused(source: &mut Source, response: &Response<'_>) -> Loss {
    match source.respond(response) {
        Step::Lost(loss) => loss,
        step => panic!("{step:?}"),
    }
}

#[test]
fn spec_19_what_is_no_url_is_a_typed_error() {
    for url in ["", "/stream", "example.com", "ftp://example.com/", "http://"] {
        let error = Source::new(url, Options::default()).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidOption, "url"), "{url}");
    }
}

#[test]
fn spec_20_and_26_a_request_asks_for_a_stream_and_names_the_last_event_id_only_if_there_is_one() {
    let mut source = source(|_| ());
    let headers = |source: &Source| source.request().headers().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(source.state(), State::Connecting);
    assert_eq!(source.request().method, "GET");
    assert_eq!(headers(&source), ["Accept", "Cache-Control"]);
    open(&mut source);
    data(&mut source, "id: ü7\n\n");
    source.lose(Cause::Ended);
    assert_eq!(source.request().headers().last(), Some(("Last-Event-ID", "ü7")));
    open(&mut source);
    data(&mut source, "id\n\n");
    source.lose(Cause::Ended);
    assert_eq!(headers(&source), ["Accept", "Cache-Control"]);
}

#[test]
fn spec_22_redirects_are_followed_and_a_reconnect_begins_at_the_first_url() {
    let mut source = source(|_| ());
    assert_eq!(source.respond(&redirect(302, "/elsewhere")), Step::Redirect);
    assert_eq!(source.request().url, "https://example.com/elsewhere");
    assert!(source.request().credentials);
    assert_eq!(source.respond(&redirect(307, "https://other.example/")), Step::Redirect);
    assert_eq!((source.request().url, source.request().credentials), ("https://other.example/", false));
    assert_eq!(source.respond(&redirect(301, "https://example.com/back")), Step::Redirect);
    assert!(!source.request().credentials, "what another origin chose gets no credentials");
    open(&mut source);
    assert_eq!((source.url(), source.origin()), (URL, "https://example.com".to_owned()));
    source.lose(Cause::Ended);
    assert_eq!((source.request().url, source.request().credentials), (URL, true));
}

#[test]
fn spec_22_a_post_becomes_a_get_where_browsers_turn_it_into_one() {
    for (status, method, body) in [
        (301, "GET", false),
        (302, "GET", false),
        (303, "GET", false),
        (307, "POST", true),
        (308, "POST", true),
    ] {
        let mut source = source(|options| options.method = "POST".into());
        assert_eq!(source.respond(&redirect(status, "/elsewhere")), Step::Redirect);
        assert_eq!((source.request().method, source.request().body), (method, body), "{status}");
        source.lose(Cause::Ended);
        assert_eq!((source.request().method, source.request().body), ("POST", true));
    }
}

#[test]
fn redirects_that_lead_nowhere_are_network_errors() {
    for location in ["http://[", "ftp://example.com/", "data:text/event-stream,data:1"] {
        let loss = refused(&mut source(|_| ()), &redirect(302, location));
        assert!(matches!(&loss.cause, Cause::Network(problem) if problem.contains(location)), "{loss:?}");
        assert!(loss.retry_in.is_some());
    }
    let mut endless = source(|_| ());
    for _ in 0..20 {
        assert_eq!(endless.respond(&redirect(302, "/again")), Step::Redirect);
    }
    assert!(matches!(refused(&mut endless, &redirect(302, "/again")).cause, Cause::Network(_)));
}

#[test]
fn spec_23_parameters_and_case_of_the_mime_type_do_not_matter() {
    for content_type in ["text/event-stream", "Text/Event-Stream;charset=utf-8", " text/event-stream ; x=y"] {
        let mut source = source(|_| ());
        let response = Response { content_type: Some(content_type), ..stream() };
        assert_eq!(source.respond(&response), Step::Read, "{content_type}");
        assert_eq!(source.state(), State::Open);
    }
}

#[test]
fn spec_24_another_status_or_type_ends_the_source_for_good() {
    for content_type in
        [None, Some(""), Some("text/plain"), Some("text/event-streams"), Some("x; text/event-stream")]
    {
        let mut source = source(|_| ());
        let loss = refused(&mut source, &Response { content_type, ..stream() });
        assert_eq!(
            loss,
            Loss { cause: Cause::ContentType(content_type.unwrap_or_default().into()), retry_in: None }
        );
        assert_eq!(source.state(), State::Closed);
    }
    for status in [201, 204, 304, 302, 400, 401, 404, 500, 503] {
        let mut source = source(|_| ());
        let loss = refused(&mut source, &Response { status, ..stream() });
        assert_eq!(loss, Loss { cause: Cause::Status(status), retry_in: None });
        assert_eq!(source.state(), State::Closed);
    }
}

#[test]
fn statuses_that_are_named_are_tried_again_when_the_server_says() {
    let unavailable = |retry_after, date| Response { status: 503, retry_after, date, ..Response::default() };
    for (retry_after, date, seconds) in [
        (None, None, 2),
        (Some("1"), None, 2),
        (Some("7"), None, 7),
        (Some("99999999999999999999"), None, 3600),
        (Some("-7"), None, 2),
        (Some("soon"), None, 2),
        (Some("Sun, 06 Nov 1994 08:50:07 GMT"), Some("Sun, 06 Nov 1994 08:49:37 GMT"), 30),
        (Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some("Sun, 06 Nov 1994 08:50:07 GMT"), 2),
        (Some("Sun, 06 Nov 1994 08:49:37 GMT"), None, 2),
    ] {
        let mut source = source(|options| options.retry.statuses = vec![503]);
        let loss = refused(&mut source, &unavailable(retry_after, date));
        assert_eq!(loss.retry_in, Some(Duration::from_secs(seconds)), "{retry_after:?}");
        assert_eq!(source.state(), State::Connecting);
    }
}

#[test]
fn spec_25_a_stream_that_ends_fails_or_falls_silent_is_connected_again() {
    for cause in [Cause::Ended, Cause::Network("reset".into()), Cause::Idle] {
        let mut source = source(|_| ());
        open(&mut source);
        let loss = source.lose(cause.clone());
        assert_eq!(loss, Loss { cause, retry_in: Some(Duration::from_secs(2)) });
        assert_eq!(source.state(), State::Connecting);
    }
}

#[test]
fn the_wait_grows_until_an_event_comes_not_until_a_connection_does() {
    let mut source = source(|_| ());
    let mut waits = Vec::new();
    for chunk in ["", ": nothing\n\n", "id: 1\n\n", "data: 1\n\n", ""] {
        open(&mut source);
        data(&mut source, chunk);
        waits.push(source.lose(Cause::Ended).retry_in.unwrap().as_secs());
    }
    assert_eq!(waits, [2, 4, 8, 2, 4]);
}

#[test]
fn the_streams_reconnection_time_is_the_first_wait() {
    let mut source = source(|_| ());
    open(&mut source);
    data(&mut source, "retry: 700\ndata: 1\n\n");
    assert_eq!(source.lose(Cause::Ended).retry_in, Some(Duration::from_millis(700)));
    open(&mut source);
    data(&mut source, "retry: 0\ndata: 1\n\n");
    assert_eq!(source.lose(Cause::Ended).retry_in, Some(Retry::SHORTEST));
}

#[test]
fn a_second_loss_before_any_event_keeps_the_id_that_was_sent() {
    let mut source = source(|options| options.last_event_id = "7".into());
    for _ in 0..3 {
        assert_eq!(source.request().last_event_id, "7");
        open(&mut source);
        data(&mut source, "id: 8\ndata: cut off");
        source.lose(Cause::Network("cut".into()));
    }
}

#[test]
fn an_event_that_was_cut_is_not_delivered_and_comes_whole_after_it() {
    let mut source = source(|_| ());
    open(&mut source);
    assert_eq!(data(&mut source, "data: on"), [""; 0]);
    source.lose(Cause::Network("cut".into()));
    open(&mut source);
    assert_eq!(data(&mut source, "data: one\n\n"), ["one"]);
}

#[test]
fn an_event_beyond_the_limit_loses_the_connection_once_and_the_next_works() {
    let mut source = source(|options| options.max_event_bytes = 10);
    open(&mut source);
    let mut received = Vec::new();
    let fed = source.feed(b"data: 1\n\ndata: far too long\n\ndata: 2\n\n", |message| {
        received.push(message.data.to_owned());
    });
    assert_eq!(fed, Err(Loss { cause: Cause::TooLarge, retry_in: Some(Duration::from_secs(2)) }));
    assert_eq!(received, ["1"]);
    assert_eq!(data(&mut source, "data: 3\n\n"), [""; 0], "it is not open");
    open(&mut source);
    assert_eq!(data(&mut source, "data: 4\n\n"), ["4"]);
}

#[test]
fn spec_27_closing_is_final_also_in_the_middle_of_a_chunk() {
    let mut source = source(|_| ());
    open(&mut source);
    let mut received = Vec::new();
    let fed = source.feed(b"data: 1\n\ndata: 2\n\ndata: 3\n\n", |message| {
        received.push(message.data.to_owned());
        if message.data == "2" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((fed, received), (Ok(()), vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(source.state(), State::Closed);
    assert_eq!(data(&mut source, "data: 4\n\n"), [""; 0]);
    assert_eq!(source.lose(Cause::Ended).retry_in, None);
    assert_eq!(refused(&mut source, &stream()).retry_in, None);
    source.close();
    assert_eq!(source.state(), State::Closed);
}

#[test]
fn options_that_cannot_work_are_named() {
    type Change = fn(&mut Options);
    let cases: [(&str, Change); 9] = [
        ("method", |options| options.method = "GE T".into()),
        ("method", |options| options.method = String::new()),
        ("last_event_id", |options| options.last_event_id = "a\nb".into()),
        ("retry.growth", |options| options.retry.growth = 0.5),
        ("retry.growth", |options| options.retry.growth = f64::NAN),
        ("retry.jitter", |options| options.retry.jitter = 1.5),
        ("retry.statuses", |options| options.retry.statuses = vec![200]),
        ("idle", |options| options.idle = Some(Duration::ZERO)),
        ("max_event_bytes", |options| options.max_event_bytes = 0),
    ];
    for (field, change) in cases {
        let mut options = Options::default();
        change(&mut options);
        assert_eq!(Source::new(URL, options).unwrap_err().field(), field);
    }
}

#[test]
fn clients_have_jitters_of_their_own() {
    assert_ne!(Options::default().seed, Options::default().seed);
}
