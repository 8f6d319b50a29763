use std::sync::Arc;

use ssecast_hub::{Error, Event, Hub, PrivateEvent, Reason};

use crate::connection::ConnectionId;
use crate::connection_state::ConnectionState;
use crate::sync::Ordering;

/// A connection that an engine thread writes to, for the host that attached it.
///
/// The handle may be used from any thread. Dropping it changes nothing: the connection goes on until it ends. In a
/// child of the process that attached it, it counts as ended: the connection is the parent's.
#[derive(Clone)]
pub struct Attachment {
    pub(crate) state: Arc<ConnectionState>,
    pub(crate) worker: Arc<dyn Worker>,
    pub(crate) hub: Hub,
}

/// The thread of an attached connection, as the handles of its connections see it. What it is asked to do for one
/// connection is done in that order.
pub(crate) trait Worker: Send + Sync {
    /// Whether this is the process that has the thread. In a child of it nothing else happens.
    fn is_here(&self) -> bool;

    fn send(&self, state: &Arc<ConnectionState>, event: PrivateEvent);

    /// Asks for a change of topics, which holds for all that is published from here on. Returns whether the hub still
    /// has connections there.
    fn change_topics(
        &self,
        state: &Arc<ConnectionState>,
        add: &[&str],
        remove: &[&str],
    ) -> Result<bool, Error>;

    /// Ends the stream behind what was published up to the sequence number `last`.
    fn detach(&self, state: &Arc<ConnectionState>, reason: Reason, last: u64);

    fn abandon(&self, state: &Arc<ConnectionState>, reason: Reason);
}

impl Attachment {
    /// The host's name for the connection.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.state.name
    }

    /// Whether it takes no more events: it has ended, or is ending.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.state.ending.load(Ordering::Acquire) || !self.worker.is_here()
    }

    /// Whether it is over, and the engine has let go of the socket.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state.ended.load(Ordering::Acquire) || !self.worker.is_here()
    }

    /// Sends an event to this connection alone. Returns whether it was taken: not when the connection has ended or
    /// is ending.
    ///
    /// # Errors
    /// Those of [`Hub::private`]; then nothing is sent.
    pub fn send(&self, event: &Event<'_>) -> Result<bool, Error> {
        Ok(self.queue(self.hub.private(event)?))
    }

    pub(crate) fn queue(&self, event: PrivateEvent) -> bool {
        // What the thread has not seen yet counts to the hub's backlog, which is bounded; to the rest it applies the policy.
        if self.is_ending() || self.hub.is_closed() {
            return false;
        }
        self.state.private_bytes.fetch_add(event.len(), Ordering::SeqCst);
        self.worker.send(&self.state, event);
        true
    }

    /// How many bytes sent to this connection alone have not been handed to the system; zero once it has ended.
    /// When the answer is not zero, [`Host::drained`](crate::Host::drained) is called once they are, or [`Host::ended`](crate::Host::ended).
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        if self.is_ended() {
            return 0;
        }
        let pending = || self.state.private_bytes.load(Ordering::SeqCst);
        if pending() > 0 {
            self.state.awaited.store(true, Ordering::SeqCst);
        }
        pending()
    }

    /// How often the socket has taken something of the stream: as long as it changes, the connection is not idle.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.state.writes.load(Ordering::Relaxed)
    }

    /// Adds and removes topics: what is published from here on counts. Returns whether the connection is still
    /// there.
    ///
    /// # Errors
    /// Those of [`Registrar::change_topics`](ssecast_hub::Registrar::change_topics); then nothing changes.
    pub fn change_topics(&self, add: &[&str], remove: &[&str]) -> Result<bool, Error> {
        for name in add {
            ssecast_hub::check_topic(name)?;
        }
        if self.is_ending() {
            return Ok(false);
        }
        self.worker.change_topics(&self.state, add, remove)
    }

    /// Ends the stream after everything that was published and sent before, finishes the frame under way, lets go
    /// of the socket, and then tells the host: [`Host::ended`](crate::Host::ended).
    pub fn detach(&self, reason: Reason) {
        self.state.ending.store(true, Ordering::Release);
        self.worker.detach(&self.state, reason, self.hub.head());
    }

    /// Ends the stream as [`detach`](Self::detach) does, and for good: the client's next request has a last event ID
    /// that [`is_finished`](ssecast_hub::is_finished). Returns whether it will be told: not when the connection has
    /// ended or is ending.
    #[allow(clippy::must_use_candidate, reason = "not every host asks")]
    pub fn finish(&self, reason: Reason) -> bool {
        let told = self.queue(self.hub.final_block());
        self.detach(reason);
        told
    }

    /// Ends the stream at once, because the connection is gone, and then tells the host, as always once for each
    /// connection: [`Host::ended`](crate::Host::ended).
    pub fn abandon(&self, reason: Reason) {
        self.state.ending.store(true, Ordering::Release);
        self.worker.abandon(&self.state, reason);
    }
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").field("connection", &self.state.name).finish_non_exhaustive()
    }
}
