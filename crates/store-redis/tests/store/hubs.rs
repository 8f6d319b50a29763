use std::collections::BTreeSet;

use ssecast_hub::{ErrorKind, Event, StoreState};

use crate::child::Process;
use crate::rig::{Connection, hub, hub_keeping, publish, wait_for_state};
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
