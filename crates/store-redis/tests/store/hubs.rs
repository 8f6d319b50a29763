use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use ssecast_hub::{Config, ErrorKind, Event, Hub, SharedStore, StoreState};
use ssecast_store_redis::RedisStore;

use crate::child::Process;
use crate::rig::{Connection, hub, hub_keeping, publish, try_publish, wait_for_state};
use crate::server::{Redis, wait_until};

#[test]
fn hubs_of_several_processes_are_one() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    let mut others = [Process::start(&redis.url()), Process::start(&redis.url())];
    let (mut texts, mut ids) = (Vec::new(), BTreeSet::new());
    for number in 0..20 {
        let text = format!("{number}");
        ids.insert(match number % 3 {
            0 => publish(&hub, &text),
            other => others[other - 1].publish(&text),
        });
        texts.push(text);
    }
    assert_eq!(connection.read_until("19"), texts);
    assert_eq!(ids.len(), texts.len(), "every event has an id of its own");
    // A client of another process goes on here, and the other way round.
    let last = others[0].publish("20");
    assert!(Connection::new(&hub, Some(&last)).read_until_idle().is_empty());
    let last = publish(&hub, "21");
    others[1].publish("22");
    assert_eq!(Connection::new(&hub, Some(&last)).read_until("22"), ["22"]);
    let epoch = last.split('-').next().unwrap();
    assert!(ids.iter().all(|id| id.starts_with(epoch)), "{ids:?}");
}

#[test]
fn an_event_that_comes_behind_the_end_of_its_topic_is_refused_by_a_process_that_did_not_know() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (one, two) = (hub(&redis.url()), hub(&redis.url()));
    publish(&two, "1");
    // It reads nothing, and so is told of nothing.
    publish(&one, "2");
    one.end_topic("t").unwrap();
    assert_eq!(try_publish(&two, "3").unwrap_err().kind(), ErrorKind::TopicEnded);
    assert_eq!(try_publish(&one, "4").unwrap_err().kind(), ErrorKind::TopicEnded);
    two.end_topic("t").unwrap();
    let late = hub(&redis.url());
    assert_eq!(try_publish(&late, "5").unwrap_err().kind(), ErrorKind::TopicEnded);
    // Other topics go on.
    two.publish("u", &Event { data: Some("6"), ..Event::default() }).unwrap();
}

#[test]
fn two_hubs_may_have_one_store_and_events_may_be_large() {
    let Some(redis) = Redis::start(&[]) else { return };
    let store = SharedStore::from(RedisStore::new(&redis.url()).unwrap());
    let config = Config { store: Some(store), retry: None, heartbeat: None, ..Config::default() };
    let hubs = [0, 1].map(|_| Hub::new(config.clone()).unwrap());
    let mut connections = hubs.each_ref().map(|hub| Connection::new(hub, None));
    let large = "x".repeat(900_000);
    for number in 0..30 {
        publish(&hubs[number % 2], if number == 15 { &large } else { "small" });
    }
    publish(&hubs[0], "last");
    for connection in &mut connections {
        let seen = connection.read_until("last");
        assert_eq!((seen.len(), seen[15].len()), (31, large.len()));
    }
    // One goes, and the other one is still told.
    let [one, two] = hubs;
    drop((one, connections));
    let mut connection = Connection::new(&two, None);
    publish(&hub(&redis.url()), "more");
    assert_eq!(connection.read_until("more"), ["more"]);
}

#[test]
fn an_id_of_a_publishers_is_taken_in_all_processes() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (one, two) = (hub_keeping(&redis.url(), 1), hub_keeping(&redis.url(), 1));
    let event = Event { id: Some("a"), data: Some("1"), ..Event::default() };
    publish(&two, "0");
    one.publish("t", &event).unwrap();
    assert_eq!(two.publish("u", &event).unwrap_err().kind(), ErrorKind::InvalidId);
    publish(&one, "2");
    assert_eq!(two.publish("u", &event).unwrap().id, "a", "the first one has left the history");
}

#[test]
fn threads_of_several_hubs_that_publish_at_the_same_time_have_every_event_once_in_one_order() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hubs = [0, 1].map(|_| hub(&redis.url()));
    let mut connections: Vec<_> = hubs.iter().map(|hub| Connection::new(hub, None)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let hub = &hubs[thread % 2];
            scope.spawn(move || {
                for number in 0..50 {
                    publish(hub, &format!("{thread}.{number}"));
                }
            });
        }
    });
    publish(&hubs[0], "last");
    let [one, other] = &mut connections[..] else { unreachable!() };
    let seen = one.read_until("last");
    assert_eq!((seen.len(), &seen), (201, &other.read_until("last")));
    for thread in 0..4 {
        let of_one: Vec<_> = seen.iter().filter(|text| text.starts_with(&format!("{thread}."))).collect();
        assert!(of_one.iter().enumerate().all(|(number, text)| **text == format!("{thread}.{number}")));
    }
}

