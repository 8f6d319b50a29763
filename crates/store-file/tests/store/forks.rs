use std::sync::Arc;

use ssecast_hub::Store;
use ssecast_store_file::FileStore;

use crate::replica::{Events, soon};

/// Runs something in a child that was forked, and returns whether it ended without a panic.
pub(crate) fn in_a_child(body: impl FnOnce()) -> bool {
    // SAFETY: the child uses what it has until it ends by `_exit`; what the harness's threads hold is not used.
    match unsafe { libc::fork() } {
        0 => {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: it ends the process.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        child => {
            let mut status = 0;
            // SAFETY: it is this process's child, and the status is written.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }
}

#[test]
fn a_child_that_was_forked_opens_the_store_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path());
    let watch = store.watch(Arc::new(|| ()), soon()).unwrap();
    let mut events = Events::default();
    events.publish(&store, "t", "of the parent\n").unwrap();
    let passed = in_a_child(|| {
        let mut own = Events::default();
        assert_eq!(own.publish(&store, "t", "of the child\n").unwrap(), 2);
        drop(watch);
        let other = FileStore::new(folder.path());
        assert_eq!(own.publish(&other, "t", "again\n").unwrap(), 3);
        drop(other);
        assert!(in_a_child(|| assert_eq!(
            Events::default().publish(&store, "t", "of a grandchild\n").unwrap(),
            4
        )));
        assert_eq!(own.publish(&store, "t", "and again\n").unwrap(), 5);
        drop(store);
    });
    assert!(passed);
    let store = FileStore::new(folder.path());
    store.catch_up(&mut events, soon()).unwrap();
    assert_eq!(events.begun, 1);
    assert_eq!(events.texts("t"), ["of the parent", "of the child", "again", "of a grandchild", "and again"]);
}
