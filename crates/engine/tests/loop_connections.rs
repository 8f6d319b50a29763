//! Pull delivery: what the host is woken for, and what it gets.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod rig;

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rig::{Client, PATIENCE, Rig, data, events, patient, quiet, slow, tcp};
use ssecast_engine::{Config, Content, Delivery, ErrorKind, Framing, Policy, Reason, Subscription};

fn batches(deliveries: &[Delivery]) -> usize {
    deliveries.iter().filter(|delivery| matches!(delivery.content, Content::Batch(_))).count()
}

#[test]
fn the_host_is_woken_once_for_all_connections_and_events_until_it_takes() {
    let mut rig = Rig::new(quiet());
    let ids: Vec<_> = (0..100).map(|_| rig.open(&["t"])).collect();
    rig.turn();
    let before = rig.wakes.count();
    for _ in 0..100 {
        rig.publish("t", "1");
    }
    assert_eq!(rig.wakes.count(), before + 1);
    rig.turn();
    rig.publish("t", "2");
    assert_eq!(rig.wakes.count(), before + 2);
    rig.turn();
    assert!(ids.iter().all(|id| events(&rig.written[id]).len() == 101));
}

#[test]
fn all_that_waits_for_a_connection_comes_as_one_batch_that_others_share() {
    let mut rig = Rig::new(quiet());
    for _ in 0..10 {
        rig.open(&["t"]);
    }
    rig.turn();
    for number in 0..50 {
        rig.publish("t", &number.to_string());
    }
    let mut deliveries = Vec::new();
    assert!(!rig.connections.take(100, &mut deliveries));
    assert_eq!(batches(&deliveries), 10);
    let batch = |delivery: &Delivery| match &delivery.content {
        Content::Batch(batch) => batch.clone(),
        _ => panic!("no batch"),
    };
    let first = batch(&deliveries[0]);
    assert_eq!(events(&first.bytes()).len(), 50);
    assert!(deliveries.iter().all(|delivery| batch(delivery).is_same(&first)));
}

#[test]
fn no_more_is_taken_than_the_host_asks_for_and_it_is_told_of_the_rest() {
    let mut rig = Rig::new(quiet());
    for _ in 0..10 {
        rig.open(&["t"]);
    }
    let clients: Vec<_> = (0..7).map(|_| rig.connect(&[])).collect();
    rig.turn();
    rig.publish("t", "1");
    clients.iter().for_each(|(id, _)| rig.connections.end(*id, Reason::Server));
    let (mut taken, mut ends) = (0, 0);
    while taken < 10 || ends < 7 {
        let mut deliveries = Vec::new();
        let more = rig.connections.take(3, &mut deliveries);
        assert!(deliveries.len() <= 3, "{} of 3", deliveries.len());
        assert!(more || deliveries.len() < 3 || taken + batches(&deliveries) == 10);
        if deliveries.is_empty() {
            thread::yield_now();
        }
        taken += batches(&deliveries);
        ends += deliveries.len() - batches(&deliveries);
    }
    assert_eq!((taken, ends), (10, 7));
}

#[test]
fn a_connection_gets_one_batch_at_a_time_so_that_its_writer_can_say_that_it_is_full() {
    let mut rig = Rig::new(quiet());
    let id = rig.open(&["t"]);
    rig.turn();
    for _ in 0..10 {
        rig.publish("t", &"x".repeat(50_000));
    }
    let mut deliveries = Vec::new();
    assert!(rig.connections.take(100, &mut deliveries));
    assert_eq!(batches(&deliveries), 1);
    rig.connections.pause(id);
    deliveries.clear();
    assert!(!rig.connections.take(100, &mut deliveries));
    assert_eq!(batches(&deliveries), 0);
}

#[test]
fn a_paused_connection_gets_nothing_and_then_everything_at_once() {
    let mut rig = Rig::new(patient());
    let (paused, other) = (rig.open(&["t"]), rig.open(&["t"]));
    rig.turn();
    rig.connections.pause(paused);
    for number in 0..20 {
        rig.publish("t", &number.to_string());
        rig.turn();
    }
    assert_eq!(events(&rig.written[&other]).len(), 20);
    assert!(events(&rig.written[&paused]).is_empty());
    let before = rig.wakes.count();
    rig.connections.resume(paused);
    assert!(rig.wakes.count() > before);
    rig.turn();
    assert_eq!(events(&rig.written[&paused]), events(&rig.written[&other]));
}

#[test]
fn a_connection_that_stays_paused_is_cut_at_its_limit_in_time() {
    let (mut rig, clock) = Rig::manual(slow(1 << 20, Duration::from_secs(30), Policy::Disconnect));
    let id = rig.open(&["t"]);
    rig.turn();
    rig.connections.pause(id);
    rig.publish("t", "1");
    rig.turn();
    clock.advance(Duration::from_secs(31));
    rig.turn();
    assert_eq!(rig.ended[&id], (Reason::Lagged, true));
}

