use crate::connection::ConnectionId;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// What the handle of an attached connection and its thread share.
pub(crate) struct ConnectionState {
    /// The host's name for it.
    pub(crate) name: ConnectionId,
    /// The key of its hub.
    pub(crate) hub: usize,
    /// The thread's name for it while it is open there; only the thread looks.
    slot: AtomicU64,
    /// It takes no more events.
    pub(crate) ending: AtomicBool,
    /// It is gone.
    pub(crate) ended: AtomicBool,
    /// The bytes of its own events, on the way to the thread and waiting there.
    pub(crate) private_bytes: AtomicUsize,
    /// The host wants to know when there are none.
    pub(crate) awaited: AtomicBool,
    /// How often the socket took something.
    pub(crate) writes: AtomicUsize,
}

impl ConnectionState {
    pub(crate) fn new(name: ConnectionId, hub: usize, private_bytes: usize) -> Self {
        Self {
            name,
            hub,
            slot: AtomicU64::new(ConnectionId::NOWHERE.to_number()),
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

    /// The thread's name for the connection, for the thread alone.
    pub(crate) fn slot(&self) -> ConnectionId {
        ConnectionId::from_number(self.slot.load(Ordering::Relaxed))
    }

    /// Notes that bytes of its own have left. Returns whether they were the last ones, and the host waits for that.
    pub(crate) fn sent(&self, bytes: usize) -> bool {
        let before = self.private_bytes.fetch_sub(bytes, Ordering::SeqCst);
        before == bytes && self.awaited.swap(false, Ordering::SeqCst)
    }
}
