use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll};
use slab::Slab;
use ssecast_hub::Reason;

use crate::command_queue::{CommandQueue, WAKE};
use crate::connection::ConnectionId;
use crate::connection_set::Ended;
use crate::descriptor::Sent;
use crate::socket_buffer::{Peer, SocketBuffer};
use crate::sync::Ordering;

/// How long to wait when the system has no memory for a socket's bytes.
const LATER: Duration = Duration::from_millis(20);

/// How long a released connection may take to have room for the end of its body.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// A connection of a worker: the key of its hub, and its id in that hub's set.
pub(crate) type Place = (usize, ConnectionId);

/// What a worker's hubs have in common: the poll, the sockets that it has still to look at, and the end of connections.
pub(crate) struct PolledSockets {
    poll: Poll,
    queue: Arc<CommandQueue>,
    /// The connections that the poll knows: those that were full once, and those that were released.
    polled: Slab<Place>,
    /// Connections that the system had no memory for.
    later: Vec<Place>,
    /// Released connections that are over but for the end of the body. They are few, for their sockets were full
    /// just when the stream was out: all of them are looked at in every turn.
    draining: Vec<Draining>,
}

struct Draining {
    buffer: SocketBuffer,
    reason: Reason,
    until: Instant,
}

impl PolledSockets {
    pub(crate) fn new(poll: Poll, queue: Arc<CommandQueue>) -> Self {
        Self { poll, queue, polled: Slab::new(), later: Vec::new(), draining: Vec::new() }
    }

    pub(crate) fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) {
        // It fails only when a signal interrupts it, and then there are no events.
        let _ = self.poll.poll(events, timeout);
    }

    /// How long the poll may take at most because of these sockets.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        (!self.later.is_empty() || !self.draining.is_empty()).then_some(LATER)
    }

    pub(crate) fn is_draining(&self) -> bool {
        !self.draining.is_empty()
    }

    /// The connection that an event of the poll is about.
    pub(crate) fn place(&self, event: &Event) -> Option<Place> {
        if event.token() == WAKE { None } else { self.polled.get(event.token().0).copied() }
    }

    /// Lets the poll tell of a connection. Returns whether it does; without it the connection could hang.
    pub(crate) fn watch(&mut self, place: Place, buffer: &mut SocketBuffer) -> bool {
        if buffer.polled.is_some() {
            return true;
        }
        let slot = self.polled.insert(place);
        let watched = buffer.register(self.poll.registry(), slot);
        if !watched {
            self.polled.remove(slot);
        }
        watched
    }

    /// Hears out the peer of a connection.
    pub(crate) fn listen(&self, buffer: &mut SocketBuffer) -> Peer {
        buffer.listen(self.poll.registry())
    }

    /// Notes a connection that the system had no memory for.
    pub(crate) fn retry_later(&mut self, place: Place, buffer: &mut SocketBuffer) {
        if !mem::replace(&mut buffer.later, true) {
            self.later.push(place);
        }
    }

    /// Takes the connections that the system had no memory for.
    pub(crate) fn take_later(&mut self) -> Vec<Place> {
        mem::take(&mut self.later)
    }

    /// Ends a connection that is gone from its set.
    pub(crate) fn end(&mut self, ended: Ended<SocketBuffer>) {
        let Ended { mut buffer, reason, cut, .. } = ended;
        let cut = cut || !buffer.is_empty();
        if buffer.released && !cut {
            buffer.state.put(ConnectionId::NOWHERE);
            // A client must be able to tell a stream that failed from one that was complete.
            if reason != Reason::Error {
                buffer.load_end();
            }
            self.drain_one(Draining { buffer, reason, until: Instant::now() + DRAIN_TIME });
        } else {
            self.forget(&mut buffer);
            buffer.end(reason, cut);
        }
    }

    /// Goes on with the connections that are over but for the end of the body.
    pub(crate) fn drain(&mut self) {
        for draining in mem::take(&mut self.draining) {
            self.drain_one(draining);
        }
    }

    /// Sends what is left of a released connection's body, and ends it when that is out.
    fn drain_one(&mut self, mut draining: Draining) {
        let (_, stopped) = draining.buffer.flush();
        if matches!(stopped, Some(Sent::Full | Sent::Later)) && Instant::now() < draining.until {
            self.draining.push(draining);
            return;
        }
        let Draining { mut buffer, reason, .. } = draining;
        self.forget(&mut buffer);
        buffer.end(reason, stopped.is_some());
    }

    /// Takes a connection that is over out of all indexes.
    fn forget(&mut self, buffer: &mut SocketBuffer) {
        if let Some(slot) = buffer.deregister(self.poll.registry()) {
            self.polled.remove(slot);
        }
        buffer.state.put(ConnectionId::NOWHERE);
        self.queue.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