#[test]
fn the_timer_wakes_the_host_for_heartbeats_though_nothing_else_happens() {
    let mut rig = Rig::new(Config { heartbeat: Some(Duration::from_millis(10)), ..quiet() });
    let id = rig.open(&["t"]);
    rig.turn();
    let greeting = rig.written[&id].len();
    while rig.written[&id].len() < greeting + 3 * ":\n\n".len() {
        let seen = rig.wakes.count();
        rig.turn();
        assert!(rig.wakes.wait(seen, PATIENCE) > seen, "the timer does not wake the host");
    }
    assert_eq!(&rig.written[&id][greeting..greeting + 9], b":\n\n:\n\n:\n\n");
}

#[test]
fn the_timer_wakes_the_host_for_a_lag_limit() {
    let mut rig = Rig::new(slow(1 << 20, Duration::from_millis(50), Policy::Disconnect));
    let id = rig.open(&["t"]);
    rig.turn();
    rig.connections.pause(id);
    while !rig.ended.contains_key(&id) {
        let seen = rig.wakes.count();
        rig.turn();
        if !rig.ended.contains_key(&id) {
            assert!(rig.wakes.wait(seen, PATIENCE) > seen, "the timer does not wake the host");
        }
    }
    assert_eq!(rig.ended[&id], (Reason::Lagged, true));
}

#[test]
fn a_connection_opened_paused_waits_for_its_head() {
    let mut rig = Rig::new(quiet());
    let id =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    rig.publish("t", "1");
    rig.turn();
    assert!(rig.written.is_empty());
    rig.connections.resume(id);
    rig.turn();
    assert_eq!(events(&rig.written[&id]), ["1"]);
}

#[test]
fn a_topic_that_ends_ends_the_connections_of_an_event_loop_once_they_have_all() {
    let mut rig = Rig::new(quiet());
    let open = |rig: &Rig, topics: &[&str]| {
        rig.connections.open(&Subscription { topics, ..Subscription::default() }).unwrap()
    };
    let [prompt, paused, of_two] = [&["t"][..], &["t"], &["t", "live"]].map(|topics| open(&rig, topics));
    rig.turn();
    rig.connections.pause(paused);
    rig.publish("t", "1");
    rig.hub.end_topic("t").unwrap();
    rig.turn();
    assert_eq!(rig.ended.get(&prompt), Some(&(Reason::Server, false)));
    assert_eq!((rig.ended.len(), events(&rig.written[&prompt])), (1, vec!["1".to_owned()]));
    rig.connections.resume(paused);
    rig.connections.change_topics(of_two, &[], &["live"]).unwrap();
    rig.turn();
    for id in [prompt, paused, of_two] {
        assert_eq!(
            (rig.ended[&id], events(&rig.written[&id])),
            ((Reason::Server, false), vec!["1".to_owned()])
        );
        assert!(rig.written[&id].ends_with(b"id: ssecast-finished\n\n"));
    }
    let late = rig.connections.open(&Subscription { topics: &["t"], ..Subscription::default() });
    assert_eq!(late.unwrap_err().kind(), ErrorKind::TopicEnded);
}

#[test]
fn a_connection_handed_over_in_a_storm_goes_on_where_pull_delivery_stopped() {
    let mut rig = Rig::new(patient());
    for _ in 0..50 {
        let hub = rig.hub.clone();
        let id = rig.connections.open(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
        let (host, client) = tcp();
        let mut client = Client::new(client, Framing::Raw);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..2000 {
                    hub.publish("t", &data(&number.to_string())).unwrap();
                }
            });
            // Halfway, what is written so far is on the wire.
            rig.until("something is written", |rig| {
                rig.written.get(&id).is_some_and(|bytes| !events(bytes).is_empty())
            });
            rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Raw, false).unwrap();
        });
        let before = events(&rig.written[&id]);
        let rest = client.read_events(2000 - before.len());
        let wanted: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
        assert_eq!([&before, rest].concat(), wanted);
        rig.connections.remove(id, Reason::Client);
    }
}

#[test]
fn what_is_said_of_a_connection_that_is_gone_changes_nothing() {
    let mut rig = Rig::new(quiet());
    let id = rig.open(&["t"]);
    rig.connections.remove(id, Reason::Client);
    let next = rig.open(&["t"]);
    assert!(!rig.send(id, "1"));
    assert_eq!(rig.connections.pending_bytes(id), 0);
    assert!(!rig.connections.change_topics(id, &["u"], &["t"]).unwrap());
    rig.connections.pause(id);
    rig.connections.end(id, Reason::Server);
    rig.connections.remove(id, Reason::Server);
    rig.connections.resume(id);
    rig.publish("t", "2");
    rig.turn();
    assert_eq!(events(&rig.written[&next]), ["2"]);
    assert!(rig.ended.is_empty());
}

