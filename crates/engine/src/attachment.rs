use std::sync::Arc;

use ssecast_hub::{Error, Event, Hub, PrivateEvent, Reason};

use crate::connection::ConnectionId;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::worker_handle::{Command, WorkerHandle};

/// A connection that an engine thread writes to, for the host that attached it.
///
/// The handle may be used from any thread. Dropping it changes nothing: the connection goes on until it ends. In a
/// child of the process that attached it the connection is none of the child's: it counts as ended there.
#[derive(Clone)]
pub struct Attachment {
    pub(crate) state: Arc<ConnectionState>,
    pub(crate) hub: Hub,
}

/// What a host is told of its attached connections, on an engine thread and outside every lock. Calls must return
/// soon.
pub trait Host: Send + Sync + 'static {
    /// The engine has taken the connection on: nothing of the stream was sent before, and its end is told after.
    fn opened(&self, attachment: &Attachment) {
        let _ = attachment;
    }

    /// The stream is over, and the engine has let go of the socket: not one byte follows. If it was `cut`, the
    /// last frame may be incomplete and the connection is of no further use; otherwise the host ends the response.
    fn ended(&self, connection: ConnectionId, reason: Reason, cut: bool);

    /// All that was sent to the connection alone has been handed to the system, after
    /// [`pending_bytes`](Attachment::pending_bytes) was asked and was not zero.
    fn drained(&self, connection: ConnectionId);
}

/// What the handle of a connection and its thread share.
pub(crate) struct ConnectionState {
    pub(crate) worker: Arc<WorkerHandle>,
    /// The host's name for it.
    pub(crate) name: ConnectionId,
    /// The key of its hub.
    pub(crate) hub: usize,
    /// The thread's name for it while it is open there; only the thread looks.
    pub(crate) slot: AtomicU64,
    pub(crate) host: Arc<dyn Host>,
    /// It takes no more events.
    pub(crate) ending: AtomicBool,
    /// It is gone.
    pub(crate) ended: AtomicBool,
    /// The bytes of its own events, on the way to the thread and waiting there.
    pub(crate) private_bytes: AtomicUsize,
    /// Somebody wants to know when there are none.
    pub(crate) awaited: AtomicBool,
    /// How often the socket took something.
    pub(crate) writes: AtomicUsize,
}

impl ConnectionState {
    pub(crate) fn new(
        worker: Arc<WorkerHandle>,
        name: ConnectionId,
        hub: usize,
        host: Arc<dyn Host>,
        private_bytes: usize,
    ) -> Self {
        Self {
            worker,
            name,
            hub,
            slot: AtomicU64::new(ConnectionId::NOWHERE.to_number()),
            host,
            ending: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            private_bytes: AtomicUsize::new(private_bytes),
            awaited: AtomicBool::new(false),
            writes: AtomicUsize::new(0),
        }
    }

    /// Notes the thread's name for the connection; [`NOWHERE`](ConnectionId::NOWHERE) once it is gone, so that
    /// no later connection is taken for it.
    pub(crate) fn put(&self, slot: ConnectionId) {
        self.slot.store(slot.to_number(), Ordering::Relaxed);
    }

    /// Notes that bytes of its own have left.
    pub(crate) fn sent(&self, bytes: usize) {
        let before = self.private_bytes.fetch_sub(bytes, Ordering::SeqCst);
        if before == bytes && self.awaited.swap(false, Ordering::SeqCst) {
            self.host.drained(self.name);
        }
    }
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
        self.state.ending.load(Ordering::Acquire) || !self.state.worker.is_here()
    }

    /// Whether it is over, and the engine has let go of the socket.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state.ended.load(Ordering::Acquire) || !self.state.worker.is_here()
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
        self.state.worker.command(Command::Send(Arc::clone(&self.state), event));
        true
    }

    /// How many bytes sent to this connection alone have not been handed to the system; zero once it has ended.
    /// When the answer is not zero, [`Host::drained`] is called once they are, or [`Host::ended`].
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
        self.state.worker.change_topics(&self.state, add, remove)
    }

    /// Ends the stream after everything that was published and sent before, finishes the frame under way, lets go
    /// of the socket, and then tells the host: [`Host::ended`].
    pub fn detach(&self, reason: Reason) {
        self.state.ending.store(true, Ordering::Release);
        self.state.worker.command(Command::Detach(Arc::clone(&self.state), reason, self.hub.head()));
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
    /// connection: [`Host::ended`].
    pub fn abandon(&self, reason: Reason) {
        self.state.ending.store(true, Ordering::Release);
        self.state.worker.command(Command::Abandon(Arc::clone(&self.state), reason));
    }
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").field("connection", &self.state.name).finish_non_exhaustive()
    }
}
