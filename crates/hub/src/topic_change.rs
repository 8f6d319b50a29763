use ssecast_codec::Error;

use crate::registration::Registration;
use crate::stored;
use crate::sync::Arc;
use crate::topic_set::{TopicKey, TopicSet};

/// Topics to add to a subscriber and to remove from it, on their way to the reader that moves it. Made by
/// [`Registrar::change_topics`](crate::Registrar::change_topics).
///
/// The reader is interested in the added topics for as long as this is there.
#[derive(Debug)]
pub struct TopicChange {
    pub(crate) registration: Arc<Registration>,
    /// Registered, until a subscriber has taken them over.
    added: Arc<TopicSet>,
    removed: Vec<TopicKey>,
    at: u64,
    made: bool,
}

impl TopicChange {
    pub(crate) fn new(registration: Arc<Registration>, add: &[&str], remove: &[&str]) -> Result<Self, Error> {
        let hub = &registration.hub;
        hub.refuse_if_inherited()?;
        if !add.is_empty() {
            stored::prepare(hub, None)?;
        }
        let now = hub.now();
        let mut log = hub.log();
        let added = log.register(registration.reader, add, now)?;
        let (removed, at) = (log.keys(remove), log.head());
        drop(log);
        Ok(Self { registration, added, removed, at, made: false })
    }

    /// The sequence number after which events of the added topics are wanted.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.at
    }

    /// Makes the change to a set of topics. Returns what it is then, and the keys that were added.
    pub(crate) fn replace(mut self, set: &TopicSet) -> (Arc<TopicSet>, Vec<TopicKey>) {
        self.made = true;
        let Registration { hub, reader } = &*self.registration;
        hub.log().change_topics(*reader, set, &self.added, &self.removed)
    }
}

impl Drop for TopicChange {
    fn drop(&mut self) {
        if !self.made && self.registration.hub.is_here() {
            self.registration.hub.log().unregister(self.registration.reader, &self.added);
        }
    }
}
