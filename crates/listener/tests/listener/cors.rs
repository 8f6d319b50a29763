use std::time::Duration;

use ssecast_engine::{Cors, Origins};
use ssecast_listener::ListenerConfig;

use crate::endpoint::{Answer, Endpoint};

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
