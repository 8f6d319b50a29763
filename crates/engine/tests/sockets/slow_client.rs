use std::io::Read;
use std::time::Duration;

use ssecast_engine::{Config, ErrorKind, Framing, History, Policy, Reason, ResetReason};

use crate::rig::{Client, PATIENCE, Rig, data, eventually, patient, slow, tcp, tiny};

/// An hour, which never comes unless a clock is moved by hand.
const NEVER: Duration = Duration::from_secs(3600);

/// A little more than what a client may be full for before what waits for it is its lag.
const SECOND: Duration = Duration::from_millis(1100);

/// Stalls a client by an event that its socket has no room for.
fn stall(rig: &mut Rig, client: &mut Client) {
    rig.publish("t", &"x".repeat(100_000));
    client.read_until("xxx");
    rig.nudge();
}

#[test]
fn a_stalled_client_delays_nobody() {
    let mut rig = Rig::new(patient());
    let (_, mut stalled) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    let mut others: Vec<Client> = (0..50).map(|_| rig.connect(&["t"]).1).collect();
    stall(&mut rig, &mut stalled);
    for number in 0..100 {
        rig.publish("t", &number.to_string());
        // Every one of them gets it while the stalled client still reads nothing.
        others.iter_mut().for_each(|client| client.read_until(&format!("data: {number}\n")));
    }
    assert_eq!(stalled.read_events(101).len(), 101);
}

#[test]
fn a_client_over_the_limit_in_bytes_is_cut_and_resumes() {
    let (mut rig, clock) = Rig::manual(slow(200_000, NEVER, Policy::Disconnect));
    let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    let (_, mut other) = rig.connect(&["t"]);
    stall(&mut rig, &mut client);
    let mut count = 1;
    while !rig.ended.contains_key(&id) {
        rig.publish("t", &format!("{count} {}", "y".repeat(5000)));
        count += 1;
        other.read_events(count);
        clock.advance(Duration::from_millis(50));
        rig.turn();
        assert!(count < 10_000, "it may lag for ever");
    }
    assert_eq!(rig.ended[&id], (Reason::Lagged, true));
    assert!(count > 30, "cut after only {count} events");
    assert_eq!(rig.hub.stats().disconnects(Reason::Lagged), 1);
    client.read_to_end();
    let seen = client.events().len();

    let (_, mut client) = rig.attach(&["t"], Some(client.last_id()), tcp(), Framing::Chunked);
    assert_eq!(client.read_events(count - seen), &other.events()[seen..]);
}

#[test]
fn a_client_over_the_limit_in_time_is_cut() {
    let (mut rig, clock) = Rig::manual(slow(1 << 30, Duration::from_secs(30), Policy::Disconnect));
    let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    let (_, mut other) = rig.connect(&["t"]);
    stall(&mut rig, &mut client);
    rig.advance(&clock, Duration::from_secs(29));
    rig.turn();
    assert!(rig.ended.is_empty());
    rig.advance(&clock, Duration::from_secs(2));
    assert_eq!(rig.end_of(id), (Reason::Lagged, true));
    client.read_to_end();
    rig.publish("t", "goes on");
    assert_eq!(other.read_events(2)[1], "goes on");
}

#[test]
fn any_progress_begins_the_time_anew() {
    let (mut rig, clock) = Rig::manual(slow(1 << 30, Duration::from_secs(30), Policy::Disconnect));
    let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    rig.publish("t", &"x".repeat(500_000));
    client.read_until("xxx");
    for _ in 0..5 {
        rig.advance(&clock, Duration::from_secs(20));
        let before = client.bytes.len();
        while client.bytes.len() < before + 50_000 {
            assert!(client.read());
        }
        rig.nudge();
        rig.turn();
        assert!(rig.ended.is_empty());
    }
    rig.advance(&clock, Duration::from_secs(31));
    assert_eq!(rig.end_of(id), (Reason::Lagged, true));
}

#[test]
fn a_client_that_skips_is_told_what_it_missed_and_no_frame_is_cut() {
    let (mut rig, clock) = Rig::manual(slow(100_000, Duration::from_secs(30), Policy::Skip));
    let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    stall(&mut rig, &mut client);
    for number in 0..100 {
        rig.publish("t", &format!("{number} {}", "y".repeat(2000)));
    }
    rig.advance(&clock, SECOND);
    assert!(rig.hub.stats().lag_bytes > 200_000, "a burst is no lag");
    rig.advance(&clock, SECOND);
    assert_eq!(rig.hub.stats().lag_bytes, 0, "it jumped to the head");
    let before = client.events().len();
    assert_eq!(before, 0);
    rig.publish("t", "newest");
    let seen = client.read_events(3);
    assert_eq!(seen[0], "x".repeat(100_000));
    assert!(seen[1].starts_with(r#"reset {"reason":"lagged","missed":"#), "{}", seen[1]);
    assert_eq!(seen.last().unwrap(), "newest");
    assert_eq!(rig.hub.stats().resets(ResetReason::Lagged), 1);
    rig.connections.end(id, Reason::Server);
    assert_eq!(rig.end_of(id), (Reason::Server, false));
}

#[test]
fn what_is_sent_past_the_limit_follows_the_policy() {
    for policy in [Policy::Disconnect, Policy::Skip] {
        let (mut rig, clock) = Rig::manual(slow(100_000, NEVER, policy));
        let (id, mut client) = rig.attach(&[], None, tiny(), Framing::Chunked);
        let text = "x".repeat(5000);
        (0..100).for_each(|_| assert!(rig.send(id, &text), "a burst is no lag"));
        rig.nudge();
        rig.advance(&clock, Duration::from_millis(900));
        rig.turn();
        assert!(rig.ended.is_empty() && rig.connections.pending_bytes(id) > 400_000);
        rig.advance(&clock, SECOND);
        if policy == Policy::Disconnect {
            assert_eq!(rig.end_of(id), (Reason::Lagged, true));
            assert_eq!(rig.connections.pending_bytes(id), 0);
            continue;
        }
        assert!(rig.send(id, "newest"), "a client that skips is sent whatever there is");
        client.read_until("data: newest\n");
        assert!(client.events().iter().any(|event| event.starts_with("reset ")));
        rig.nudge();
        assert_eq!(rig.connections.pending_bytes(id), 0);
    }
}

/// Publishes as soon as the engine has offered enough of what was published before.
fn publish_when_possible(rig: &Rig, text: &str) {
    eventually("room in the backlog", || match rig.hub.publish("t", &data(text)) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::BacklogFull);
            false
        }
    });
}

