use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use ssecast_engine::{Cors, Hub, Origins};
use ssecast_listener::{Listener, ListenerConfig, OriginDecision, QueryTopics, Request, Responder, Router};

use crate::endpoint::{Answer, Endpoint, ask, connect};
use crate::rig::quiet;

fn endpoint(cors: Option<Cors>) -> Endpoint {
    Endpoint::open(ListenerConfig { cors, ..ListenerConfig::default() })
}

fn list() -> Origins {
    Origins::List(vec!["https://a.example".into(), "http://b.example:8080".into(), "null".into()])
}

fn head(endpoint: &Endpoint, origin: &str) -> Answer {
    let mut visit = endpoint.visit();
    visit.say(&format!("GET / HTTP/1.1\r\nHost: x\r\n{origin}\r\n"));
    visit.head()
}

fn preflight(endpoint: &Endpoint, origin: &str) -> Answer {
    let asks = "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: last-event-id\r\n";
    endpoint.ask(&format!("OPTIONS / HTTP/1.1\r\nHost: x\r\n{origin}{asks}\r\n"))
}

const A: &str = "Origin: https://a.example\r\n";
const C: &str = "Origin: https://c.example\r\n";

/// The origin that is allowed, whether cookies are, and whether caches are told of it.
fn allowed(answer: &Answer) -> (Option<&str>, bool, bool) {
    let credentials = answer.header("access-control-allow-credentials") == Some("true");
    (answer.header("access-control-allow-origin"), credentials, answer.header("vary") == Some("Origin"))
}

#[test]
fn pages_of_other_origins_are_allowed_what_is_configured() {
    let any = Cors::default();
    let listed = Cors { origins: list(), ..Cors::default() };
    let named = Origins::List(vec!["https://a.example".into()]);
    let both = Cors { origins: named, credentials: true, ..Cors::default() };
    for (cors, origin, wanted) in [
        (None, A, (None, false, false)),
        (Some(any.clone()), A, (Some("*"), false, false)),
        (Some(any), "", (Some("*"), false, false)),
        (Some(listed.clone()), A, (Some("https://a.example"), false, true)),
        (Some(listed.clone()), "Origin: null\r\n", (Some("null"), false, true)),
        (Some(listed.clone()), C, (None, false, true)),
        (Some(listed.clone()), "Origin: https://a.example.evil\r\n", (None, false, true)),
        (Some(listed), "", (None, false, true)),
        (Some(both.clone()), A, (Some("https://a.example"), true, true)),
        (Some(both), C, (None, false, true)),
    ] {
        let endpoint = endpoint(cors.clone());
        for answer in [head(&endpoint, origin), preflight(&endpoint, origin)] {
            assert_eq!(allowed(&answer), wanted, "{cors:?}, {origin:?}");
        }
        // A page may read what is wrong, too.
        let answer = endpoint.ask(&format!("POST / HTTP/1.1\r\nHost: x\r\n{origin}\r\n"));
        assert_eq!(allowed(&answer), wanted, "{cors:?}, {origin:?}");
    }
}

#[test]
fn a_preflight_is_answered_without_the_router() {
    let endpoint = endpoint(Some(Cors { max_age: Duration::from_secs(600), ..Cors::default() }));
    let answer = preflight(&endpoint, A);
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, HEAD"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("Last-Event-ID"));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    assert_eq!(answer.header("content-length"), None);
    assert!(endpoint.told.routed.lock().unwrap().is_empty());
}

