//! What a host asks of one connection: to send it an event, to change its topics, to end it. Each has its place among
//! what is published: behind all that was published before.

use bytes::Bytes;
use ssecast_codec::{Error, Event};

use crate::private_queue::PrivateEvent;
use crate::registrar::Registrar;
use crate::stats::Reason;
use crate::subscriber::Subscriber;
use crate::sync::Arc;
use crate::topic_change::TopicChange;

impl Subscriber {
    /// Queues an event for this connection alone, behind everything that was published before. Returns whether it
    /// was taken: not if the connection is ending, nor if the client is too slow and the policy is to disconnect.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEvent`](crate::ErrorKind::InvalidEvent), [`ErrorKind::InvalidId`](crate::ErrorKind::InvalidId),
    /// [`ErrorKind::EventTooLarge`](crate::ErrorKind::EventTooLarge), [`ErrorKind::BacklogFull`](crate::ErrorKind::BacklogFull);
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) in a child of the reader's process.
    pub fn send(&mut self, event: &Event<'_>) -> Result<bool, Error> {
        let hub = &self.registration.hub;
        hub.refuse_if_inherited()?;
        let event = hub.private_event(event)?;
        Ok(hub.closing().is_none() && self.queue(event))
    }

    /// Queues an event that was encoded before, while the hub was open. Returns whether it was taken, as
    /// [`send`](Self::send) does: the hub may be closing by now, but the connection must not have been told so.
    pub fn queue(&mut self, mut event: PrivateEvent) -> bool {
        let hub = &self.registration.hub;
        let over =
            self.private.as_ref().is_some_and(|private| private.end.is_some() || private.said_farewell);
        if over || !hub.is_here() {
            return false;
        }
        // Not the frame's own size: an idle client may be sent a single event of any allowed size.
        if self.private_bytes() > hub.config.slow_client.bytes && self.check_lag().is_err() {
            return false;
        }
        if self.is_private() {
            event.after = self.cursor;
        }
        if self.offer.is_stopped() {
            event.offer();
        }
        self.private_mut().push(event);
        true
    }

    /// Adds and removes topics. An added topic begins at the head: events published before are not for it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic),
    /// [`ErrorKind::TooManyTopics`](crate::ErrorKind::TooManyTopics); then nothing changes.
    pub fn change_topics(&mut self, add: &[&str], remove: &[&str]) -> Result<(), Error> {
        let change = Registrar(Arc::clone(&self.registration)).change_topics(add, remove)?;
        self.apply(change);
        Ok(())
    }

    /// Makes a change of topics that was [asked for](Registrar::change_topics) before. One that is for another
    /// reader's subscribers changes nothing.
    pub fn apply(&mut self, change: TopicChange) {
        if !self.registration.hub.is_here() || !Arc::ptr_eq(&self.registration, &change.registration) {
            return;
        }
        let was_private = self.is_private();
        let at = change.cursor();
        let (topics, fresh) = change.replace(&self.topics);
        self.topics = topics;
        if let Some(private) = &mut self.private {
            // A topic that left begins anew when it comes back.
            private.joined.retain(|(key, _)| self.topics.contains(*key) && !fresh.contains(key));
        }
        if was_private && !fresh.is_empty() {
            self.cursor = self.cursor.max(at);
            // It has a place in the log from now on, and must know it to come back to it.
            self.private_mut().greet = true;
        } else if self.cursor < at && !fresh.is_empty() {
            let joined = &mut self.private_mut().joined;
            joined.extend(fresh.into_iter().map(|key| (key, at)));
            joined.sort_unstable();
        }
        let passed = self.registration.hub.log().count_passed(self.position());
        self.passed = passed;
    }

    /// The names of its topics; none in a child of the reader's process.
    #[must_use]
    pub fn topic_names(&self) -> Vec<Arc<str>> {
        let hub = &self.registration.hub;
        if hub.is_here() { hub.log().topic_names(&self.topics) } else { Vec::new() }
    }

    /// Ends it once everything that was published and sent before is out.
    pub fn end(&mut self, reason: Reason) {
        if !self.registration.hub.is_here() {
            return;
        }
        let head = self.registration.hub.log().head();
        self.end_after(reason, head);
    }

    /// Ends it once everything is out that was published up to a sequence number, or sent before. If its server shuts
    /// down, a jittered reconnection time comes last.
    pub fn end_after(&mut self, reason: Reason, last: u64) {
        let private = self.private.as_deref();
        if private.is_some_and(|private| private.end.is_some()) {
            return;
        }
        let told = private.is_some_and(|private| private.said_farewell);
        self.reason = reason;
        self.private_mut().end = Some(last);
        if reason == Reason::Shutdown && !told {
            let after = if self.is_private() { self.cursor } else { last };
            let retry = self.registration.hub.jitter.retry_block();
            self.queue_block(after, retry.into());
        }
    }

    /// Queues what a closing hub says last to each connection; perhaps nothing.
    pub(crate) fn queue_farewell(&mut self) {
        let hub = &self.registration.hub;
        let event = hub.closing().and_then(|closing| closing.farewell.as_ref());
        let frame: Bytes = event.into_iter().flatten().copied().chain(hub.jitter.retry_block()).collect();
        self.queue_block(self.cursor, frame);
    }

    /// Queues a block of the hub's own, which is no event; nothing if it is empty.
    fn queue_block(&mut self, after: u64, frame: Bytes) {
        if !frame.is_empty() {
            self.private_mut().push(PrivateEvent { after, frame, events: 0, charge: None });
        }
    }
}
