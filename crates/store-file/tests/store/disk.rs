use std::fs;
use std::os::unix::fs::PermissionsExt;

use ssecast_hub::{ErrorKind, Store};
use ssecast_store_file::FileStore;

use crate::child::Process;
use crate::replica::{Events, soon};

#[test]
fn a_full_disk_refuses_events_keeps_what_was_acknowledged_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut limited = Process::start("limited", folder.path());
    limited.order(&(2 << 20).to_string());
    let line = limited.line().unwrap();
    let (count, problem) = line.split_once(' ').unwrap();
    assert!(problem.starts_with("StoreFull store could not make the log larger in "), "{problem}");
    let count: usize = count.parse().unwrap();
    assert!(count > 500, "{count}");
    // Others read all of it.
    let store = FileStore::new(folder.path());
    assert_eq!(Events::read(&store).topics["t"].events.len(), 1 + count);
    limited.order(&(64 << 20).to_string());
    assert_eq!(limited.line().unwrap(), "5001 no end");
    assert_eq!(Events::read(&store).topics["t"].events.len(), 1 + count + 5001);
}

#[test]
fn a_folder_that_this_process_may_not_write_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    for path in [folder.path().to_owned(), folder.path().join("events")] {
        let mut stranger = Process::start("stranger", &path);
        let line = stranger.line().unwrap();
        assert!(
            line.starts_with("StoreUnavailable store could not ") && line.contains("may write to"),
            "{line}"
        );
        assert!(line.contains(&*path.to_string_lossy()), "{line}");
    }
}

#[test]
fn what_is_no_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &str| {
        let store = FileStore::new(folder.path().join(path));
        let error = store.catch_up(&mut Events::default(), soon()).unwrap_err();
        (error.kind(), error.to_string())
    };
    fs::write(folder.path().join("file"), "mine").unwrap();
    let (kind, text) = refused("file");
    assert!(kind == ErrorKind::StoreFormat && text.starts_with("store is no folder"), "{text}");
    let (kind, text) = refused("file/events");
    assert!(kind == ErrorKind::StoreFormat && text.starts_with("store is no folder"), "{text}");
    let (kind, text) = refused("");
    assert!(kind == ErrorKind::StoreFormat && text.contains("has other files"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is added");
    fs::create_dir(folder.path().join("other")).unwrap();
    let other = vec![7; 20_000];
    fs::write(folder.path().join("other/log"), &other).unwrap();
    let (kind, text) = refused("other");
    assert!(kind == ErrorKind::StoreFormat && text.contains("is no store of ssecast's"), "{text}");
    assert_eq!(fs::read(folder.path().join("other/log")).unwrap(), other);
}

#[test]
fn a_log_that_was_cut_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let mut events = Events::default();
    for _ in 0..100 {
        events.publish(&store, "t", &("x".repeat(1000) + "\n")).unwrap();
    }
    drop(store);
    fs::OpenOptions::new().write(true).open(folder.path().join("log")).unwrap().set_len(20_000).unwrap();
    let store = FileStore::new(folder.path());
    let error = store.catch_up(&mut Events::default(), soon()).unwrap_err();
    assert!(error.kind() == ErrorKind::StoreFormat && error.to_string().contains("was cut short"), "{error}");
}
