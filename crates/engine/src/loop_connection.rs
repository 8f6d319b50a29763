use ssecast_hub::{Error, Hub, PrivateEvent, Reason};

#[cfg(unix)]
use crate::attachment::Attachment;
use crate::connection::ConnectionId;
use crate::connection_set::ConnectionSet;

/// A connection of an event loop: the host writes it, or an engine thread does, to which it is attached. What the host
/// asks for is the same.
pub(crate) trait LoopConnection {
    /// Queues an event. Returns whether it was taken.
    fn send(&mut self, event: PrivateEvent) -> bool;

    fn pending_bytes(&mut self) -> usize;

    /// How often its socket took something, as far as only the engine knows.
    fn writes(&self) -> usize;

    /// Returns whether it is still there.
    fn change_topics(&mut self, add: &[&str], remove: &[&str]) -> Result<bool, Error>;

    /// Ends it after everything that was published and sent before.
    fn end(&mut self, reason: Reason);

    /// Ends it at once, because it is gone. Returns whether it is removed by now.
    fn remove(&mut self, reason: Reason) -> bool;

    /// Whether the host has to be woken for what was asked for.
    fn is_hosts(&self) -> bool;
}

/// A connection that the host writes, or one that is gone.
pub(crate) struct HostsConnection<'a> {
    pub(crate) connections: &'a mut ConnectionSet<()>,
    pub(crate) id: ConnectionId,
    pub(crate) hub: &'a Hub,
}

impl LoopConnection for HostsConnection<'_> {
    fn send(&mut self, event: PrivateEvent) -> bool {
        !self.hub.is_closed() && self.connections.send(self.id, event)
    }

    fn pending_bytes(&mut self) -> usize {
        self.connections.get(self.id).map_or(0, |connection| connection.subscriber.private_bytes())
    }

    fn writes(&self) -> usize {
        0
    }

    fn change_topics(&mut self, add: &[&str], remove: &[&str]) -> Result<bool, Error> {
        self.connections.change_topics(self.id, add, remove)
    }

    fn end(&mut self, reason: Reason) {
        self.connections.finish(self.id, reason, self.hub.head());
    }

    fn remove(&mut self, reason: Reason) -> bool {
        self.connections.remove(self.id, reason);
        true
    }

    fn is_hosts(&self) -> bool {
        true
    }
}

#[cfg(unix)]
impl LoopConnection for Attachment {
    fn send(&mut self, event: PrivateEvent) -> bool {
        self.queue(event)
    }

    fn pending_bytes(&mut self) -> usize {
        Self::pending_bytes(self)
    }

    fn writes(&self) -> usize {
        Self::writes(self)
    }

    fn change_topics(&mut self, add: &[&str], remove: &[&str]) -> Result<bool, Error> {
        Self::change_topics(self, add, remove)
    }

    fn end(&mut self, reason: Reason) {
        self.detach(reason);
    }

    fn remove(&mut self, reason: Reason) -> bool {
        self.abandon(reason);
        false
    }

    fn is_hosts(&self) -> bool {
        false
    }
}
