use std::sync::{Mutex, mpsc};

use ssecast_engine::{ErrorKind, Framing, Hub, Reason, Replay};
use ssecast_listener::{Listener, ListenerConfig, QueryTopics, Request, Responder};

use crate::endpoint::{Endpoint, GET};
use crate::rig::{data, eventually, quiet, refusal};

fn at(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[test]
fn a_router_answers_with_the_status_that_it_chooses() {
    let endpoint =
        Endpoint::new(quiet(), ListenerConfig::default(), |request: Request, responder: Responder| {
            let status = request.path()[1..].parse().unwrap();
            assert!(responder.refuse(status).unwrap());
        });
    for (status, line) in [
        (204, "HTTP/1.1 204 No Content\r\n"),
        (401, "HTTP/1.1 401 Unauthorized\r\n"),
        (403, "HTTP/1.1 403 Forbidden\r\n"),
        (404, "HTTP/1.1 404 Not Found\r\n"),
        (429, "HTTP/1.1 429 Too Many Requests\r\n"),
        (499, "HTTP/1.1 499 \r\n"),
        (503, "HTTP/1.1 503 Service Unavailable\r\n"),
    ] {
        let answer = endpoint.ask(&at(&format!("/{status}")));
        assert!(answer.head.starts_with(line), "{}", answer.head);
        assert_eq!(answer.header("retry-after").is_some(), matches!(status, 429 | 503));
        assert_eq!(answer.body.is_empty(), status == 204);
    }
    assert!(endpoint.told.ended.lock().unwrap().is_empty());
}

#[test]
fn an_answer_that_is_not_valid_leaves_the_request_to_another_one() {
    let endpoint = Endpoint::new(quiet(), ListenerConfig::default(), |_, responder: Responder| {
        assert_eq!(refusal(responder.allow(&["t", ""])), ErrorKind::InvalidTopic);
        for status in [0, 100, 200, 302, 399, 600, 65535] {
            assert_eq!(refusal(responder.refuse(status)), ErrorKind::InvalidOption);
        }
        assert!(responder.allow(&["t"]).unwrap());
    });
    endpoint.serves();
}

#[test]
fn a_request_that_nobody_answers_is_answered_500() {
    let endpoint =
        Endpoint::new(quiet(), ListenerConfig::default(), |request: Request, responder: Responder| {
            match request.path() {
                "/panic" => panic!("on purpose"),
                "/late" => {
                    assert!(responder.allow(&["t"]).unwrap());
                    panic!("on purpose, after the answer")
                }
                "/drop" => drop(responder),
                _ => assert!(responder.allow(&["t"]).unwrap()),
            }
        });
    assert_eq!(endpoint.ask(&at("/drop")).status, 500);
    assert_eq!(endpoint.ask(&at("/panic")).status, 500);
    let mut visit = endpoint.visit();
    visit.say(&at("/late"));
    visit.stream(Framing::Chunked);
    endpoint.serves();
}

#[test]
fn a_client_that_leaves_before_the_answer_is_found_out_when_it_gets_it() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let endpoint = Endpoint::new(quiet(), ListenerConfig::default(), move |_, responder: Responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    for reset in [false, true] {
        let mut visit = endpoint.visit();
        visit.say(GET);
        let responder = receiver.recv().unwrap();
        if reset {
            rustix::net::sockopt::set_socket_linger(&visit.0, Some(std::time::Duration::ZERO)).unwrap();
        }
        drop(visit);
        // Others are heard one after the other, so that this one has been heard of by now.
        for _ in 0..2 {
            assert_eq!(endpoint.ask("POST / HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
        }
        // A reset says that it is gone; an end may mean that it only listens from now on.
        assert_eq!(responder.allow(&["t"]).unwrap(), !reset);
    }
    assert_eq!(endpoint.end().1, Reason::Client);
    eventually("it is gone", || endpoint.hub.stats().connections == 0);
}

#[test]
fn a_client_that_leaves_while_the_answer_is_on_its_way_has_its_end() {
    let (go, may_go) = mpsc::channel::<()>();
    let (may_go, kept) = (Mutex::new(may_go), Mutex::new(None));
    let endpoint =
        Endpoint::new(quiet(), ListenerConfig::default(), move |request: Request, responder: Responder| {
            match request.path() {
                "/keep" => *kept.lock().unwrap() = Some(responder),
                // No request is answered before the test says so.
                "/wait" => may_go.lock().unwrap().recv().unwrap(),
                _ => assert!(kept.lock().unwrap().as_ref().unwrap().allow(&["t"]).unwrap()),
            }
        });
    let routed = |count| eventually("it is routed", || endpoint.told.routed.lock().unwrap().len() == count);
    let (mut leaves, mut other) = (endpoint.visit(), endpoint.visit());
    leaves.say(&at("/keep"));
    routed(1);
    let mut waits = endpoint.visit();
    waits.say(&at("/wait"));
    routed(2);
    // The thread finds both at once: first the request by which the client is allowed a stream, then its leave.
    other.say(&at("/allow"));
    drop(leaves);
    go.send(()).unwrap();
    assert_eq!(endpoint.end().1, Reason::Client);
    eventually("it is gone", || endpoint.hub.stats().connections == 0);
}

#[test]
fn each_answer_that_counts_has_its_end_whenever_the_client_leaves() {
    let (sender, receiver) = mpsc::channel::<Responder>();
    let sender = Mutex::new(sender);
    let endpoint = Endpoint::new(quiet(), ListenerConfig::default(), move |_, responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    let mut allowed = Vec::new();
    for round in 0..2000 {
        let mut visit = endpoint.visit();
        visit.say(GET);
        let responder = receiver.recv().unwrap();
        let leave = std::thread::spawn(move || {
            if round % 2 == 0 {
                rustix::net::sockopt::set_socket_linger(&visit.0, Some(std::time::Duration::ZERO)).unwrap();
            }
            drop(visit);
        });
        if responder.allow(&["t"]).unwrap() {
            allowed.push(responder.connection());
        }
        leave.join().unwrap();
    }
    eventually("all are told", || endpoint.told.ended.lock().unwrap().len() == allowed.len());
    let mut ended: Vec<_> = endpoint.told.ended.lock().unwrap().iter().map(|(id, _)| *id).collect();
    ended.sort_unstable();
    assert_eq!(ended, allowed);
    assert_eq!(endpoint.hub.stats().connections, 0);
}

#[test]
fn a_router_that_panics_at_an_end_harms_nobody() {
    struct Careless;
    impl ssecast_listener::Router for Careless {
        fn route(&self, _: Request, responder: Responder) {
            responder.allow(&["t"]).unwrap();
        }

        fn opened(&self, _: ssecast_engine::Attachment) {
            panic!("on purpose");
        }

        fn ended(&self, _: ssecast_engine::ConnectionId, _: Reason) {
            panic!("on purpose");
        }
    }
    let hub = Hub::new(quiet()).unwrap();
    let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), Careless).unwrap();
    for _ in 0..10 {
        let mut client = crate::endpoint::connect(&listener);
        client.say(GET);
        let mut client = client.stream(Framing::Chunked);
        hub.publish("t", &data("1")).unwrap();
        client.read_events(1);
        drop(client);
        eventually("it is gone", || hub.stats().connections == 0);
    }
}

#[test]
fn topics_come_from_the_query_where_that_is_chosen() {
    let hub = Hub::new(quiet()).unwrap();
    let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), QueryTopics).unwrap();
    let ask = |path: &str| {
        let mut visit = crate::endpoint::connect(&listener);
        visit.say(&at(path));
        visit
    };
    let mut client = ask("/?topic=a&other=c&topic=b%26").stream(Framing::Chunked);
    hub.publish("a", &data("1")).unwrap();
    hub.publish("c", &data("2")).unwrap();
    hub.publish("b&", &data("3")).unwrap();
    assert_eq!(client.read_events(2), ["1", "3"]);
    let long = format!("/?topic={}", "x".repeat(257));
    for path in ["/", "/?topic", "/?topic=a&topic=", "/?Topic=a", &long] {
        assert_eq!(ask(path).answer().status, 400, "{path}");
    }
}