#[test]
fn publishers_with_ids_of_their_own_get_their_turn_beside_those_that_publish_all_the_time() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hubs = [0, 1, 2].map(|_| hub(&redis.url()));
    let mut connection = Connection::new(&hubs[0], None);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                publish(&hubs[2], "flood");
                count += 1;
            }
            count
        });
        let named = |thread: usize| {
            let hub = &hubs[thread % 2];
            scope.spawn(move || {
                for number in 0..30 {
                    let id = format!("{thread}.{number}");
                    hub.publish("t", &Event { id: Some(&id), data: Some("named"), ..Event::default() })
                        .unwrap();
                }
            })
        };
        let threads: Vec<_> = (0..4).map(named).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
        assert!(flood.join().unwrap() > 10, "the others go on too");
    });
    publish(&hubs[0], "last");
    let seen = connection.read_until("last");
    assert_eq!(seen.iter().filter(|text| **text == "named").count(), 120);
}

#[test]
fn a_process_that_ends_in_its_turn_keeps_the_others_waiting_for_a_moment_only() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    publish(&hub, "1");
    let now = || {
        let (seconds, micros): (u64, u64) = redis.ask("TIME");
        seconds * 1_000_000 + micros
    };
    let until = now() + 200_000;
    redis.ask::<u64>(&format!("HSET {{ssecast}}:meta turn writer:gone turn_until {until}"));
    publish(&hub, "2");
    assert!(now() >= until, "it waited for its turn");
    assert_eq!(redis.ask::<Option<String>>("HGET {ssecast}:meta turn"), None);
}

/// Two processes publish, and are killed at any moment and replaced.
#[test]
fn a_publisher_that_is_killed_loses_and_doubles_nothing() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub_keeping(&redis.url(), 1_000_000);
    let mut connection = Connection::new(&hub, None);
    let mut acknowledged = BTreeMap::new();
    for round in 0..6 {
        let mut victim = Process::start(&redis.url());
        victim.flood(&format!("{round}."));
        let more = round * 7;
        acknowledged.extend((0..=more).map(|_| victim.published().unwrap()));
        victim.kill();
        acknowledged.extend(std::iter::from_fn(|| victim.published()));
        publish(&hub, "between");
    }
    publish(&hub, "last");
    let events = connection.events_until("last");
    let texts: BTreeSet<&String> = events.values().filter(|text| text.contains('.')).collect();
    assert_eq!(texts.len(), events.len() - 7, "none is there twice");
    for (id, text) in &acknowledged {
        assert_eq!(events.get(id), Some(text), "{id}");
    }
    // Those that were not acknowledged are the last of their processes.
    assert!(texts.len() <= acknowledged.len() + 6, "{} of {}", acknowledged.len(), texts.len());
}

#[test]
fn a_process_that_starts_later_has_the_history_and_knows_what_is_missing() {
    let Some(redis) = Redis::start(&[]) else { return };
    let one = hub_keeping(&redis.url(), 10);
    let first = publish(&one, "0");
    let quiet = one.publish("u", &Event { data: Some("x"), ..Event::default() }).unwrap();
    for number in 1..=500 {
        publish(&one, &number.to_string());
    }
    let late = hub_keeping(&redis.url(), 10);
    for hub in [&one, &late] {
        let mut resumed = Connection::new(hub, Some(&first));
        let seen = resumed.read_until("500");
        assert_eq!((seen.len(), seen[0]), (11, r#"{"reason":"expired","missed":490}"#));
        let mut all = Connection::to(hub, "u", Some(&first));
        assert_eq!(all.read_until("x"), ["x"], "{}", quiet.id);
    }
}

#[test]
fn one_connection_reads_for_all_hubs_and_clients_of_a_process() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hubs = [0, 1, 2].map(|_| hub(&redis.url()));
    let mut connections: Vec<_> =
        (0..60).map(|number| Connection::to(&hubs[number % 3], ["t", "u"][number % 2], None)).collect();
    publish(&hubs[0], "1");
    hubs[1].publish("u", &Event { data: Some("1"), ..Event::default() }).unwrap();
    for connection in &mut connections {
        connection.read_until("1");
    }
    let list: String = redis.ask("CLIENT LIST");
    let reading = list.lines().filter(|line| line.contains("cmd=xread")).count();
    assert_eq!((reading, list.lines().count()), (1, 3), "one reads, one appends, one asks: {list}");
    // When nobody listens, nothing is read.
    drop((connections, hubs));
    wait_until("the connections are gone", || redis.ask::<String>("CLIENT LIST").lines().count() == 1);
}

#[test]
fn a_forked_child_has_connections_of_its_own() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    let mut connection = Connection::new(&hub, None);
    let first = publish(&hub, "1");
    let url = redis.url();
    // SAFETY: the child uses what it has until it ends by `_exit`; what the harness's threads hold is not used.
    match unsafe { libc::fork() } {
        0 => {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut connection = Connection::new(&hub, Some(&first));
                publish(&hub, "2");
                assert_eq!(connection.read_until("2"), ["2"]);
                assert_eq!(hub.stats().store, Some(StoreState::Ready));
                publish(&crate::rig::hub(&url), "3");
                assert_eq!(connection.read_until("3"), ["2", "3"]);
                drop(connection);
            }));
            // SAFETY: it ends the process.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        child => {
            let mut status = 0;
            // SAFETY: it is this process's child, and the status is written.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child failed");
        }
    }
    publish(&hub, "4");
    assert_eq!(connection.read_until("4"), ["1", "2", "3", "4"]);
    wait_for_state(&hub, StoreState::Ready);
}
