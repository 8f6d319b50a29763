use std::sync::Mutex;

use ssecast_engine::{Close, Config, Event, Framing, Reason};
use ssecast_listener::{ListenerConfig, Responder};

use crate::endpoint::{Endpoint, GET};
use crate::rig::{eventually, quiet};

#[test]
fn a_request_that_is_allowed_gets_a_stream() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut visit = endpoint.visit();
    visit.say("GET /a%20b?c=d&c=%26 HTTP/1.1\r\nhost: localhost\r\nX-Own: 1\r\nx-own: 2\r\n\r\n");
    let head = visit.head();
    assert_eq!(head.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
    ] {
        assert_eq!(head.header(name), Some(value));
    }
    assert!(head.header("date").unwrap().ends_with(" GMT"));
    let routed = endpoint.told.routed.lock().unwrap();
    let request = &routed[0];
    assert_eq!(request.method(), "GET");
    assert_eq!((request.path(), request.raw_path()), ("/a b", "/a%20b"));
    assert_eq!(request.raw_query(), Some("c=d&c=%26"));
    assert_eq!(request.query().collect::<Vec<_>>(), [("c", "d"), ("c", "&")]);
    assert_eq!(request.query_value("c"), Some("d"));
    let headers: Vec<_> = request.headers().collect();
    assert_eq!(headers, [("host", &b"localhost"[..]), ("X-Own", b"1"), ("x-own", b"2")]);
    assert_eq!(request.header("HOST"), Some(&b"localhost"[..]));
    assert_eq!(request.peer(), visit.0.local_addr().unwrap());
    assert_eq!(request.last_event_id(), None);
}

#[test]
fn many_clients_get_all_that_is_published_in_order() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut clients: Vec<_> = (0..100).map(|_| endpoint.stream()).collect();
    let numbers: Vec<String> = (0..100).map(|number: u32| number.to_string()).collect();
    numbers.iter().for_each(|number| endpoint.publish(number));
    for client in &mut clients {
        assert_eq!(client.read_events(100), numbers);
    }
    assert_eq!(endpoint.hub.stats().connections, 100);
}

#[test]
fn an_old_client_gets_a_stream_without_chunks() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut visit = endpoint.visit();
    visit.say("GET / HTTP/1.0\r\n\r\n");
    let mut client = visit.stream(Framing::Raw);
    endpoint.publish("1");
    assert_eq!(client.read_events(1), ["1"]);
    endpoint.hub.close(&Close::default()).unwrap();
    client.read_to_end();
    assert_eq!(endpoint.end().1, Reason::Shutdown);
}

#[test]
fn a_client_resumes_by_the_header_or_else_by_the_query() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut client = endpoint.stream();
    endpoint.publish("1");
    client.read_events(1);
    let first = client.last_id().to_owned();
    endpoint.publish("2");
    client.read_events(2);
    let second = client.last_id().to_owned();
    endpoint.publish("3");
    for (request, seen) in [
        (format!("GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {first}\r\n\r\n"), &["2", "3"][..]),
        (format!("GET /?lastEventId={first} HTTP/1.1\r\nHost: x\r\n\r\n"), &["2", "3"]),
        (format!("GET /?lastEventId={first} HTTP/1.1\r\nHost: x\r\nlast-event-id: {second}\r\n\r\n"), &["3"]),
        (format!("GET /?lastEventId={second} HTTP/1.1\r\nHost: x\r\nLast-Event-ID:\r\n\r\n"), &["3"]),
    ] {
        let mut visit = endpoint.visit();
        visit.say(&request);
        let mut client = visit.stream(Framing::Chunked);
        assert_eq!(client.read_events(seen.len()), seen, "{request}");
    }
    // What is no text is no id that was ever given, and a client is told so.
    let mut visit = endpoint.visit();
    let id: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: \xff\r\n\r\n";
    std::io::Write::write_all(&mut visit.0, id).unwrap();
    visit.stream(Framing::Chunked).read_until("\"unknown\"");
}

