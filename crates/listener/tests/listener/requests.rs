use std::io::Write;

use ssecast_engine::Framing;
use ssecast_listener::ListenerConfig;

use crate::endpoint::{Endpoint, GET};

/// What is answered without the router, and why, in words that the answer has.
const BAD: [(&str, u16, &str); 37] = [
    ("garbage\r\n\r\n", 400, "not HTTP"),
    ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}", 400, "not HTTP"),
    ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""),
    ("GET /\u{0} HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""),
    ("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 505, ""),
    ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP/1.1"),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
    ("GET / http/1.1\r\nHost: x\r\n\r\n", 505, ""),
    ("GET / HTTP/1.1\r\n\r\n", 400, "no Host"),
    ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, "more than one Host"),
    ("GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400, "more than one Host"),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "Host header is not valid"),
    ("GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400, "header's name"),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, "header's name"),
    ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, "header's name"),
    ("GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400, "header's name"),
    ("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, "header's name"),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: \u{0}\r\n\r\n", 400, "header's value"),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", 400, "header's value"),
    ("GET path HTTP/1.1\r\nHost: x\r\n\r\n", 400, "target"),
    ("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400, "target"),
    ("GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "target"),
    ("GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "target"),
    ("GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "target"),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "GET"),
    ("DELETE / HTTP/1.0\r\n\r\n", 405, "GET"),
    ("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 405, "GET"),
    ("get / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "GET"),
    ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 413, "no body"),
    ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413, "no body"),
    ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"),
    ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n", 400, "Content-Length"),
    ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400, "Content-Length"),
    ("GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", 406, "text/event-stream"),
    ("GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream;q=0, */*\r\n\r\n", 406, "text/event-stream"),
    ("HEAD / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", 406, ""),
    ("GET / HTTP/1.1\r\nHost: x\r\nAccept: image/*\r\nAccept: text/html\r\n\r\n", 406, "text/event-stream"),
];

#[test]
fn what_is_no_request_for_a_stream_is_told_so_and_never_reaches_the_router() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    for (request, status, word) in BAD {
        let answer = endpoint.ask(request);
        assert_eq!(answer.status, status, "{request:?}: {answer:?}");
        assert!(answer.body.contains(word), "{request:?}: {answer:?}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{request:?}");
        if !request.starts_with("HEAD") {
            assert!(answer.body.starts_with(&status.to_string()), "{request:?}: {answer:?}");
        }
    }
    assert!(endpoint.told.routed.lock().unwrap().is_empty());
    endpoint.serves();
}

#[test]
fn a_bad_request_gets_the_same_answer_a_byte_at_a_time() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    for (request, status, _) in BAD {
        let mut visit = endpoint.visit();
        visit.0.set_nodelay(true).unwrap();
        for byte in request.as_bytes() {
            // The answer may come before the end.
            if visit.0.write_all(&[*byte]).is_err() {
                break;
            }
        }
        assert_eq!(visit.answer().status, status, "{request:?}");
    }
}

#[test]
fn a_request_may_come_a_byte_at_a_time_and_in_every_form_that_is_valid() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    for request in [
        GET,
        "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET HTTP://[::1]:80?a=b HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 0\r\nAccept: text/*\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nUpgrade: h2c\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let mut visit = endpoint.visit();
        visit.0.set_nodelay(true).unwrap();
        request.as_bytes().iter().for_each(|byte| visit.0.write_all(&[*byte]).unwrap());
        visit.stream(Framing::Chunked);
    }
}

#[test]
fn only_the_path_that_is_configured_is_there() {
    let endpoint =
        Endpoint::open(ListenerConfig { path: Some("/events".into()), ..ListenerConfig::default() });
    for target in ["/", "/events/", "/events2", "/%65vents", "//events", "/?/events", "http://x"] {
        for method in ["GET", "OPTIONS", "POST"] {
            let answer = endpoint.ask(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
            assert_eq!(answer.status, 404, "{method} {target}");
        }
    }
    for target in ["/events", "/events?a=b", "http://x/events"] {
        let mut visit = endpoint.visit();
        visit.say(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        visit.stream(Framing::Chunked);
    }
}