#[test]
fn memory_is_bounded_by_the_history_and_what_may_wait() {
    for policy in [Policy::Disconnect, Policy::Skip] {
        let history = History { events: Some(10), bytes: None, age: None };
        let config = Config { history, max_backlog_bytes: 300_000, ..slow(300_000, NEVER, policy) };
        let mut rig = Rig::new(config);
        let mut stalled: Vec<Client> =
            (0..20).map(|_| rig.attach(&["t"], None, tiny(), Framing::Chunked).1).collect();
        let (_, mut other) = rig.connect(&["t"]);
        for number in 1..=2000 {
            publish_when_possible(&rig, &"z".repeat(1000));
            if number % 100 == 0 {
                other.read_events(number);
            }
            let held = rig.hub.stats().held_bytes;
            assert!(held < (300_000 + 20_000) * 6 / 5, "{held} bytes are held");
        }
        assert!(stalled[0].read());
    }
}

#[test]
fn bursts_that_are_larger_than_the_limit_reach_every_client_that_takes_them() {
    for policy in [Policy::Disconnect, Policy::Skip] {
        let history = History { events: Some(10), bytes: None, age: None };
        let config = Config { history, ..slow(256 << 10, NEVER, policy) };
        let mut rig = Rig::new(config);
        let clients: Vec<Client> = (0..3).map(|_| rig.connect(&["t"]).1).collect();
        let text = "x".repeat(16 << 10);
        let all = 2000 * text.len();
        let reading = clients.into_iter().map(|mut client| {
            std::thread::spawn(move || {
                // Looking at what it takes would make it a slow client, on a machine that is busy.
                let mut bytes = Vec::with_capacity(2 * all);
                let mut buffer = vec![0; 1 << 20];
                while !bytes.ends_with(b"data: end\n\n\r\n") {
                    let length = client.socket.read(&mut buffer).expect("it is not cut, nor forgotten");
                    assert!(length > 0, "it is not ended");
                    bytes.extend_from_slice(&buffer[..length]);
                }
                (client, bytes.len())
            })
        });
        let reading: Vec<_> = reading.collect();
        for _ in 0..50 {
            (0..40).for_each(|_| publish_when_possible(&rig, &text));
            rig.turn();
        }
        publish_when_possible(&rig, "end");
        let read: Vec<_> = reading.into_iter().map(|client| client.join().unwrap()).collect();
        rig.turn();
        assert!(read.iter().all(|(_, bytes)| *bytes > all));
        assert!(rig.ended.is_empty());
        assert_eq!(rig.hub.stats().resets, [0; 4]);
    }
}

#[test]
fn what_the_engine_has_still_to_offer_is_measured_and_nothing_is_left_of_it_when_it_has() {
    let mut rig = Rig::new(patient());
    let mut clients: Vec<Client> = (0..20).map(|_| rig.connect(&["t"]).1).collect();
    let (_, mut stalled) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
    stall(&mut rig, &mut stalled);
    for number in 0..200 {
        rig.publish("t", &format!("{number} {}", "y".repeat(1000)));
    }
    clients.iter_mut().for_each(|client| _ = client.read_events(201));
    eventually("an empty backlog", || rig.hub.stats().backlog_bytes == 0);
    assert!(rig.hub.stats().published == 201);
}

#[test]
fn a_replay_that_was_asked_for_is_no_lag() {
    let mut rig = Rig::new(slow(50_000, NEVER, Policy::Disconnect));
    let published = rig.hub.publish("t", &data("0")).unwrap();
    for number in 1..=200 {
        rig.publish("t", &format!("{number} {}", "y".repeat(2000)));
    }
    let (id, mut client) = rig.attach(&["t"], Some(&published.id), tiny(), Framing::Chunked);
    client.read_until("data: 1 y");
    let mut patience = 4;
    while patience > 0 {
        // The lag limits are looked at four times a second.
        rig.wakes.wait(usize::MAX - 1, Duration::from_millis(100));
        rig.nudge();
        patience -= 1;
    }
    rig.turn();
    assert!(!rig.ended.contains_key(&id));
    assert_eq!(client.read_events(200).len(), 200);
}

#[test]
fn frames_past_the_history_are_let_go_when_everybody_has_them_though_nothing_more_happens() {
    let history = History { events: Some(1), bytes: None, age: None };
    let mut rig = Rig::new(Config { history, ..patient() });
    let (_, mut client) = rig.connect(&["t"]);
    for _ in 0..100 {
        rig.publish("t", &"z".repeat(1000));
    }
    client.read_events(100);
    let deadline = std::time::Instant::now() + PATIENCE;
    while rig.hub.stats().held_bytes > 2000 {
        assert!(std::time::Instant::now() < deadline, "{} bytes are held", rig.hub.stats().held_bytes);
        rig.wakes.wait(usize::MAX - 1, Duration::from_millis(10));
    }
}
