use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ssecast_hub::{Store, Watch};
use ssecast_store_file::FileStore;

use crate::child::Process;
use crate::replica::{Events, PATIENCE, soon};

/// A watch, and what it was told.
fn watch(store: &FileStore) -> (Box<dyn Watch>, Receiver<()>) {
    let (told, told_of) = channel();
    let wake = Arc::new(move || {
        let _ = told.send(());
    });
    (store.watch(wake, soon()).unwrap(), told_of)
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn a_process_is_woken_by_what_another_appends() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events::default();
    let (watch, told) = watch(&store);
    let mut other = Process::start("writer", folder.path());
    for round in 1..=50 {
        other.order("1");
        while events.position.is_none_or(|position| position.sequence < round) {
            told.recv_timeout(PATIENCE).unwrap();
            store.catch_up(&mut events, soon()).unwrap();
        }
    }
    drop(watch);
}

#[test]
fn a_store_is_told_of_what_another_store_of_its_process_appends_and_not_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (FileStore::new(folder.path()), FileStore::new(folder.path()));
    let (_watch, told) = watch(&one);
    told.recv_timeout(PATIENCE).unwrap();
    let mut events = Events::default();
    events.publish(&one, "t", "1\n").unwrap();
    assert!(told.recv_timeout(Duration::from_millis(30)).is_err());
    events.publish(&two, "t", "2\n").unwrap();
    told.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_watch_that_panics_keeps_nothing_from_others_and_the_thread_ends_with_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (FileStore::new(folder.path()), FileStore::new(folder.path()));
    let bad = one.watch(Arc::new(|| panic!("a defect of the host")), soon()).unwrap();
    let (watch, told) = watch(&one);
    let mut events = Events::default();
    for _ in 0..2 {
        while told.try_recv().is_ok() {}
        events.publish(&two, "t", "x\n").unwrap();
        told.recv_timeout(PATIENCE).unwrap();
    }
    drop((bad, watch));
    drop((one, two));
    // The thread has its own use of the files: when it is gone, they are closed.
    let end = soon();
    while folder.path().join("unsynced").exists() {
        assert!(std::time::Instant::now() < end, "{} threads", threads());
        std::thread::sleep(Duration::from_millis(1));
    }
}
