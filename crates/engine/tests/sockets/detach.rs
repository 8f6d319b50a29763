use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ssecast_engine::{Framing, Reason, Subscription};

use crate::rig::{Client, Rig, data, patient, quiet, tcp};

/// What a host answers to the next request on the connection.
const NEXT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// How many streams follow each other, on every one of a few connections.
const STREAMS: usize = 2500;

#[test]
fn everything_sent_before_is_out_when_the_host_is_told() {
    let mut rig = Rig::new(quiet());
    for _ in 0..200 {
        let (id, mut client) = rig.connect(&["t"]);
        rig.publish("t", "published");
        assert!(rig.send(id, "sent"));
        rig.connections.end(id, Reason::Server);
        rig.publish("t", "too late");
        assert!(!rig.send(id, "too late"));
        assert_eq!(rig.end_of(id), (Reason::Server, false));
        rig.write(id, b"0\r\n\r\n");
        let body = client.read_body();
        assert!(body.bytes.ends_with(b"data: published\n\ndata: sent\n\n"), "{}", client.text());
    }
}

#[test]
fn no_byte_of_a_stream_reaches_the_next_response_on_the_connection() {
    let mut rig = Rig::new(patient());
    let storm = AtomicBool::new(true);
    let hub = rig.hub.clone();
    let mut lanes: Vec<_> =
        (0..4).map(|_| tcp()).map(|(host, client)| (host, Client::new(client, Framing::Chunked))).collect();
    thread::scope(|scope| {
        // Also when an assertion fails.
        let _ends = Ends(&storm);
        scope.spawn(|| {
            while storm.load(Ordering::Relaxed) {
                hub.publish("t", &data("storm")).unwrap();
                thread::yield_now();
            }
        });
        for round in 0..STREAMS {
            let mut ids = Vec::new();
            for (host, _) in &lanes {
                let id = rig
                    .connections
                    .open_paused(&Subscription { topics: &["t"], ..Subscription::default() })
                    .unwrap();
                rig.connections
                    .attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false)
                    .unwrap();
                ids.push(id);
            }
            for (id, (host, client)) in ids.into_iter().zip(&mut lanes) {
                if round % 2 == 0 {
                    client.read_events(1);
                }
                rig.connections.end(id, Reason::Server);
                assert_eq!(rig.end_of(id), (Reason::Server, false));
                let mut response = b"0\r\n\r\n".to_vec();
                response.extend_from_slice(NEXT);
                assert_eq!(
                    rustix::net::send(host, &response, rustix::net::SendFlags::NOSIGNAL),
                    Ok(response.len())
                );
                client.read_body();
                while client.body().after.len() < NEXT.len() {
                    assert!(client.read());
                }
                assert_eq!(client.body().after, NEXT, "stream {round}");
                client.clear();
            }
        }
    });
}

/// Sets a flag to false when it goes.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[test]
fn a_stalled_stream_ends_when_its_client_has_read_it_and_no_frame_is_cut() {
    let mut rig = Rig::new(patient());
    let (id, mut client) = rig.attach(&["t"], None, crate::rig::tiny(), Framing::Chunked);
    let long = "x".repeat(500_000);
    rig.publish("t", &long);
    rig.publish("t", "last");
    client.read_until("xxx");
    rig.connections.end(id, Reason::Server);
    rig.nudge();
    rig.turn();
    assert!(rig.ended.is_empty(), "it has not taken all of it");
    assert_eq!(client.read_events(2), [long, "last".into()]);
    assert_eq!(rig.end_of(id), (Reason::Server, false));
}

#[test]
fn a_connection_that_the_host_gives_up_is_written_no_more_and_ends() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.connect(&["t"]);
    rig.publish("t", "1");
    client.read_events(1);
    assert!(!rig.connections.remove(id, Reason::Client), "the engine has still to let go of it");
    client.read_to_end();
    assert_eq!(client.events(), ["1"]);
    rig.publish("t", "2");
    assert_eq!(rig.end_of(id), (Reason::Client, true));
    let stats = rig.hub.stats();
    assert_eq!(
        (stats.connections, stats.disconnects(Reason::Client)),
        (0, 1),
        "by the time that the host is told"
    );
    assert!(rig.connections.remove(id, Reason::Client), "it is gone");
}

#[test]
fn a_late_word_about_a_connection_that_is_gone_does_not_harm_the_one_in_its_place() {
    let mut rig = Rig::new(quiet());
    for _ in 0..50 {
        let (first, mut client) = rig.connect(&["t"]);
        rig.publish("t", "1");
        client.read_events(1);
        // The engine finds out first; the host has not been told when the next connection takes the place.
        drop(client);
        crate::rig::eventually("the engine finds out", || {
            rig.publish("t", "a probe");
            rig.hub.stats().connections == 0
        });
        let (second, mut client) = rig.connect(&["t"]);
        rig.connections.end(first, Reason::Server);
        assert!(rig.connections.change_topics(first, &[], &["t"]).is_ok());
        let _ = rig.send(first, "to another connection");
        rig.connections.remove(first, Reason::Client);
        rig.publish("t", "2");
        assert_eq!(client.read_events(1), ["2"]);
        rig.connections.end(second, Reason::Server);
        assert_eq!(rig.end_of(second), (Reason::Server, false));
        assert_eq!(rig.end_of(first), (Reason::Client, true));
    }
}
