use std::fmt;

use ssecast_codec::Error;

use crate::shared::Shared;
use crate::stats::Reason;
use crate::subscriber::Subscriber;
use crate::sync::{Arc, Ordering};
use crate::topic_change::TopicChange;
use crate::topic_set::TopicSet;

/// A reader's entry in the log. It lives as long as the reader or one of its subscribers.
pub(crate) struct Registration {
    pub(crate) hub: Arc<Shared>,
    pub(crate) reader: usize,
}

/// Moves subscribers to a reader from any thread, before they are handed to the thread that owns it.
#[derive(Debug)]
pub struct Registrar(pub(crate) Arc<Registration>);

impl Registrar {
    /// Makes a subscriber of the same hub the reader's. What it has still to get is kept for it by then, and
    /// until the reader [notes its progress](crate::Reader::note_progress): it must have reached its owner before,
    /// who asks it for what is next at once. A subscriber of another hub stays where it is.
    pub fn adopt(&self, subscriber: &mut Subscriber) {
        let Registration { hub, reader } = &*self.0;
        if !hub.is_here() || !Arc::ptr_eq(hub, &subscriber.registration.hub) {
            return;
        }
        let mut log = hub.log();
        log.transfer(subscriber.registration.reader, *reader, &subscriber.topics, subscriber.cursor);
        drop(log);
        subscriber.registration = Arc::clone(&self.0);
    }

    /// Asks for a change of topics on behalf of one of the reader's subscribers, which may be at work meanwhile.
    /// An added topic begins now: events published from here on are for the subscriber. They are kept for it until
    /// the reader [notes its progress](crate::Reader::note_progress): the change must have reached it before.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic),
    /// [`ErrorKind::TooManyTopics`](crate::ErrorKind::TooManyTopics), [`ErrorKind::Closed`](crate::ErrorKind::Closed) in
    /// a child of the reader's process; then nothing changes.
    pub fn change_topics(&self, add: &[&str], remove: &[&str]) -> Result<TopicChange, Error> {
        TopicChange::new(Arc::clone(&self.0), add, remove)
    }
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