#[test]
fn a_stranger_names_64_topics_at_most() {
    let hub = Hub::new(quiet()).unwrap();
    let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), QueryTopics).unwrap();
    let ask = |topics: usize| {
        let topics: Vec<String> = (0..topics).map(|topic| format!("topic={topic}")).collect();
        let mut visit = crate::endpoint::connect(&listener);
        visit.say(&at(&format!("/?{}", topics.join("&"))));
        visit
    };
    assert_eq!(ask(65).answer().status, 400);
    let mut client = ask(64).stream(Framing::Chunked);
    hub.publish("63", &data("1")).unwrap();
    assert_eq!(client.read_events(1), ["1"]);
    assert_eq!(hub.stats().topics, 64);
}

#[test]
fn a_client_whose_stream_was_finished_is_answered_204_once_it_is_allowed() {
    let endpoint =
        Endpoint::new(quiet(), ListenerConfig::default(), |request: Request, responder: Responder| {
            let allowed = request.path() == "/";
            assert!(if allowed { responder.allow(&["t"]) } else { responder.refuse(403) }.unwrap());
        });
    let ask = |path: &str, method: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ssecast-finished\r\n\r\n");
        endpoint.ask(&head).status
    };
    assert_eq!((ask("/", "GET"), ask("/", "HEAD"), ask("/secret", "GET")), (204, 204, 403));
    assert_eq!(endpoint.hub.stats().connections, 0);
    let ended: Vec<_> = endpoint.told.ended.lock().unwrap().iter().map(|(_, reason)| *reason).collect();
    assert_eq!(ended, [Reason::Server, Reason::Server], "each stream that was allowed has its end");
}

