use std::fmt;

use crate::shared::Shared;
use crate::stats::Reason;
use crate::sync::{Arc, Ordering};
use crate::topic_set::TopicSet;

/// A reader's entry in the log. It lives as long as the reader or one of its subscribers.
pub(crate) struct Registration {
    pub(crate) hub: Arc<Shared>,
    pub(crate) reader: usize,
}

impl Registration {
    pub(crate) fn unregister(&self, topics: &TopicSet, reason: Reason) {
        if !self.hub.is_here() {
            return;
        }
        let mut log = self.hub.log();
        log.unregister(self.reader, topics);
        log.connections -= 1;
        let ended = log.connections == 0 && self.hub.closing().is_some();
        drop(log);
        if ended {
            self.hub.ended.notify_all();
        }
        self.hub.counters.disconnects[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if !self.hub.is_here() {
            // The parent's threads may have been changing the log during the fork: it is not even taken apart.
            std::mem::forget(Arc::clone(&self.hub));
            return;
        }
        let wake = self.hub.log().readers.remove(self.reader);
        // The lock is free again: what the host gave may own subscribers, and these lock when they go.
        drop(wake);
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("reader", &self.reader).finish_non_exhaustive()
    }
}
