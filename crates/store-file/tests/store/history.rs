use ssecast_hub::Store;
use ssecast_store_file::FileStore;

use crate::replica::{Events, soon};

#[test]
fn the_file_stays_small_however_much_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events::keeping(50);
    events.publish(&store, "quiet", "the only one\n").unwrap();
    let text = "x".repeat(3000) + "\n";
    // 18 MB, of which 150 KB are kept.
    for _ in 0..6000 {
        events.publish(&store, "busy", &text).unwrap();
    }
    let length = std::fs::metadata(folder.path().join("log")).unwrap().len();
    assert!(length <= 2 << 20, "{length} bytes");
    drop(store);
    let store = FileStore::new(folder.path());
    let mut read = Events::keeping(50);
    store.catch_up(&mut read, soon()).unwrap();
    assert_eq!(read.texts("quiet"), ["the only one"]);
    assert_eq!(read.topics, events.topics, "every number is known, those of lost events too");
}

#[test]
fn large_entries_make_the_file_grow_and_their_space_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events::keeping(2);
    let text = "x".repeat(700_000) + "\n";
    for _ in 0..40 {
        events.publish(&store, "t", &text).unwrap();
    }
    let length = std::fs::metadata(folder.path().join("log")).unwrap().len();
    assert!((2 << 20..=16 << 20).contains(&length), "{length} bytes");
    let kept = Events::read(&store).topics["t"].events.len();
    assert!((2..=4).contains(&kept), "{kept} entries");
}

#[test]
fn a_replica_that_was_away_for_longer_than_the_history_knows_what_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (FileStore::new(folder.path()), FileStore::new(folder.path()));
    let (mut busy, mut away) = (Events::keeping(10), Events::keeping(10));
    busy.publish(&one, "a", "1\n").unwrap();
    two.catch_up(&mut away, soon()).unwrap();
    for number in 0..700 {
        busy.publish(&one, if number % 3 == 0 { "a" } else { "b" }, "x\n").unwrap();
    }
    two.catch_up(&mut away, soon()).unwrap();
    assert_eq!((away.begun, &away.topics), (1, &busy.topics));
}

#[test]
fn what_is_known_of_a_topic_goes_when_replicas_have_forgotten_the_topic() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events::keeping(1);
    for _ in 0..200 {
        events.publish(&store, "old", "x\n").unwrap();
    }
    // The newest of a topic is forgotten with it.
    events.topics.remove("old");
    events.topics.entry("old".into()).or_default().lost.push(200);
    for _ in 0..200 {
        events.publish(&store, "new", "x\n").unwrap();
    }
    events.topics.remove("old");
    for _ in 0..200 {
        events.publish(&store, "new", "x\n").unwrap();
    }
    let read = Events::read(&store);
    assert_eq!(read.topics.keys().collect::<Vec<_>>(), ["new"]);
    assert_eq!(read.forgotten, 200);
}
