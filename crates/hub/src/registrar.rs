use ssecast_codec::Error;

use crate::registration::Registration;
use crate::subscriber::Subscriber;
use crate::sync::Arc;
use crate::topic_change::TopicChange;

/// Moves subscribers to a reader from any thread, before they are handed to the thread that owns it.
#[derive(Debug)]
pub struct Registrar(pub(crate) Arc<Registration>);

impl Registrar {
    /// Makes a subscriber of the same hub the reader's. What it has still to get is kept for it by then, and
    /// until the reader [notes its progress](crate::Reader::note_progress): by then it must have reached the reader's
    /// thread, which asks it for what is next at once. A subscriber of another hub stays where it is.
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
    /// a child of the reader's process, and what a store refuses that is not open yet; then nothing changes.
    pub fn change_topics(&self, add: &[&str], remove: &[&str]) -> Result<TopicChange, Error> {
        TopicChange::new(Arc::clone(&self.0), add, remove)
    }
}
