use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ssecast_hub::{Hub, UnreadWatch};

use crate::rig::{Connection, hub, publish};
use crate::server::{Redis, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

/// A producer that stops when its topic is not read any more.
fn produce(hub: &Hub) -> (UnreadWatch, Receiver<()>) {
    let (stop, stopped) = channel();
    (hub.when_unread("t", Duration::ZERO, move || stop.send(()).unwrap_or_default()).unwrap(), stopped)
}

#[test]
fn a_producer_is_told_when_the_last_reader_of_another_machine_has_left() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (producer, server) = (hub(&redis.url()), hub(&redis.url()));
    let (_watch, stopped) = produce(&producer);
    let mut there = Connection::new(&server, None);
    // What it asks and is answered are entries of the log.
    wait_until("the answer", || producer.stats().published >= 2);
    let here = Connection::new(&producer, None);
    publish(&producer, "1");
    assert_eq!(there.read_until("1"), ["1"]);
    drop(here);
    publish(&producer, "2");
    assert_eq!(there.read_until("2"), ["1", "2"]);
    assert!(stopped.try_recv().is_err(), "the other one reads on");
    drop(there);
    stopped.recv_timeout(PATIENCE).expect("it is told");
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

#[cfg(target_os = "linux")]
#[test]
fn the_signals_of_the_process_are_left_to_the_host() {
    let Some(redis) = Redis::start(&[]) else { return };
    let hub = hub(&redis.url());
    let _connection = Connection::new(&hub, None);
    // It names itself when it begins.
    wait_until("the thread", || threads().iter().any(|(thread, _)| thread == "ssecast-store"));
    let threads = threads();
    assert!(threads.iter().all(|(_, leaves)| *leaves), "{threads:?}");
}
