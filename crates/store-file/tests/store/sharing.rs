use std::collections::BTreeSet;

use ssecast_hub::{ErrorKind, Store};
use ssecast_store_file::{Durability, FileStore};

use crate::child::Process;
use crate::replica::{Events, soon};

#[test]
fn two_stores_of_one_process_have_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/events");
    let (one, two) = (FileStore::new(&path), FileStore::new(path.join("../events")));
    let (mut first, mut second) = (Events::default(), Events::default());
    assert_eq!(first.publish(&one, "t", "1\n").unwrap(), 1);
    assert_eq!(second.publish(&two, "t", "2\n").unwrap(), 2);
    assert_eq!(first.publish(&one, "t", "3\n").unwrap(), 3);
    assert_eq!(first.texts("t"), ["1", "2", "3"]);
    two.catch_up(&mut second, soon()).unwrap();
    assert_eq!((second.texts("t"), second.epoch()), (first.texts("t"), first.epoch()));
    assert_eq!((first.begun, second.begun), (1, 1));
}

#[test]
fn a_batch_is_appended_in_its_order_and_one_that_is_empty_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events { on_pending: Some(|| false), ..Events::default() };
    assert_eq!(events.publish(&store, "t", "1\n").unwrap(), 0);
    events.on_pending = None;
    events.pending.push(events.pending[0].clone());
    assert_eq!(events.publish(&store, "t", "2\n").unwrap(), 3);
    assert_eq!(events.texts("t"), ["1", "1", "2"]);
    assert_eq!(Events::read(&store).topics, events.topics);
}

#[test]
fn processes_that_race_to_create_a_store_create_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut writers: Vec<_> = (0..6).map(|_| Process::start("writer", &path)).collect();
    writers.iter_mut().for_each(|writer| writer.order("50"));
    let (mut acknowledged, mut epochs) = (BTreeSet::new(), BTreeSet::new());
    for writer in &mut writers {
        let epoch = loop {
            let line = writer.line().unwrap();
            match line.strip_prefix("done ") {
                Some(epoch) => break epoch.to_owned(),
                None => assert!(acknowledged.insert(line)),
            }
        };
        epochs.insert(epoch);
    }
    assert_eq!((acknowledged.len(), epochs.len()), (300, 1));
    let store = FileStore::new(&path);
    let events = Events::read(&store);
    let all: BTreeSet<_> = events.topics["t"]
        .events
        .iter()
        .map(|(number, text)| format!("{number} {}", text.trim_end()))
        .collect();
    assert_eq!((events.head(), all), (300, acknowledged));
}

#[test]
fn a_store_that_is_opened_again_has_the_same_epoch_and_history() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = Events::default();
    for durability in [Durability::Processes, Durability::Machine, Durability::Processes] {
        let store = FileStore::new(folder.path()).with_durability(durability);
        events.publish(&store, "t", "event\n").unwrap();
        assert_eq!(folder.path().join("unsynced").exists(), durability == Durability::Processes);
        drop(store);
        // The last one that closes it has the disk take everything.
        assert!(!folder.path().join("unsynced").exists());
    }
    assert_eq!((events.begun, events.head()), (1, 3));
    let read = Events::read(&FileStore::new(folder.path()));
    assert_eq!((read.epoch(), read.texts("t")), (events.epoch(), vec!["event"; 3]));
}

#[test]
fn processes_that_disagree_about_durability_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Process::start("writer", folder.path());
    other.order("1");
    assert_eq!(other.line().unwrap().split(' ').next(), Some("1"));
    let store = FileStore::new(folder.path()).with_durability(Durability::Machine);
    let error = Events::default().publish(&store, "t", "no\n").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidOption, "durability"));
    other.kill();
    assert_eq!(Events::default().publish(&store, "t", "yes\n").unwrap(), 2);
}

#[test]
fn a_store_that_was_removed_while_it_was_in_use_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let store = FileStore::new(&path);
    let mut events = Events::default();
    events.publish(&store, "t", "1\n").unwrap();
    let epoch = events.epoch();
    std::fs::remove_dir_all(&path).unwrap();
    assert_eq!(events.publish(&store, "t", "2\n").unwrap(), 1);
    assert!(events.epoch() != epoch);
    let mut other = Process::start("writer", &path);
    other.order("1");
    assert_eq!(other.line().unwrap().split(' ').next(), Some("2"));
}

#[test]
fn a_copy_has_another_epoch_and_the_same_history() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("events"), folder.path().join("copy"));
    let store = FileStore::new(&path);
    let mut events = Events::default();
    events.publish(&store, "t", "1\n").unwrap();
    drop(store);
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(path.join("log"), copy.join("log")).unwrap();
    let copied = Events::read(&FileStore::new(&copy));
    assert!(copied.epoch() != events.epoch());
    assert_eq!(copied.texts("t"), ["1"]);
    // It stays that one.
    assert_eq!(Events::read(&FileStore::new(&copy)).epoch(), copied.epoch());
}
