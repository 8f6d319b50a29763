use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use ssecast_hub::{Batch, Hold, Reason};

use crate::connection_state::ConnectionState;
use crate::descriptor::{Descriptor, Drained, Sent};
use crate::framing::Framing;
use crate::host::Host;
use crate::socket_options::SocketOptions;
use crate::sync::Ordering;

/// The last chunk of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A connection's socket, and what of a batch it has not taken yet: the position inside a frame, not a queue.
pub(crate) struct SocketBuffer {
    descriptor: Descriptor,
    framing: Framing,
    /// The host has let go of the connection: its end is seen, and made, here.
    pub(crate) released: bool,
    /// The client of a released connection says no more. It may still listen.
    half_closed: bool,
    /// What the options of the connection were, for a host that goes on with it. Beside the connection, as the table of connections
    /// may have room for twice as many.
    options: Option<Box<SocketOptions>>,
    /// The hub is not over before the host was told of the end.
    hold: Option<Hold>,
    pub(crate) state: Arc<ConnectionState>,
    pub(crate) host: Arc<dyn Host>,
    /// What the socket has not taken yet of the batch under way.
    rest: Bytes,
    /// The bytes of its own events that have not left, and those of them that are in the batch under way.
    private_bytes: usize,
    under_way: usize,
    /// Its place among those that the poll knows.
    pub(crate) polled: Option<usize>,
    /// It stands among those that the system had no memory for.
    pub(crate) later: bool,
}

/// What is known of the peer of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Listens,
    /// It has just sent its last byte. A client that half-closed and one that closed look alike
    /// until something is sent to them.
    HalfClosed,
    Gone,
}

impl SocketBuffer {
    pub(crate) fn new(
        descriptor: Descriptor,
        framing: Framing,
        released: bool,
        options: SocketOptions,
        hold: Option<Hold>,
        state: Arc<ConnectionState>,
        host: Arc<dyn Host>,
    ) -> Self {
        let private_bytes = state.private_bytes.load(Ordering::Relaxed);
        Self {
            descriptor,
            framing,
            released,
            half_closed: false,
            options: (!released).then(|| Box::new(options)),
            hold,
            state,
            host,
            rest: Bytes::new(),
            private_bytes,
            under_way: 0,
            polled: None,
            later: false,
        }
    }

    /// Begins with the response's head, which is sent before any batch.
    pub(crate) fn load_head(&mut self, head: Bytes) {
        self.rest = head;
    }

    /// Begins with a batch, when all before it is out. So many of the connection's own bytes still wait behind it.
    pub(crate) fn load(&mut self, batch: Batch, waiting: usize) {
        self.under_way = self.private_bytes.saturating_sub(waiting);
        self.rest = match self.framing {
            Framing::Chunked => batch.into_chunk(),
            Framing::Raw => batch.bytes(),
        };
    }

    /// Begins with what ends the body on a connection whose end is made here.
    pub(crate) fn load_end(&mut self) {
        if self.framing == Framing::Chunked {
            self.rest = Bytes::from_static(LAST_CHUNK);
        }
    }

    /// Whether all that it was given is out.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Sends what the socket takes. Returns whether it took anything, and what stopped it if not all is out.
    pub(crate) fn flush(&mut self) -> (bool, Option<Sent>) {
        let mut took = false;
        while !self.rest.is_empty() {
            match self.descriptor.send(&self.rest) {
                Sent::Some(sent) => {
                    took = true;
                    self.state.writes.fetch_add(1, Ordering::Relaxed);
                    self.rest.advance(sent);
                }
                stopped => return (took, Some(stopped)),
            }
        }
        // Not a slice of the batch, which would keep it alive.
        self.rest = Bytes::new();
        self.under_way = 0;
        (took, None)
    }

    /// Notes that bytes of the connection's own have come in.
    pub(crate) fn expect(&mut self, bytes: usize) {
        self.private_bytes += bytes;
    }

    /// Accounts for the connection's own bytes, of which so many wait behind the batch under way: the others have
    /// left, or were given up.
    pub(crate) fn settle(&mut self, waiting: usize) {
        let remain = waiting + self.under_way;
        if self.private_bytes > remain {
            let left = self.private_bytes - remain;
            self.private_bytes = remain;
            if self.state.sent(left) {
                self.host.drained(self.state.name);
            }
        }
    }

    /// Lets the poll tell of the socket.
    pub(crate) fn register(&mut self, registry: &Registry, slot: usize) -> bool {
        let writable = Interest::WRITABLE;
        let interest = if self.released { writable | Interest::READABLE } else { writable };
        let known = registry.register(&mut SourceFd(&self.descriptor.raw()), Token(slot), interest).is_ok();
        self.polled = known.then_some(slot);
        known
    }

    /// Takes the socket out of the poll, before the descriptor is closed: the poll knows sockets, not descriptors,
    /// and the host's keeps the socket alive. Returns its place there.
    pub(crate) fn deregister(&mut self, registry: &Registry) -> Option<usize> {
        let slot = self.polled.take()?;
        let _ = registry.deregister(&mut SourceFd(&self.descriptor.raw()));
        Some(slot)
    }

    /// Hears out the peer of a released connection; that of another one is the host's to listen to.
    pub(crate) fn listen(&mut self, registry: &Registry) -> Peer {
        if !self.released {
            return Peer::Listens;
        }
        match (self.descriptor.drain(), self.polled) {
            (Drained::Nothing, _) => Peer::Listens,
            // The poll tells of what is left once more if it is asked once more.
            (Drained::More, Some(slot)) => {
                let interest = Interest::WRITABLE | Interest::READABLE;
                let asked = registry.reregister(&mut SourceFd(&self.descriptor.raw()), Token(slot), interest);
                if asked.is_ok() { Peer::Listens } else { Peer::Gone }
            }
            (Drained::End, _) if std::mem::replace(&mut self.half_closed, true) => Peer::Listens,
            (Drained::End, _) => Peer::HalfClosed,
            _ => Peer::Gone,
        }
    }

    /// Whether the peer has not answered for so long, though it was asked.
    pub(crate) fn is_unanswered(&self, time: Duration) -> bool {
        self.descriptor.is_unanswered(time)
    }

    /// Why a connection is lost: the client left; or it took nothing of what waits for it until the system gave it up;
    /// or the host has shut its side down, which it should have left alone.
    pub(crate) fn loss(&self) -> Reason {
        if self.descriptor.is_shut_down() {
            Reason::Error
        } else if !self.is_empty() && self.descriptor.is_timed_out() {
            Reason::Lagged
        } else {
            Reason::Client
        }
    }

    /// Lets the system keep as much for the host's connection as it does by itself.
    pub(crate) fn lift_unsent_limit(&self) {
        if let Some(options) = &self.options {
            options.restore_unsent_limit(&self.descriptor);
        }
    }

    /// Lets go of the socket, then tells the host. The poll must have forgotten it.
    pub(crate) fn end(self, reason: Reason, cut: bool) {
        let Self { descriptor, released, options, hold, state, host, .. } = self;
        if released {
            // If bytes were left unread, the system would reset the connection, and what is under way would be lost.
            descriptor.drain();
        }
        if cut || released {
            descriptor.shut_down();
        }
        if let Some(options) = options {
            options.restore(&descriptor);
        }
        drop(descriptor);
        state.ending.store(true, Ordering::Release);
        state.ended.store(true, Ordering::Release);
        host.ended(state.name, reason, cut);
        drop(hold);
    }
}