#[test]
fn options_without_a_preflight_names_the_methods() {
    for cors in [None, Some(Cors::default())] {
        let endpoint = endpoint(cors);
        for target in ["/", "*"] {
            let answer = endpoint.ask(&format!("OPTIONS {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
            assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
        }
    }
}

/// Hands what it is asked about origins over, to be decided elsewhere.
struct Deferring(Mutex<Sender<(String, Request, OriginDecision)>>);

impl Router for Deferring {
    fn route(&self, _: Request, responder: Responder) {
        assert!(responder.allow(&["t"]).unwrap());
    }

    fn allows_origin(&self, origin: &str, request: Request, decision: OriginDecision) {
        assert!(!origin.contains("panic"), "as asked for");
        self.0.lock().unwrap().send((origin.to_owned(), request, decision)).unwrap();
    }
}

#[test]
fn a_router_decides_on_origins_later_and_other_requests_do_not_wait() {
    let hub = Hub::new(quiet()).unwrap();
    let (sender, asked) = channel();
    let cors = Cors { origins: Origins::Decided, credentials: true, ..Cors::default() };
    let config = ListenerConfig { cors: Some(cors), path: Some("/s".into()), ..ListenerConfig::default() };
    let router = Deferring(Mutex::new(sender));
    let listener = Listener::bind(&hub, ("127.0.0.1", 0), config, router).unwrap();
    let asks = "Access-Control-Request-Method: GET\r\n";
    let refused = (None, false, true);
    for (request, status) in [
        (format!("GET /s HTTP/1.1\r\nHost: x\r\n{A}\r\n"), 200),
        (format!("HEAD /s HTTP/1.1\r\nHost: x\r\n{A}\r\n"), 200),
        (format!("OPTIONS /s HTTP/1.1\r\nHost: x\r\n{A}{asks}\r\n"), 204),
        (format!("GET /other HTTP/1.1\r\nHost: x\r\n{A}\r\n"), 404),
        (format!("POST /s HTTP/1.1\r\nHost: x\r\n{A}\r\n"), 405),
    ] {
        for allowed_ in [true, false] {
            let mut visit = connect(&listener);
            visit.say(&request);
            let (origin, of, decision) = asked.recv().unwrap();
            assert_eq!(
                (origin.as_str(), of.header("origin")),
                ("https://a.example", Some(&b"https://a.example"[..]))
            );
            // What has no origin, or none that can be one, is not asked about.
            let plain = ask(&listener, "GET /other HTTP/1.1\r\nHost: x\r\nOrigin: caf\u{e9}\r\n\r\n");
            assert_eq!((plain.status, allowed(&plain)), (404, refused));
            assert!(decision.decide(allowed_));
            assert!(!decision.decide(true), "it is decided once");
            let answer = visit.head();
            let wanted = if allowed_ { (Some("https://a.example"), true, true) } else { refused };
            assert_eq!((answer.status, allowed(&answer)), (status, wanted), "{request}");
        }
    }
}

#[test]
fn a_function_beside_a_router_decides_on_origins_at_once() {
    let hub = Hub::new(quiet()).unwrap();
    let cors = Some(Cors { origins: Origins::Decided, ..Cors::default() });
    let config = ListenerConfig { cors, ..ListenerConfig::default() };
    let allows = |origin: &str, request: &Request| {
        assert_ne!(request.path(), "/panic", "as asked for");
        origin == "https://a.example"
    };
    let listener = Listener::bind(&hub, ("127.0.0.1", 0), config, (QueryTopics, allows)).unwrap();
    for (path, origin, status, wanted) in [
        ("/?topic=t", A, 200, Some("https://a.example")),
        ("/?topic=t", C, 200, None),
        ("/", A, 400, Some("https://a.example")),
        ("/", C, 400, None),
        ("/panic", A, 500, None),
    ] {
        let mut visit = connect(&listener);
        visit.say(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n{origin}\r\n"));
        let answer = visit.head();
        assert_eq!((answer.status, allowed(&answer).0), (status, wanted), "{path}, {origin}");
    }
}

#[test]
fn an_origin_that_is_not_decided_on_gets_an_error_and_is_not_allowed() {
    let hub = Hub::new(quiet()).unwrap();
    let (sender, asked) = channel();
    let cors = Some(Cors { origins: Origins::Decided, ..Cors::default() });
    let config =
        ListenerConfig { cors, answer_time: Duration::from_millis(100), ..ListenerConfig::default() };
    let listener = Listener::bind(&hub, ("127.0.0.1", 0), config, Deferring(Mutex::new(sender))).unwrap();
    let request = |origin: &str| format!("GET / HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\n\r\n");
    let refused = |answer: &Answer| (answer.status, allowed(answer).0.map(str::to_owned));
    assert_eq!(refused(&ask(&listener, &request("https://panic"))), (500, None));
    let mut dropped = connect(&listener);
    dropped.say(&request("https://a.example"));
    drop(asked.recv().unwrap());
    assert_eq!(refused(&dropped.head()), (500, None));
    let late = ask(&listener, &request("https://a.example"));
    assert_eq!(refused(&late), (503, None));
    assert!(!asked.recv().unwrap().2.decide(true), "the client waits no more");
    let mut closing = connect(&listener);
    closing.say(&request("https://a.example"));
    let (_, _, decision) = asked.recv().unwrap();
    assert!(decision.unavailable());
    assert_eq!(refused(&closing.head()), (503, None));
}
