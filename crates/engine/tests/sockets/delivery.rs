use ssecast_engine::{ConnectionId, Framing, Reason};

use crate::rig::{Client, Rig, data, events, eventually, narrow, patient, quiet, tcp, tiny};

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn finish(rig: &mut Rig, id: ConnectionId, client: &mut Client) {
    rig.connections.end(id, Reason::Server);
    assert_eq!(rig.end_of(id), (Reason::Server, false));
    match client.framing {
        Framing::Chunked => rig.write(id, b"0\r\n\r\n"),
        Framing::Raw => drop(rig.held.remove(&id)),
    }
}

#[test]
fn events_come_in_the_order_of_their_publication() {
    let mut rig = Rig::new(quiet());
    let mut clients: Vec<Client> = (0..20).map(|_| rig.connect(&["t"]).1).collect();
    for number in numbers(500) {
        rig.publish("t", &number);
    }
    for client in &mut clients {
        assert_eq!(client.read_events(500), numbers(500));
    }
}

#[test]
fn what_is_published_while_a_client_is_slow_leaves_in_few_sends() {
    let mut rig = Rig::new(patient());
    let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    // It gets stuck in the first of them.
    rig.publish("t", &"x".repeat(256 << 10));
    client.read_until("xxx");
    for number in numbers(1000) {
        rig.publish("t", &number);
    }
    assert_eq!(client.read_events(1001)[1..], numbers(1000));
    finish(&mut rig, id, &mut client);
    let body = client.read_body();
    assert!(body.chunks <= 6, "{} chunks for a thousand events", body.chunks);
}

#[test]
fn a_tiny_buffer_cuts_no_frame_and_loses_nothing() {
    for framing in [Framing::Chunked, Framing::Raw] {
        for pair in [tiny, narrow] {
            let mut rig = Rig::new(patient());
            let (id, mut client) = rig.attach(&["t"], None, pair(), framing);
            let long: Vec<String> = (0..40).map(|number| format!("{number}:{}", "é".repeat(7000))).collect();
            for text in &long {
                rig.publish("t", text);
            }
            assert_eq!(client.read_events(40), long);
            finish(&mut rig, id, &mut client);
            match framing {
                Framing::Chunked => assert!(client.read_body().after.is_empty()),
                Framing::Raw => client.read_to_end(),
            }
            assert_eq!(client.events(), long);
        }
    }
}

#[test]
fn an_event_larger_than_a_batch_arrives_whole() {
    let mut rig = Rig::new(patient());
    let (_, mut client) = rig.attach(&["t"], None, narrow(), Framing::Chunked);
    let text = "y".repeat(1_000_000);
    rig.publish("t", &text);
    rig.publish("t", "after it");
    assert_eq!(client.read_events(2), [text, "after it".into()]);
}

/// Everything that can be said to a connection, to all of them at once.
fn tell(rig: &mut Rig, all: &[ConnectionId]) {
    for round in 0..30 {
        rig.publish("a", &format!("a{round}"));
        rig.publish("b", "several\nlines\r\nof it");
        for id in all {
            assert!(rig.send(*id, &format!("only you {round}")));
            match round {
                5 => assert!(rig.connections.change_topics(*id, &["c", "e"], &["d"]).unwrap()),
                10 => assert!(rig.connections.change_topics(*id, &["d"], &["e"]).unwrap()),
                _ => {}
            }
        }
        rig.publish("c", &"c".repeat(round * 100));
        if round != 9 {
            rig.publish(if (5..10).contains(&round) { "d" } else { "e" }, "for no connection");
        }
    }
    rig.publish("d", "again");
    all.iter().for_each(|id| rig.connections.end(*id, Reason::Server));
    rig.publish("a", "too late");
}

#[test]
fn bodies_are_byte_for_byte_those_of_pull_delivery() {
    for _ in 0..20 {
        let mut rig = Rig::new(quiet());
        rig.publish("a", "before all of it");
        let topics = ["a", "b", "d"];
        let pulled = rig.open(&topics);
        let (chunked, mut first) = rig.attach(&topics, None, tcp(), Framing::Chunked);
        let (raw, mut second) = rig.attach(&topics, None, tiny(), Framing::Raw);
        tell(&mut rig, &[pulled, chunked, raw]);
        first.read_events(1);
        for id in [pulled, chunked] {
            assert_eq!(rig.end_of(id), (Reason::Server, false));
        }
        // The third one's buffer is too small for all of it: the host hears of its end when the client has read.
        let reading = std::thread::spawn(move || {
            second.read_to_end();
            second
        });
        assert_eq!(rig.end_of(raw), (Reason::Server, false));
        rig.write(chunked, b"0\r\n\r\n");
        rig.held.clear();
        let second = reading.join().unwrap();
        let wanted = &rig.written[&pulled];
        assert_eq!(events(wanted).len(), 3 * 30 + 25 + 1);
        assert_eq!(String::from_utf8_lossy(&first.read_body().bytes), String::from_utf8_lossy(wanted));
        assert_eq!(second.text(), String::from_utf8_lossy(wanted));
    }
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let mut rig = Rig::new(quiet());
    let published = rig.hub.publish("t", &data("0")).unwrap();
    for number in &numbers(100)[1..] {
        rig.publish("t", number);
    }
    let (_, mut client) = rig.attach(&["t"], Some(&published.id), tcp(), Framing::Chunked);
    rig.publish("t", "100");
    assert_eq!(client.read_events(100), &numbers(101)[1..]);
}

#[test]
fn hubs_that_share_a_thread_do_not_mix_and_none_starves() {
    let mut busy = Rig::new(patient());
    let mut calm = Rig::new(quiet());
    calm.sockets = busy.sockets.clone();
    let mut stalled: Vec<Client> = (0..8).map(|_| busy.connect(&["t"]).1).collect();
    let (_, mut client) = calm.connect(&["t"]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                busy.publish("t", &"storm".repeat(100));
            }
        });
        for number in numbers(200) {
            calm.publish("t", &number);
            client.read_until(&format!("data: {number}\n"));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(client.events(), numbers(200));
    assert_eq!(stalled[0].read_events(1)[0], "storm".repeat(100));
}

#[test]
fn what_the_socket_takes_is_counted_for_the_hosts_own_timers() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.connect(&["t"]);
    rig.publish("t", "1");
    client.read_events(1);
    let before = rig.connections.writes(id);
    assert!(before > 0);
    rig.publish("t", "2");
    client.read_events(2);
    // The client may have it before the engine's thread has counted it.
    eventually("it is counted", || rig.connections.writes(id) > before);
    rig.connections.end(id, Reason::Server);
    rig.end_of(id);
    assert_eq!(rig.connections.writes(id), 0, "it is gone");
}
