use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use ssecast_engine::Framing;
use ssecast_listener::ListenerConfig;

use crate::endpoint::{Endpoint, GET, hasty};

#[test]
fn a_head_has_as_many_bytes_as_it_may_have_and_not_one_more() {
    let endpoint = Endpoint::open(ListenerConfig { max_head_bytes: 1000, ..ListenerConfig::default() });
    let request = |length: usize| {
        let rest = length - "GET / HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(rest))
    };
    let mut visit = endpoint.visit();
    visit.say(&request(1000));
    visit.stream(Framing::Chunked);
    for length in [1001, 1003, 5000, 100_000] {
        assert_eq!(endpoint.ask(&request(length)).status, 431, "{length}");
    }
    // What never ends is no head, wherever it does not end.
    for endless in
        ["x".repeat(1000), format!("GET /{}", "x".repeat(995)), "GET / HTTP/1.1\r\nA: b\r\n".repeat(50)]
    {
        let status = endpoint.ask(&endless).status;
        assert!(status == 431 || status == 400, "{endless}: {status}");
    }
}

#[test]
fn a_request_has_as_many_headers_as_it_may_have() {
    let endpoint = Endpoint::open(ListenerConfig { max_headers: 10, ..ListenerConfig::default() });
    let request =
        |headers: usize| format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(headers - 1));
    let mut visit = endpoint.visit();
    visit.say(&request(10));
    visit.stream(Framing::Chunked);
    assert_eq!(endpoint.ask(&request(11)).status, 431);
}

#[test]
fn what_is_unlimited_costs_nothing_and_overflows_nowhere() {
    let endpoint = Endpoint::open(ListenerConfig {
        max_headers: usize::MAX,
        max_head_bytes: usize::MAX,
        max_pending: usize::MAX,
        head_time: Duration::MAX,
        answer_time: Duration::MAX,
        ..ListenerConfig::default()
    });
    let mut visit = endpoint.visit();
    visit.say(&format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a:\n".repeat(10_000)));
    visit.stream(Framing::Chunked);
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_is_timed_out() {
    let endpoint = Endpoint::open(hasty());
    let begin = Instant::now();
    let mut visit = endpoint.visit();
    visit.0.set_nodelay(true).unwrap();
    let mut mouth = visit.0.try_clone().unwrap();
    let trickle = thread::spawn(move || {
        // Each byte is one more sign of life, and none of them buys any time.
        let bytes = b"GET / HTTP/1.1\r\nA: ".iter().chain(std::iter::repeat(&b'x'));
        for byte in bytes {
            if mouth.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    let answer = visit.head();
    assert_eq!(answer.status, 408);
    assert!(begin.elapsed() >= hasty().head_time);
    // It is not heard for ever after that.
    let _ = visit.end();
    trickle.join().unwrap();
    endpoint.serves();
}

#[test]
fn a_client_that_says_nothing_is_closed_without_a_word() {
    let endpoint = Endpoint::open(hasty());
    let mut silent = endpoint.visit();
    let mut blank = endpoint.visit();
    blank.say("\r\n\r\n");
    assert!(silent.end().is_empty());
    assert!(blank.end().is_empty());
}

#[test]
fn a_router_that_takes_too_long_is_not_waited_for() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let endpoint = Endpoint::new(crate::rig::quiet(), hasty(), move |_, responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    let answer = endpoint.ask(GET);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    let responder = receiver.recv().unwrap();
    assert!(!responder.allow(&["t"]).unwrap());
    drop(responder);
    assert_eq!(endpoint.hub.stats().connections, 0);
    assert!(endpoint.told.ended.lock().unwrap().is_empty());
}

#[test]
fn the_oldest_connection_without_a_head_makes_room_for_a_new_one() {
    let endpoint = Endpoint::open(ListenerConfig { max_pending: 3, ..ListenerConfig::default() });
    let mut visits: Vec<_> = (0..3).map(|_| endpoint.visit()).collect();
    visits.iter_mut().for_each(|visit| visit.say("GET / HTTP/1.1\r\n"));
    let mut client = endpoint.stream();
    assert!(visits[0].end().is_empty());
    // That one is a stream by now, and counts no more.
    for mut visit in visits.drain(1..) {
        visit.say("Host: x\r\n\r\n");
        visit.stream(Framing::Chunked);
    }
    endpoint.publish("1");
    assert_eq!(client.read_events(1), ["1"]);
}

#[test]
fn who_waits_for_the_router_is_not_given_up_for_a_new_one() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let config = ListenerConfig { max_pending: 2, ..ListenerConfig::default() };
    let endpoint = Endpoint::new(crate::rig::quiet(), config, move |_, responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    let mut waiting: Vec<_> = (0..2).map(|_| endpoint.visit()).collect();
    waiting.iter_mut().for_each(|visit| visit.say(GET));
    let responders: Vec<_> = receiver.iter().take(2).collect();
    assert!(endpoint.visit().end().is_empty());
    responders.iter().for_each(|responder| assert!(responder.allow(&["t"]).unwrap()));
    waiting.into_iter().for_each(|visit| drop(visit.stream(Framing::Chunked)));
}

#[test]
fn a_router_that_never_answers_keeps_no_newcomer_out() {
    let kept = std::sync::Mutex::new(Vec::new());
    let config = ListenerConfig {
        max_pending: 2,
        answer_time: Duration::from_millis(900),
        ..ListenerConfig::default()
    };
    let endpoint =
        Endpoint::new(crate::rig::quiet(), config, move |request: ssecast_listener::Request, responder| {
            if request.path() == "/never" {
                kept.lock().unwrap().push(responder);
            } else {
                assert!(responder.allow(&["t"]).unwrap());
            }
        });
    let begin = Instant::now();
    let mut stuck: Vec<_> = (0..2).map(|_| endpoint.visit()).collect();
    for (number, visit) in stuck.iter_mut().enumerate() {
        visit.say("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
        crate::rig::eventually("it is routed", || endpoint.told.routed.lock().unwrap().len() == number + 1);
    }
    // One that comes at once is closed; one that comes after a third of the time takes the oldest one's place.
    while begin.elapsed() < Duration::from_millis(310) {
        thread::sleep(Duration::from_millis(10));
    }
    let mut newcomer = endpoint.visit();
    newcomer.say(GET);
    newcomer.stream(Framing::Chunked);
    let answer = stuck[0].answer();
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true));
}

#[test]
fn thousands_of_connections_without_a_head_keep_nobody_out() {
    let endpoint = Endpoint::open(ListenerConfig { max_pending: 500, ..ListenerConfig::default() });
    let mut client = endpoint.stream();
    let mut half_open = Vec::new();
    for number in 0..2000 {
        let mut visit = endpoint.visit();
        // The listener may have let go of it by now.
        let _ = visit.0.write_all(b"GET / HTTP/1.1\r\nHost: ");
        half_open.push(visit);
        if number % 400 == 0 {
            endpoint.serves();
        }
    }
    endpoint.publish("still there");
    client.read_until("still there");
    // The newest of them may still go on.
    let mut last = half_open.pop().unwrap();
    last.say("x\r\n\r\n");
    last.stream(Framing::Chunked);
    assert!(half_open.first_mut().unwrap().end().is_empty());
}
