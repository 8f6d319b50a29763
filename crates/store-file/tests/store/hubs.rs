use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ssecast_hub::{
    Config, ErrorKind, Event, Hub, Next, Policy, Reader, SlowClient, StoreState, Subscriber, Subscription,
    UnreadWatch,
};
use ssecast_store_file::{Durability, FileStore};

use crate::child::Process;
use crate::forks::in_a_child;
use crate::replica::PATIENCE;
use crate::stopped::wait_until_stopped;

fn hub(folder: &Path) -> Hub {
    let slow_client = SlowClient { policy: Policy::Skip, ..SlowClient::default() };
    let store = Some(FileStore::new(folder).into());
    Hub::new(Config { store, slow_client, retry: None, heartbeat: None, ..Config::default() }).unwrap()
}

fn publish(hub: &Hub, text: &str) -> String {
    hub.publish("t", &Event { data: Some(text), ..Event::default() }).unwrap().id
}

/// One connection, and what tells its thread.
struct Connection {
    reader: Reader,
    subscriber: Subscriber,
    woken: Receiver<()>,
    seen: String,
}

impl Connection {
    fn new(hub: &Hub, last_event_id: Option<&str>) -> Self {
        let (wake, woken) = channel();
        let mut reader = hub.reader(Arc::new(move || wake.send(()).unwrap_or_default()));
        let subscriber = reader
            .subscribe(&Subscription { topics: &["t"], last_event_id, ..Subscription::default() })
            .unwrap();
        Self { reader, subscriber, woken, seen: String::new() }
    }

    /// Reads until the data of an event is this, and returns the data of all.
    fn read_until(&mut self, text: &str) -> Vec<&str> {
        let end = format!("data: {text}\n\n");
        while !self.seen.ends_with(&end) {
            match self.reader.next(&mut self.subscriber) {
                Next::Batch(batch) => self.seen.push_str(str::from_utf8(&batch.bytes()).unwrap()),
                Next::Idle => {
                    self.woken.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {text}: {}", self.seen));
                    self.reader.changed(&mut Vec::new());
                }
                Next::End(reason) => panic!("{reason:?}"),
            }
        }
        self.seen.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }
}

#[test]
fn a_hub_and_its_forked_children_are_one_hub() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path());
    let mut connection = Connection::new(&hub, None);
    let first = publish(&hub, "1");
    let in_the_child = hub.clone();
    let passed = in_a_child(move || {
        let mut connection = Connection::new(&in_the_child, Some(&first));
        publish(&in_the_child, "2");
        assert_eq!(connection.read_until("2"), ["2"]);
        assert_eq!(in_the_child.stats().store, Some(StoreState::Ready));
    });
    assert!(passed);
    assert_eq!(connection.read_until("2"), ["1", "2"]);
    publish(&hub, "3");
    assert_eq!(connection.read_until("3"), ["1", "2", "3"]);
}

#[test]
fn a_client_of_a_store_that_was_removed_is_told_of_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let hub = hub(&path);
    let mut connection = Connection::new(&hub, None);
    let old = publish(&hub, "1");
    connection.read_until("1");
    // The hub's own thread may make it anew at this moment.
    while std::fs::remove_dir_all(&path).is_err() {}
    let new = publish(&hub, "2");
    assert!(new.ends_with("-1") && new != old, "{new}");
    assert_eq!(connection.read_until("2"), ["1", r#"{"reason":"epoch","missed":null}"#, "2"]);
}

#[test]
fn threads_that_publish_at_the_same_time_have_every_event_once_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    for durability in [Durability::Processes, Durability::Machine] {
        let path = folder.path().join(format!("{durability:?}"));
        let hubs = [0, 1].map(|_| {
            let store = FileStore::new(&path).with_durability(durability);
            Hub::new(Config { store: Some(store.into()), retry: None, ..Config::default() }).unwrap()
        });
        let mut connections: Vec<_> = hubs.iter().map(|hub| Connection::new(hub, None)).collect();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let hub = &hubs[thread % 2];
                scope.spawn(move || {
                    for number in 0..20 {
                        publish(hub, &format!("{thread}.{number}"));
                    }
                });
            }
        });
        publish(&hubs[0], "last");
        let [one, other] = &mut connections[..] else { unreachable!() };
        let seen = one.read_until("last");
        assert_eq!((seen.len(), &seen), (81, &other.read_until("last")));
        for thread in 0..4 {
            let of_one: Vec<_> = seen.iter().filter(|text| text.starts_with(&format!("{thread}."))).collect();
            assert_eq!(of_one.len(), 20);
            assert!(of_one.iter().enumerate().all(|(number, text)| **text == format!("{thread}.{number}")));
        }
    }
}

