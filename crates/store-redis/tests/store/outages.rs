//! The server can't be reached, or does not answer. Nothing is lost, nothing is doubled, and it goes on.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ssecast_hub::{ErrorKind, Event, Published, StoreState, Subscription};

use crate::proxy::Proxy;
use crate::rig::{Connection, hub, hub_keeping, publish, try_publish, wait_for_state};
use crate::server::{Redis, wait_until};

#[test]
fn connections_that_are_cut_lose_and_double_nothing() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (one, two) = (hub(&redis.url()), hub(&redis.url()));
    let mut connection = Connection::new(&two, None);
    let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let mut admin = redis.connect();
    for (number, text) in texts.iter().enumerate() {
        if number % 10 == 5 {
            let killed: i64 =
                redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query(&mut admin).unwrap();
            assert!(killed >= 1, "{killed}");
        }
        publish(if number % 2 == 0 { &one } else { &two }, text);
    }
    assert_eq!(connection.read_until("99"), texts);
    wait_for_state(&two, StoreState::Ready);
}

#[test]
fn an_event_whose_answer_is_cut_is_published_once() {
    let Some(redis) = Redis::start(&[]) else { return };
    let proxy = Proxy::to(redis.port);
    let (hub, other) = (hub(&proxy.url()), hub(&redis.url()));
    let mut connection = Connection::new(&hub, None);
    let mut expected = Vec::new();
    for number in 0..10 {
        proxy.cut_the_next_answer();
        expected.push(format!("{number}"));
        let id = publish(&hub, &expected[expected.len() - 1]);
        assert!(proxy.has_cut());
        assert!(id.ends_with(&format!("-{}", expected.len())), "{id}");
        // Another process comes between.
        expected.push(format!("{number} there"));
        publish(&other, &expected[expected.len() - 1]);
    }
    assert_eq!(connection.read_until("9 there"), expected);
    assert_eq!(redis.ask::<u64>("XLEN {ssecast}:log"), 20);
}

#[test]
fn batches_whose_answers_are_cut_are_published_once_and_in_order() {
    let Some(redis) = Redis::start(&[]) else { return };
    let proxy = Proxy::to(redis.port);
    let hub = hub_keeping(&proxy.url(), 100_000);
    let mut connection = Connection::new(&hub, None);
    publish(&hub, "first");
    let (told, outcomes) = channel();
    let texts: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    for (number, text) in texts.iter().enumerate() {
        if number % 100 == 50 {
            proxy.cut_the_next_answer();
        }
        let told = told.clone();
        let done = move |published: Result<Published, _>| told.send(published.unwrap().id).unwrap();
        hub.publish_then("t", &Event { data: Some(text), ..Event::default() }, done).unwrap();
    }
    let ids: Vec<String> = outcomes.iter().take(3000).collect();
    assert!(ids.iter().zip(2..).all(|(id, number)| id.ends_with(&format!("-{number}"))), "{ids:?}");
    assert_eq!(connection.read_until("2999")[1..], texts);
    // Many are one entry of the stream.
    assert!(redis.ask::<u64>("XLEN {ssecast}:log") < 1500);
}

#[test]
fn a_server_that_is_away_refuses_events_in_time_and_clients_stay() {
    let Some(mut redis) = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    publish(&hub, "1");
    let last = publish(&hub, "2");
    redis.kill();
    let begin = Instant::now();
    let error = try_publish(&hub, "lost").unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error}");
    wait_for_state(&hub, StoreState::Degraded);
    // A client that this process knows is served as ever, and another one is asked to come back, at once.
    let begin = Instant::now();
    assert!(Connection::new(&hub, Some(&last)).read_until_idle().is_empty());
    let mut reader = hub.reader(Arc::new(|| ()));
    for _ in 0..50 {
        let subscription =
            Subscription { topics: &["t"], last_event_id: Some("aaaaaaaaaa-1"), ..Subscription::default() };
        assert_eq!(reader.subscribe(&subscription).unwrap_err().kind(), ErrorKind::StoreUnavailable);
    }
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    redis.start_again();
    wait_for_state(&hub, StoreState::Ready);
    assert!(publish(&hub, "3").ends_with("-3"));
    assert_eq!(connection.read_until("3"), ["1", "2", "3"]);
}

#[test]
fn a_hub_that_starts_before_its_server_works_when_that_is_there() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    redis.kill();
    let hub = hub(&redis.url());
    assert_eq!(hub.stats().store, Some(StoreState::Unopened));
    let mut reader = hub.reader(Arc::new(|| ()));
    let mut connect =
        || reader.subscribe(&Subscription { topics: &["t"], ..Subscription::default() }).map(|_| ());
    assert_eq!(connect().unwrap_err().kind(), ErrorKind::StoreUnavailable);
    assert_eq!(hub.stats().store, Some(StoreState::Degraded));
    redis.start_again();
    // Only clients come; none of them waits.
    wait_until("a client is served", || connect().is_ok());
    assert_eq!(hub.stats().store, Some(StoreState::Ready));
}

#[test]
fn a_server_that_is_stopped_carries_out_nothing_later() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (hub, other) = (hub(&redis.url()), hub(&redis.url()));
    let mut connection = Connection::new(&hub, None);
    publish(&hub, "1");
    redis.signal(libc::SIGSTOP);
    let begin = Instant::now();
    let error = try_publish(&hub, "too late").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error}");
    assert!(error.to_string().contains("it is not known whether"), "{error}");
    // By now there is no connection to send anything on.
    let error = try_publish(&hub, "not sent").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreTimedOut, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    wait_for_state(&hub, StoreState::Degraded);
    redis.signal(libc::SIGCONT);
    wait_for_state(&hub, StoreState::Ready);
    publish(&other, "2");
    assert_eq!(connection.read_until("2"), ["1", "2"]);
    assert_eq!(redis.ask::<u64>("XLEN {ssecast}:log"), 2);
}

#[test]
fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    for number in 0..5 {
        publish(&hub, &number.to_string());
        redis.ask::<String>("SCRIPT FLUSH");
    }
    assert_eq!(connection.read_until("4").len(), 5);
}

#[test]
fn a_node_of_a_cluster_leads_to_the_one_that_has_the_keys() {
    let Some(one) = Redis::start(&["--cluster-enabled", "yes"]) else { return };
    let Some(other) = Redis::start(&["--cluster-enabled", "yes"]) else { return };
    // The two nodes have half of the slots each; the keys are in one of them.
    one.ask::<String>("CLUSTER ADDSLOTSRANGE 0 8191");
    other.ask::<String>("CLUSTER ADDSLOTSRANGE 8192 16383");
    one.ask::<String>(&format!("CLUSTER MEET 127.0.0.1 {}", other.port));
    for node in [&one, &other] {
        wait_until("the cluster is there", || {
            node.ask::<String>("CLUSTER INFO").contains("cluster_state:ok")
        });
    }
    let hubs = [&one, &other].map(|node| hub(&node.url()));
    let mut connections = hubs.each_ref().map(|hub| Connection::new(hub, None));
    publish(&hubs[0], "1");
    publish(&hubs[1], "2");
    for connection in &mut connections {
        assert_eq!(connection.read_until("2"), ["1", "2"]);
    }
}
