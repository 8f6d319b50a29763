use std::time::{Duration, Instant};

use ssecast_hub::{ErrorKind, Store};
use ssecast_store_file::FileStore;

use crate::child::Process;
use crate::replica::{Events, soon};

pub(crate) fn wait_until_stopped(process: &Process) {
    let mut status = 0;
    // SAFETY: a child of this process; the status is written.
    let waited = unsafe { libc::waitpid(process.child.id().cast_signed(), &raw mut status, libc::WUNTRACED) };
    assert!(waited > 0 && libc::WIFSTOPPED(status), "{status}");
}

#[test]
fn a_process_that_is_stopped_while_it_has_the_log_costs_others_their_time_out_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Process::start("holder", folder.path());
    let store = FileStore::new(folder.path());
    let mut events = Events::read(&store);
    holder.order("of the one that was stopped");
    wait_until_stopped(&holder);
    let begin = Instant::now();
    let error = store.catch_up(&mut events, begin + Duration::from_millis(60)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreTimedOut);
    assert!(error.to_string().contains(&holder.child.id().to_string()), "{error}");
    assert!(begin.elapsed() >= Duration::from_millis(60) && begin.elapsed() < Duration::from_secs(5));
    // Several threads of this process wait no longer than one.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let deadline = Instant::now() + Duration::from_millis(60);
                let error = store.catch_up(&mut Events::default(), deadline).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::StoreTimedOut);
            });
        }
    });
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    holder.signal(libc::SIGCONT);
    assert_eq!(holder.line().unwrap(), "1");
    assert_eq!(events.publish(&store, "t", "after it\n").unwrap(), 2);
    assert_eq!(events.texts("t"), ["data: of the one that was stopped", "after it"]);
}

#[test]
fn a_process_that_dies_while_it_has_the_log_costs_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Process::start("holder", folder.path());
    let store = FileStore::new(folder.path());
    let mut events = Events::read(&store);
    holder.order("of the one that dies");
    wait_until_stopped(&holder);
    holder.kill();
    assert_eq!(events.publish(&store, "t", "after it\n").unwrap(), 1);
    store.catch_up(&mut events, soon()).unwrap();
    assert_eq!(events.texts("t"), ["after it"]);
}

#[test]
fn threads_that_open_a_store_which_is_not_free_wait_no_longer_than_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Process::start("holder", folder.path());
    holder.order("of the one that was stopped");
    wait_until_stopped(&holder);
    let shared = FileStore::new(folder.path());
    let (begin, wait) = (Instant::now(), Duration::from_millis(150));
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let (shared, own) = (&shared, FileStore::new(folder.path()));
            scope.spawn(move || {
                let store = if thread % 2 == 0 { shared } else { &own };
                let error = store.catch_up(&mut Events::default(), Instant::now() + wait).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::StoreTimedOut);
            });
        }
    });
    // One after the other they would take three seconds.
    assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    holder.signal(libc::SIGCONT);
    assert_eq!(holder.line().unwrap(), "1");
    assert_eq!(Events::read(&shared).head(), 1);
}