#[test]
fn connections_do_not_wait_for_a_process_that_is_stopped_while_it_has_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Process::start("holder", folder.path());
    let hub = hub(folder.path());
    let first = publish(&hub, "1");
    let mut connection = Connection::new(&hub, None);
    publish(&hub, "2");
    holder.order("of the one that was stopped");
    wait_until_stopped(&holder);
    let begin = Instant::now();
    // A client that this process knows is served as ever.
    assert_eq!(Connection::new(&hub, Some(&first)).read_until("2"), ["2"]);
    assert_eq!(connection.read_until("2"), ["2"]);
    // One that may have been somewhere else is asked to come back, at once.
    let mut reader = hub.reader(Arc::new(|| ()));
    for _ in 0..100 {
        let subscription =
            Subscription { topics: &["t"], last_event_id: Some("aaaaaaaaaa-1"), ..Subscription::default() };
        assert_eq!(reader.subscribe(&subscription).unwrap_err().kind(), ErrorKind::StoreTimedOut);
    }
    assert_eq!(hub.stats().store, Some(StoreState::Degraded));
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    holder.signal(libc::SIGCONT);
    assert_eq!(connection.read_until("of the one that was stopped").len(), 2);
    let end = Instant::now() + PATIENCE;
    while hub.stats().store != Some(StoreState::Ready) {
        assert!(Instant::now() < end, "it works again, and the hub does not say so");
        std::thread::yield_now();
    }
}

/// A producer that stops when its topic is not read any more.
fn produce(hub: &Hub, topic: &str) -> (UnreadWatch, Receiver<()>) {
    let (stop, stopped) = channel();
    (hub.when_unread(topic, Duration::ZERO, move || stop.send(()).unwrap_or_default()).unwrap(), stopped)
}

#[test]
fn a_producer_is_told_when_the_last_reader_of_another_process_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let (producer, server) = (hub(folder.path()), hub(folder.path()));
    let (_watch, stopped) = produce(&producer, "t");
    let mut here = Connection::new(&producer, None);
    let mut there = Connection::new(&server, None);
    // What it asks and is answered are entries of the log.
    let begin = Instant::now();
    while producer.stats().published < 2 {
        assert!(begin.elapsed() < PATIENCE, "no answer");
        std::thread::sleep(Duration::from_millis(1));
    }
    publish(&producer, "1");
    assert_eq!((here.read_until("1"), there.read_until("1")), (vec!["1"], vec!["1"]));
    drop(here);
    publish(&producer, "2");
    there.read_until("2");
    assert!(stopped.try_recv().is_err(), "the other one reads on");
    drop(there);
    stopped.recv_timeout(PATIENCE).expect("it is told");
}

#[test]
fn a_child_watches_topics_of_its_own_and_leaves_the_parents_alone() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path());
    let (watch, stopped) = produce(&hub, "t");
    let watch = RefCell::new(Some(watch));
    let connection = Connection::new(&hub, None);
    let passed = in_a_child(|| {
        drop(watch.take());
        // One that the parent has no reader of.
        let (_watch, stopped) = produce(&hub, "of the child");
        let subscription = Subscription { topics: &["of the child"], ..Subscription::default() };
        drop(hub.reader(Arc::new(|| ())).subscribe(&subscription).unwrap());
        stopped.recv_timeout(PATIENCE).expect("the child's producer is told");
    });
    assert!(passed);
    assert!(stopped.try_recv().is_err());
    drop(connection);
    stopped.recv_timeout(PATIENCE).expect("the parent's producer is told");
}

/// The threads of the library by their names, and whether each leaves the process's signals to the host.
#[cfg(target_os = "linux")]
fn threads() -> Vec<(String, bool)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
        // One that has ended meanwhile has no status.
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let field =
            |name: &str| status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        let blocked = u64::from_str_radix(&field("SigBlk:")?, 16).ok()?;
        let leaves =
            [libc::SIGTERM, libc::SIGINT, libc::SIGHUP].iter().all(|signal| blocked & 1 << (signal - 1) != 0);
        Some((field("Name:")?, leaves))
    });
    tasks.filter(|(name, _)| name.starts_with("ssecast-")).collect()
}

/// The same, once these are among them: a thread names itself when it begins.
#[cfg(target_os = "linux")]
fn named(names: &[&str]) -> Vec<(String, bool)> {
    let end = Instant::now() + PATIENCE;
    loop {
        let threads = threads();
        if names.iter().all(|name| threads.iter().any(|(thread, _)| thread == name)) {
            return threads;
        }
        assert!(Instant::now() < end, "{names:?} are not all among {threads:?}");
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_signals_of_the_process_are_left_to_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path());
    let _connection = Connection::new(&hub, None);
    let (_watch, _stopped) = produce(&hub, "t");
    let (told, published) = channel();
    let event = Event { data: Some("1"), ..Event::default() };
    hub.publish_then("t", &event, move |published| told.send(published.is_ok()).unwrap()).unwrap();
    assert_eq!(published.recv_timeout(PATIENCE), Ok(true));
    let threads = named(&["ssecast-store", "ssecast-publish", "ssecast-readers"]);
    assert!(threads.iter().all(|(_, leaves)| *leaves), "{threads:?}");
}
