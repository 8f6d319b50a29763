use std::fmt;

use crate::hub::Shared;
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
        let mut log = self.hub.log();
        log.unregister(self.reader, topics);
        log.connections -= 1;
        drop(log);
        self.hub.counters.disconnects[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
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