#[test]
fn a_closed_hub_takes_nothing_and_ends_what_there_is() {
    let mut rig = Rig::new(quiet());
    let id = rig.open(&["t"]);
    assert!(rig.send(id, "1"));
    rig.hub.close(&ssecast_engine::Close { event: Some(data("bye")), ..Default::default() }).unwrap();
    assert!(!rig.send(id, "2"));
    let refused = rig.connections.open(&Subscription { topics: &["t"], ..Subscription::default() });
    assert_eq!(rig::refusal(refused), ErrorKind::Closed);
    rig.turn();
    assert_eq!(rig.ended[&id], (Reason::Shutdown, false));
    assert_eq!(events(&rig.written[&id]), ["1", "bye"]);
}

#[test]
fn a_host_that_asks_when_it_wants_more_gets_a_burst_and_is_slow_when_it_leaves_it_for_a_second() {
    let clock = ssecast_engine::ManualClock::default();
    let history = ssecast_engine::History { events: Some(1), bytes: None, age: None };
    let config = Config { history, ..slow(100_000, Duration::from_secs(30), Policy::Disconnect) };
    let hub = ssecast_engine::Hub::with_clock(config, clock.clone()).unwrap();
    let connections = ssecast_engine::LoopConnections::paced(&hub, || ());
    let id = connections
        .open(&ssecast_engine::Subscription { topics: &["t"], ..ssecast_engine::Subscription::default() })
        .unwrap();
    let text = "x".repeat(10_000);
    let next = || {
        let mut deliveries = Vec::new();
        connections.ask_for(id);
        while connections.take(1, &mut deliveries) && deliveries.is_empty() {}
        deliveries.pop().map(|delivery| delivery.content)
    };
    assert!(matches!(next(), Some(Content::Batch(batch)) if batch.events() == 0));
    assert!(next().is_none());
    (0..100).for_each(|_| drop(hub.publish("t", &data(&text)).unwrap()));
    assert!(hub.stats().backlog_bytes > 1_000_000);
    let mut got = 0;
    while let Some(Content::Batch(batch)) = next() {
        got += batch.events();
        clock.advance(Duration::from_millis(50));
        assert_eq!(hub.stats().backlog_bytes, 0, "it is the host's turn");
    }
    assert_eq!(got, 100);

    for _ in 0..2 {
        (0..100).for_each(|_| drop(hub.publish("t", &data(&text)).unwrap()));
        clock.advance(Duration::from_millis(1001));
        hub.publish("t", &data("one more")).unwrap();
    }
    assert_eq!(hub.stats().backlog_bytes, 0, "it is not waited for");
    let held = hub.stats().held_bytes;
    assert!(held < 130_000, "{held} bytes are kept for it");
    assert!(matches!(next(), Some(Content::End(Reason::Lagged) | Content::Cut(Reason::Lagged))));
}

#[test]
fn a_host_that_sets_the_pace_gets_one_batch_of_each_connection_until_it_asks_for_more() {
    let wakes = Arc::new(AtomicUsize::new(0));
    let woken = Arc::clone(&wakes);
    let hub = ssecast_engine::Hub::new(quiet()).unwrap();
    let connections = ssecast_engine::LoopConnections::paced(&hub, move || {
        woken.fetch_add(1, Ordering::SeqCst);
    });
    let open = || {
        let subscription =
            ssecast_engine::Subscription { topics: &["t"], ..ssecast_engine::Subscription::default() };
        connections.open(&subscription).unwrap()
    };
    let take = || {
        let mut deliveries = Vec::new();
        while connections.take(1, &mut deliveries) {}
        deliveries.iter().map(|delivery| delivery.connection).collect::<Vec<_>>()
    };
    let (one, other) = (open(), open());
    assert_eq!(take(), [one, other]);
    hub.publish("t", &data("1")).unwrap();
    assert_eq!(take(), [], "neither was asked for");
    connections.ask_for(one);
    assert_eq!(take(), [one]);
    hub.publish("t", &data("2")).unwrap();
    let before = wakes.load(Ordering::SeqCst);
    assert_eq!(take(), []);
    connections.resume(other);
    assert_eq!(wakes.load(Ordering::SeqCst), before + 1, "the host that takes elsewhere is woken");
    assert_eq!(take(), [other]);
    connections.end(one, Reason::Server);
    connections.resume(one);
    assert_eq!(take(), [one], "what is left");
    connections.ask_for(one);
    assert_eq!(take(), [one], "its end");
}