#[test]
fn a_stream_begins_with_the_history_that_its_route_or_the_configuration_says() {
    let config = ListenerConfig { replay: Replay::All, ..ListenerConfig::default() };
    let endpoint = Endpoint::new(quiet(), config, |request: Request, responder: Responder| {
        let allowed = match request.path() {
            "/last" => responder.allow_with_replay(&["t"], Replay::Last(1)),
            "/live" => responder.allow_with_replay(&["t"], Replay::default()),
            _ => responder.allow(&["t"]),
        };
        assert!(allowed.unwrap());
    });
    let first = endpoint.hub.publish("t", &data("1")).unwrap().id;
    ["2", "3"].iter().for_each(|text| endpoint.publish(text));
    let resuming = format!("Last-Event-ID: {first}\r\n");
    for (path, header, expected) in [
        ("/", "", &["1", "2", "3"][..]),
        ("/last", "", &["3"]),
        ("/live", "", &[]),
        ("/last", &resuming, &["2", "3"]),
    ] {
        let mut visit = endpoint.visit();
        visit.say(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n"));
        let mut client = visit.stream(Framing::Chunked);
        client.read_until("id: ");
        assert_eq!(client.read_events(expected.len()), expected, "{path}");
    }
}

#[test]
fn a_topic_that_ends_ends_its_streams_and_whoever_has_all_of_it_is_answered_204() {
    let config = ListenerConfig { replay: Replay::All, ..ListenerConfig::default() };
    let endpoint = Endpoint::open(config);
    let first = endpoint.hub.publish("t", &data("1")).unwrap().id;
    let mut client = endpoint.stream();
    endpoint.publish("2");
    endpoint.hub.end_topic("t").unwrap();
    assert_eq!(client.read_events(2), ["1", "2"]);
    client.read_until("id: ssecast-finished");
    client.read_body();
    assert_eq!(endpoint.end().1, Reason::Server);
    let mut late = endpoint.stream();
    assert_eq!(late.read_events(2), ["1", "2"]);
    late.read_body();
    let head = format!("HEAD / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {}\r\n\r\n", first.replace("-1", "-2"));
    assert_eq!((endpoint.ask(&head).status, endpoint.ask(&head.replace("-2", "-0")).status), (204, 200));
    for id in [first.replace("-1", "-2"), "ssecast-finished".into()] {
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {id}\r\n\r\n");
        assert_eq!(endpoint.ask(&head).status, 204, "{id}");
    }
    assert_eq!(endpoint.hub.stats().refused, 0);
}
