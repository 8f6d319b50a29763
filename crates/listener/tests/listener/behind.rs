//! What comes behind a request, and beside one.

use std::io::Write;
use std::net::Shutdown;

use ssecast_engine::Framing;
use ssecast_listener::ListenerConfig;

use crate::endpoint::{Endpoint, GET, Visit};
use crate::rig::{PATIENCE, eventually, quiet};

#[test]
fn a_request_behind_another_one_is_never_executed() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut visit = endpoint.visit();
    visit.say(&GET.repeat(3));
    let mut client = visit.stream(Framing::Chunked);
    client.write(GET.as_bytes());
    endpoint.publish("1");
    assert_eq!(client.read_events(1), ["1"]);

    let mut visit = endpoint.visit();
    visit.say(&format!("GET / HTTP/1.1\r\n\r\n{GET}"));
    let answer = visit.answer();
    assert_eq!(answer.status, 400);
    assert!(!answer.body.contains("HTTP/1.1"));

    let mut visit = endpoint.visit();
    visit.say(&format!("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n{GET}"));
    assert_eq!(visit.answer().body, "");
    assert_eq!(endpoint.told.routed.lock().unwrap().len(), 2);
    assert_eq!(endpoint.hub.stats().connections, 1);
}

#[test]
fn an_answer_is_not_lost_to_a_client_that_is_still_sending() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    for _ in 0..50 {
        let mut visit = endpoint.visit();
        visit.say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 150000\r\n\r\n");
        for _ in 0..150 {
            visit.0.write_all(&[b'x'; 1000]).unwrap();
        }
        assert_eq!(visit.answer().status, 405);
    }
}

/// Sends until the listener closes the connection. Returns the number of bytes.
fn flood(visit: &mut Visit) -> usize {
    let noise = vec![b'x'; 64 << 10];
    let mut sent = 0;
    while let Ok(length @ 1..) = visit.0.write(&noise) {
        sent += length;
    }
    sent
}

/// A router that never answers.
fn undecided() -> Endpoint {
    let config = ListenerConfig { answer_time: PATIENCE * 10, ..ListenerConfig::default() };
    Endpoint::new(quiet(), config, |_, responder| std::mem::forget(responder))
}

#[test]
fn a_client_that_sends_without_end_is_cut_off() {
    // What the system holds for both ends comes on top of what is heard.
    const MOST: usize = 32 << 20;
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut visit = endpoint.visit();
    visit.say("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let sent = flood(&mut visit);
    assert!(sent < MOST, "{sent}");
    // Behind a request that is not answered yet, too.
    let endpoint = undecided();
    let mut visit = endpoint.visit();
    visit.say(GET);
    let sent = flood(&mut visit);
    assert!(sent < MOST, "{sent}");
}

#[test]
fn a_client_that_has_closed_its_side_alone_has_its_stream_until_it_leaves() {
    for round in 0..20 {
        let endpoint = Endpoint::open(ListenerConfig::default());
        let mut visit = endpoint.visit();
        visit.say(GET);
        // With the request, as `curl` does from a pipe, or within the stream.
        let mut client = if round % 2 == 0 {
            visit.0.shutdown(Shutdown::Write).unwrap();
            visit.stream(Framing::Chunked)
        } else {
            let client = visit.stream(Framing::Chunked);
            client.socket.shutdown(Shutdown::Write).unwrap();
            client
        };
        for number in 0..10 {
            endpoint.publish(&number.to_string());
            client.read_until(&format!("data: {number}\n"));
        }
        assert_eq!(endpoint.hub.stats().connections, 1);
        if round % 4 < 2 {
            drop(client);
            endpoint.publish("a probe");
            assert_eq!(endpoint.end().1, ssecast_engine::Reason::Client);
        } else {
            endpoint.hub.close(&ssecast_engine::Close::default()).unwrap();
            client.read_to_end();
            assert!(client.body().complete);
        }
        eventually("it is gone", || endpoint.hub.stats().connections == 0);
    }
    // Also before the router has decided.
    let endpoint = undecided();
    let mut visit = endpoint.visit();
    visit.say(GET);
    visit.0.shutdown(Shutdown::Write).unwrap();
    eventually("it is asked for", || endpoint.told.routed.lock().unwrap().len() == 1);
    endpoint.listener.close();
    assert_eq!(visit.answer().status, 503);
    // But what is wrong is still said.
    let endpoint = undecided();
    let mut visit = endpoint.visit();
    visit.say("GET / HTTP/1.1\r\n\r\n");
    visit.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(visit.answer().status, 400);
}

#[test]
fn clients_that_ask_and_leave_at_once_cost_nothing() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    for round in 0..300 {
        let mut visit = endpoint.visit();
        // At any moment: before, within and behind the head, by a reset and by an end.
        visit.say(&GET[..GET.len() * (round % 7) / 6]);
        if round % 2 == 0 {
            rustix::net::sockopt::set_socket_linger(&visit.0, Some(std::time::Duration::ZERO)).unwrap();
        }
    }
    eventually("all of them are gone", || endpoint.hub.stats().connections == 0);
    let told = |endpoint: &Endpoint| {
        let (routed, ended) = (endpoint.told.routed.lock().unwrap(), endpoint.told.ended.lock().unwrap());
        routed.len() == ended.len()
    };
    eventually("the router is told of each end", || told(&endpoint));
    endpoint.serves();
}