#[test]
fn the_router_learns_of_a_stream_and_may_send_to_it_alone_and_end_it() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut client = endpoint.stream();
    let mut other = endpoint.stream();
    let opened: Vec<_> = endpoint.told.opened.lock().unwrap().values().cloned().collect();
    let stream = opened.iter().min_by_key(|stream| stream.connection()).unwrap();
    assert!(stream.send(&Event { data: Some("private"), ..Event::default() }).unwrap());
    if stream.pending_bytes() > 0 {
        eventually("it is drained", || *endpoint.told.drained.lock().unwrap() == [stream.connection()]);
    }
    assert_eq!(client.read_events(1), ["private"]);
    assert!(stream.change_topics(&["u"], &["t"]).unwrap());
    endpoint.publish("not any more");
    endpoint.hub.publish("u", &crate::rig::data("instead")).unwrap();
    assert_eq!(client.read_events(2)[1], "instead");
    stream.detach(Reason::Server);
    client.read_to_end();
    assert!(client.body().complete);
    assert_eq!(endpoint.end(), (stream.connection(), Reason::Server));
    assert_eq!(other.read_events(1), ["not any more"]);
}

#[test]
fn a_client_that_leaves_its_stream_is_noticed() {
    for reset in [false, true] {
        let endpoint = Endpoint::open(ListenerConfig::default());
        let client = endpoint.stream();
        if reset {
            client.reset();
        } else {
            drop(client);
        }
        assert_eq!(endpoint.end().1, Reason::Client);
        eventually("it is gone", || endpoint.hub.stats().connections == 0);
    }
}

#[test]
fn headers_of_the_hosts_own_are_sent_with_every_stream() {
    let headers = vec![("X-Frame-Options".into(), "DENY".into()), ("Set-Cookie".into(), "a=b; c".into())];
    let endpoint = Endpoint::open(ListenerConfig { headers, ..ListenerConfig::default() });
    let mut visit = endpoint.visit();
    visit.say(GET);
    let head = visit.head();
    assert_eq!(head.header("x-frame-options"), Some("DENY"));
    assert_eq!(head.header("set-cookie"), Some("a=b; c"));
}

#[test]
fn a_stricter_cache_control_of_the_hosts_own_stays() {
    let headers = vec![("Cache-Control".into(), "private, no-store".into())];
    let endpoint = Endpoint::open(ListenerConfig { headers, ..ListenerConfig::default() });
    let mut visit = endpoint.visit();
    visit.say(GET);
    assert_eq!(visit.head().header("cache-control"), Some("private, no-store, no-transform"));
}

#[test]
fn head_is_answered_like_get_but_for_the_stream() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let answer = endpoint.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(endpoint.end().1, Reason::Server);
    assert!(endpoint.told.opened.lock().unwrap().is_empty());
    assert_eq!(endpoint.hub.stats().connections, 0);
}

#[test]
fn a_hub_that_has_as_many_connections_as_it_may_have_refuses_one_more() {
    let config = Config { max_connections: 1, ..quiet() };
    let endpoint = Endpoint::new(config, ListenerConfig::default(), |_, responder| {
        assert!(responder.allow(&["t"]).unwrap());
    });
    let client = endpoint.stream();
    let answer = endpoint.ask(GET);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(endpoint.end().1, Reason::Error);
    drop(client);
    eventually("there is room", || endpoint.hub.stats().connections == 0);
    endpoint.stream();
}

#[test]
fn an_answer_may_come_later_and_from_another_thread() {
    let (sender, receiver) = std::sync::mpsc::channel::<Responder>();
    let sender = Mutex::new(sender);
    let endpoint = Endpoint::new(quiet(), ListenerConfig::default(), move |_, responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    let visits: Vec<_> = (0..10)
        .map(|_| {
            let mut visit = endpoint.visit();
            visit.say(GET);
            visit
        })
        .collect();
    let responders: Vec<_> = receiver.iter().take(10).collect();
    assert_eq!(endpoint.hub.stats().connections, 0);
    for responder in responders.iter().rev() {
        assert!(responder.allow(&["t"]).unwrap());
        assert!(!responder.allow(&["t"]).unwrap(), "the first answer counts");
        assert!(!responder.refuse(403).unwrap());
    }
    let mut clients: Vec<_> = visits.into_iter().map(|visit| visit.stream(Framing::Chunked)).collect();
    endpoint.publish("1");
    clients.iter_mut().for_each(|client| assert_eq!(client.read_events(1), ["1"]));
    let mut names: Vec<_> = responders.iter().map(Responder::connection).collect();
    names.sort_unstable();
    let mut opened: Vec<_> = endpoint.told.opened.lock().unwrap().keys().copied().collect();
    opened.sort_unstable();
    assert_eq!(names, opened);
}
