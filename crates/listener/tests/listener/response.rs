//! What a router says of a response besides whether there is a stream.

use std::sync::{Arc, Mutex};

use serde::Deserialize;
use ssecast_engine::{Attachment, ConnectionId, Cors, ErrorKind, Host, Origins, Reason};
use ssecast_listener::{ListenerConfig, Refusal, Request, Responder, StreamOptions};

use crate::endpoint::{Endpoint, GET};
use crate::rig::{eventually, quiet, refusal};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

fn head(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\r\n")
}

#[test]
fn a_refusal_has_the_headers_and_the_body_of_the_router_and_may_be_read_by_pages() {
    let config = ListenerConfig {
        cors: Some(Cors { origins: Origins::List(vec!["https://a.example".into()]), ..Cors::default() }),
        headers: vec![pair("X-Stream", "1")],
        ..ListenerConfig::default()
    };
    let endpoint = Endpoint::new(quiet(), config, |request: Request, responder: Responder| {
        let refusal = match request.path() {
            "/401" => Refusal {
                headers: vec![
                    pair("WWW-Authenticate", "Bearer"),
                    pair("Set-Cookie", "a=1"),
                    pair("Set-Cookie", "b=2"),
                ],
                body: Some("Sign in first.".into()),
                ..Refusal::new(401)
            },
            "/json" => Refusal {
                headers: vec![pair("content-type", "application/json"), pair("Cache-Control", "max-age=9")],
                body: Some("{}".into()),
                ..Refusal::new(422)
            },
            "/303" => Refusal { headers: vec![pair("Location", "/sign-in")], ..Refusal::new(303) },
            "/503" => {
                Refusal { headers: vec![pair("Retry-After", "7")], body: Some(vec![]), ..Refusal::new(503) }
            }
            _ => Refusal { headers: vec![pair("X-Done", "1")], ..Refusal::new(204) },
        };
        assert!(responder.refuse_with(refusal).unwrap());
    });
    let answer = endpoint.ask(&head("GET", "/401"));
    assert_eq!((answer.status, &*answer.body), (401, "Sign in first."));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert!(answer.head.contains("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"), "{}", answer.head);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(answer.header("x-stream"), None, "that is for streams");

    let answer = endpoint.ask(&head("GET", "/json"));
    assert_eq!((answer.status, &*answer.body), (422, "{}"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("max-age=9"));
    assert_eq!(endpoint.ask(&head("HEAD", "/json")).body, "");

    let answer = endpoint.ask(&head("GET", "/303"));
    assert_eq!((answer.status, &*answer.body), (303, "303 See Other\n"));
    assert_eq!(answer.header("location"), Some("/sign-in"));

    let answer = endpoint.ask(&head("GET", "/503"));
    assert_eq!((answer.status, &*answer.body), (503, ""));
    assert_eq!(answer.header("retry-after"), Some("7"));

    let answer = endpoint.ask(&head("GET", "/204"));
    assert_eq!(
        (answer.status, answer.header("x-done"), answer.header("content-length")),
        (204, Some("1"), None)
    );
}

#[test]
fn headers_that_can_not_be_sent_leave_the_request_to_another_answer() {
    let config = ListenerConfig { cors: Some(Cors::default()), ..ListenerConfig::default() };
    let endpoint = Endpoint::new(quiet(), config, |_, responder: Responder| {
        for (name, value) in
            [("Content-Type", "text/html"), ("X", "a\nb"), ("Access-Control-Allow-Origin", "*")]
        {
            let stream = StreamOptions { headers: vec![pair(name, value)], ..StreamOptions::default() };
            assert_eq!(refusal(responder.allow_with(stream)), ErrorKind::InvalidOption, "{name}");
        }
        assert!(responder.allow(&["t"]).unwrap());
    });
    endpoint.serves();
}

#[test]
fn a_stream_has_the_headers_of_its_route_in_place_of_the_configurations() {
    let config = ListenerConfig {
        headers: vec![pair("X-From", "configuration"), pair("X-Other", "stays")],
        ..ListenerConfig::default()
    };
    let endpoint = Endpoint::new(quiet(), config, |_, responder: Responder| {
        let headers = vec![
            pair("x-from", "route"),
            pair("Set-Cookie", "a=1"),
            pair("Set-Cookie", "b=2"),
            pair("Cache-Control", "private"),
        ];
        assert!(responder.allow_with(StreamOptions { headers, ..StreamOptions::default() }).unwrap());
    });
    for method in ["GET", "HEAD"] {
        let mut visit = endpoint.visit();
        visit.say(&head(method, "/"));
        let answer = visit.head();
        assert_eq!(answer.header("x-from"), Some("route"));
        assert_eq!(answer.header("x-other"), Some("stays"));
        assert!(answer.head.contains("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"), "{}", answer.head);
        let cache = answer.header("cache-control").unwrap();
        assert!(cache.contains("private") && cache.contains("no-transform"), "{cache}");
    }
}

/// One stream's own host, which takes notes.
#[derive(Default)]
struct Own {
    opened: Mutex<Option<Attachment>>,
    ended: Mutex<Vec<(ConnectionId, Reason)>>,
}

impl Host for Own {
    fn opened(&self, attachment: &Attachment) {
        *self.opened.lock().unwrap() = Some(attachment.clone());
    }

    fn ended(&self, connection: ConnectionId, reason: Reason, _cut: bool) {
        self.ended.lock().unwrap().push((connection, reason));
        panic!("on purpose");
    }

    fn drained(&self, _: ConnectionId) {}
}

#[test]
fn a_streams_own_host_is_told_of_it_in_place_of_the_router() {
    let own = Arc::new(Own::default());
    let host = Arc::clone(&own);
    let endpoint =
        Endpoint::new(quiet(), ListenerConfig::default(), move |request: Request, responder: Responder| {
            let host = (request.path() == "/own").then(|| Arc::clone(&host) as Arc<dyn Host>);
            let stream = StreamOptions { topics: &["t"], host, ..StreamOptions::default() };
            assert!(responder.allow_with(stream).unwrap());
        });
    // A stream that never begins has its end there, too.
    endpoint.ask(&head("HEAD", "/own"));
    eventually("the end of a stream", || own.ended.lock().unwrap().len() == 1);
    let mut visit = endpoint.visit();
    visit.say(&head("GET", "/own"));
    let mut client = visit.stream(ssecast_engine::Framing::Chunked);
    eventually("the beginning of a stream", || own.opened.lock().unwrap().is_some());
    let attachment = own.opened.lock().unwrap().clone().unwrap();
    assert!(attachment.send(&crate::rig::data("alone")).unwrap());
    client.read_until("alone");
    drop(client);
    eventually("its end", || own.ended.lock().unwrap().len() == 2);
    assert_eq!(own.ended.lock().unwrap()[1], (attachment.connection(), Reason::Client));
    assert!(
        endpoint.told.opened.lock().unwrap().is_empty() && endpoint.told.ended.lock().unwrap().is_empty()
    );
    let mut visit = endpoint.visit();
    visit.say(GET);
    drop(visit.stream(ssecast_engine::Framing::Chunked));
    assert_eq!(endpoint.end().1, Reason::Client);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<Text>,
    field: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Repeat { repeat: String, times: usize },
}

#[test]
fn a_refusal_is_sent_or_names_the_field_that_can_not_be_and_leaves_the_request_to_another_answer() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../../../../tests/vectors/refusals.json")).unwrap();
    let count = vectors.len();
    let vectors = Arc::new(vectors);
    let shared = Arc::clone(&vectors);
    let config = ListenerConfig { cors: Some(Cors::default()), ..ListenerConfig::default() };
    let endpoint = Endpoint::new(quiet(), config, move |request: Request, responder: Responder| {
        let index: usize = request.path()[1..].parse().unwrap();
        let Vector { name, status, headers, body, field } = &shared[index];
        let body = body.as_ref().map(|text| match text {
            Text::Plain(text) => text.clone().into_bytes(),
            Text::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
        });
        let result = responder.refuse_with(Refusal { status: *status, headers: headers.clone(), body });
        let error = result.err().map(|error| (error.kind(), error.field().to_owned()));
        assert_eq!(error, field.clone().map(|field| (ErrorKind::InvalidOption, field)), "{name}");
        if error.is_some() {
            assert!(responder.refuse(418).unwrap());
        }
    });
    for index in 0..count {
        let answer = endpoint.ask(&format!("GET /{index} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let Vector { name, status, field, .. } = &vectors[index];
        assert_eq!(answer.status, if field.is_some() { 418 } else { *status }, "{name}");
    }
}
