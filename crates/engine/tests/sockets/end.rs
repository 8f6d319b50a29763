use std::time::Duration;

use ssecast_engine::{Close, Config, Framing, Reason};

use crate::rig::{Client, Rig, data, eventually, patient, quiet, tcp, tiny};

#[test]
fn a_closing_hub_says_farewell_to_everybody_and_ends_every_stream() {
    let mut rig = Rig::new(Config { retry: Some(Duration::from_secs(2)), ..quiet() });
    let mut clients: Vec<_> = (0..200).map(|_| rig.connect(&["t"])).collect();
    rig.publish("t", "1");
    rig.hub.close(&Close { event: Some(data("bye")), grace: Duration::from_secs(60) }).unwrap();
    for (id, client) in &mut clients {
        assert_eq!(rig.end_of(*id), (Reason::Shutdown, false));
        rig.write(*id, b"0\r\n\r\n");
        let body = String::from_utf8(client.read_body().bytes.clone()).unwrap();
        assert_eq!(client.events(), ["1", "bye"]);
        assert_eq!(body.matches("retry: ").count(), 2, "when it came, and when it goes: {body:?}");
    }
    assert_eq!(rig.hub.stats().connections, 0);
}

#[test]
fn a_stalled_client_may_take_its_time_until_the_grace_period_is_over() {
    for reads in [true, false] {
        let (mut rig, clock) = Rig::manual(patient());
        let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
        let (_, mut other) = rig.connect(&["t"]);
        rig.publish("t", &"x".repeat(300_000));
        client.read_until("xxx");
        rig.nudge();
        rig.hub.close(&Close { event: Some(data("bye")), grace: Duration::from_secs(5) }).unwrap();
        other.read_events(2);
        rig.turn();
        assert!(!rig.ended.contains_key(&id));
        if reads {
            assert_eq!(client.read_events(2)[1], "bye");
            assert_eq!(rig.end_of(id), (Reason::Shutdown, false));
        } else {
            clock.advance(Duration::from_secs(6));
            assert_eq!(rig.end_of(id), (Reason::Shutdown, true));
            client.read_to_end();
            assert!(client.bytes.len() < 300_000);
        }
    }
}

#[test]
fn a_stream_that_was_attached_while_the_hub_closed_ends_like_the_others() {
    let mut rig = Rig::new(quiet());
    let id = rig
        .connections
        .open_paused(&ssecast_engine::Subscription {
            topics: &["t"],
            ..ssecast_engine::Subscription::default()
        })
        .unwrap();
    let (host, client) = tcp();
    rig.hub.close(&Close { event: Some(data("bye")), ..Close::default() }).unwrap();
    rig.connections
        .attach_socket(&rig.sockets, id, std::os::fd::AsFd::as_fd(&host), Framing::Chunked, false)
        .unwrap();
    assert_eq!(rig.end_of(id), (Reason::Shutdown, false));
    assert_eq!(Client::new(client, Framing::Chunked).read_events(1), ["bye"]);
}

#[test]
fn a_peer_that_closes_or_resets_ends_its_stream_alone() {
    for reset in [false, true] {
        let mut rig = Rig::new(quiet());
        let (gone, mut client) = rig.connect(&["t"]);
        let (_, mut other) = rig.connect(&["t"]);
        rig.publish("t", "1");
        client.read_events(1);
        if reset {
            client.reset();
        } else {
            drop(client);
        }
        let mut count = 1;
        while !rig.ended.contains_key(&gone) {
            rig.publish("t", "again");
            count += 1;
            rig.turn();
            std::thread::yield_now();
        }
        assert_eq!(rig.ended[&gone], (Reason::Client, true));
        assert_eq!(other.read_events(count).len(), count);
        assert_eq!(rig.hub.stats().connections, 1);
        assert_eq!(rig.hub.stats().disconnects(Reason::Client), 1);
    }
}

#[test]
fn a_stalled_peer_that_goes_is_noticed_without_another_event() {
    let mut rig = Rig::new(patient());
    for pair in [tiny, tcp] {
        let (id, client) = rig.attach(&["t"], None, pair(), Framing::Chunked);
        rig.publish("t", &"x".repeat(1_000_000));
        rig.publish("t", &"x".repeat(1_000_000));
        for _ in 0..10 {
            rig.publish("t", &"x".repeat(900_000));
        }
        rig.nudge();
        client.reset();
        assert_eq!(rig.end_of(id), (Reason::Client, true));
    }
}

#[test]
fn a_host_that_drops_its_event_loop_leaves_nobody_behind() {
    let mut rig = Rig::new(quiet());
    let hub = rig.hub.clone();
    let (_, mut client) = rig.connect(&["t"]);
    let (_, mut released) = rig.release(&["t"], tcp(), Framing::Chunked);
    rig.publish("t", "1");
    client.read_events(1);
    released.read_events(1);
    drop(rig);
    client.read_to_end();
    released.read_to_end();
    eventually("no connection is left", || hub.stats().connections == 0);
}

#[test]
fn a_finished_stream_ends_after_all_that_was_sent_with_an_id_that_is_known() {
    let mut rig = Rig::new(quiet());
    for topics in [&["t"][..], &[]] {
        let (id, mut client) = rig.connect(topics);
        let written = rig.open(topics);
        for id in [id, written] {
            assert!(rig.send(id, "the answer"));
            assert!(rig.connections.finish(id, Reason::Server));
            assert!(!rig.connections.finish(id, Reason::Server), "it is ending already");
            assert_eq!(rig.end_of(id), (Reason::Server, false));
            assert!(!rig.connections.finish(id, Reason::Server), "it is gone");
        }
        rig.write(id, b"0\r\n\r\n");
        for stream in [&client.read_body().bytes, &rig.written[&written]] {
            let text = String::from_utf8(stream.clone()).unwrap();
            let (before, id) = text.trim_end().rsplit_once("id: ").unwrap();
            assert!(before.contains("data: the answer\n\n"), "{text:?}");
            let id = id.lines().next().unwrap();
            assert!(ssecast_engine::is_finished(id), "{text:?}");
        }
    }
}

#[test]
fn a_stream_whose_hub_is_closing_comes_back_and_is_not_finished() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.connect(&["t"]);
    rig.hub.close(&Close { event: Some(data("bye")), ..Close::default() }).unwrap();
    assert!(!rig.connections.finish(id, Reason::Server));
    rig.end_of(id);
    rig.write(id, b"0\r\n\r\n");
    assert!(!String::from_utf8_lossy(&client.read_body().bytes).contains("finished"));
}
