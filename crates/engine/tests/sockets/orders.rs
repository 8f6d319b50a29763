use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ssecast_engine::{Close, ErrorKind, Framing, Reason};

use crate::rig::{Rig, data, patient, quiet, refusal, tiny};

#[test]
fn an_event_for_one_client_stands_between_those_published_before_and_after_it() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.connect(&["t"]);
    let (_, mut other) = rig.connect(&["t"]);
    let mut wanted = Vec::new();
    for number in 0..500 {
        rig.publish("t", &number.to_string());
        assert!(rig.send(id, &format!("own {number}")));
        wanted.extend([number.to_string(), format!("own {number}")]);
    }
    assert_eq!(client.read_events(1000), wanted);
    wanted.retain(|text| !text.starts_with("own"));
    assert_eq!(other.read_events(500), wanted);
}

#[test]
fn a_topic_counts_from_the_call_that_adds_it_and_up_to_the_call_that_removes_it() {
    let mut rig = Rig::new(patient());
    let storm = AtomicBool::new(true);
    let hub = rig.hub.clone();
    let (id, mut client) = rig.connect(&["t"]);
    thread::scope(|scope| {
        // The engine's thread is always in the middle of something.
        scope.spawn(|| {
            while storm.load(Ordering::Relaxed) {
                hub.publish("t", &data("storm")).unwrap();
                thread::yield_now();
            }
        });
        for number in 0..1000 {
            rig.publish("u", &format!("too early {number}"));
            assert!(rig.connections.change_topics(id, &["u"], &[]).unwrap());
            rig.publish("u", &number.to_string());
            client.read_until(&format!("data: {number}\n"));
            assert!(rig.connections.change_topics(id, &[], &["u"]).unwrap());
            rig.publish("u", &format!("too late {number}"));
        }
        storm.store(false, Ordering::Relaxed);
    });
    rig.publish("t", "over");
    client.read_until("data: over\n");
    let seen: Vec<&String> = client.events().iter().filter(|text| *text != "storm").collect();
    let mut wanted: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    wanted.push("over".into());
    assert_eq!(seen, wanted.iter().collect::<Vec<_>>());
}

#[test]
fn a_bad_topic_is_refused_at_once_and_changes_nothing() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.connect(&["t"]);
    assert_eq!(refusal(rig.connections.change_topics(id, &["u", ""], &["t"])), ErrorKind::InvalidTopic);
    rig.publish("u", "not for it");
    rig.publish("t", "still for it");
    assert_eq!(client.read_events(1), ["still for it"]);
}

#[test]
fn a_hub_with_all_the_topics_it_may_have_refuses_another_at_once() {
    let mut rig = Rig::new(ssecast_engine::Config { max_topics: 2, ..quiet() });
    let (id, mut client) = rig.connect(&["a", "b"]);
    assert_eq!(refusal(rig.connections.change_topics(id, &["c"], &[])), ErrorKind::TooManyTopics);
    rig.publish("a", "1");
    assert_eq!(client.read_events(1), ["1"]);
}

#[test]
fn pending_bytes_are_those_that_the_system_has_not_taken_and_the_host_hears_when_there_are_none() {
    let mut rig = Rig::new(patient());
    let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    assert_eq!(rig.connections.pending_bytes(id), 0);
    let text = "x".repeat(100_000);
    for _ in 0..5 {
        assert!(rig.send(id, &text));
    }
    rig.nudge();
    let pending = rig.connections.pending_bytes(id);
    assert!(pending >= 5 * text.len(), "{pending} bytes, though the client has not read one event");
    rig.turn();
    assert!(rig.drained.is_empty());
    client.read_events(5);
    rig.until("the host hears of it", |rig| !rig.drained.is_empty());
    assert_eq!(rig.connections.pending_bytes(id), 0);
    assert_eq!(rig.drained, [id]);

    // The host did not ask, and is not told.
    assert!(rig.send(id, "more"));
    client.read_events(6);
    rig.nudge();
    rig.turn();
    assert_eq!(rig.drained, [id]);
}

#[test]
fn a_source_that_waits_until_all_is_out_gets_every_event_through() {
    let mut rig = Rig::new(patient());
    let (id, mut client) = rig.attach(&[], None, tiny(), Framing::Raw);
    let reading = thread::spawn(move || client.read_events(3000).to_vec());
    for number in 0..3000 {
        assert!(rig.send(id, &number.to_string()));
        if rig.connections.pending_bytes(id) > 1000 {
            rig.drained.clear();
            if rig.connections.pending_bytes(id) > 0 {
                rig.until("it is out", |rig| {
                    !rig.drained.is_empty() || rig.connections.pending_bytes(id) == 0
                });
            }
        }
    }
    let wanted: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    assert_eq!(reading.join().unwrap(), wanted);
}

#[test]
fn what_was_sent_before_the_hub_closed_comes_before_the_farewell() {
    for _ in 0..300 {
        let mut rig = Rig::new(quiet());
        let (id, mut client) = rig.connect(&["t"]);
        rig.publish("t", "0");
        assert!(rig.send(id, "1"));
        rig.hub.close(&Close { event: Some(data("bye")), ..Close::default() }).unwrap();
        assert!(!rig.send(id, "too late"));
        assert_eq!(rig.end_of(id), (Reason::Shutdown, false));
        rig.write(id, b"0\r\n\r\n");
        client.read_body();
        assert_eq!(client.events(), ["0", "1", "bye"]);
    }
}
