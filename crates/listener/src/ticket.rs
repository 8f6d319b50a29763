use std::sync::atomic::{AtomicU8, Ordering};

use ssecast_engine::ConnectionId;
use ssecast_hub::{Hold, Replay};

use crate::guarded::Guarded;
use crate::refusal::Refusal;

/// There is no answer yet.
const OPEN: u8 = 0;
/// The router has answered.
const ANSWERED: u8 = 1;
/// The client waits for an answer no more.
const GONE: u8 = 2;

/// What the responder of a request and the listener's thread share.
pub(crate) struct Ticket {
    pub(crate) connection: ConnectionId,
    /// Where the thread has the connection.
    pub(crate) slot: usize,
    state: AtomicU8,
}

/// What a router decided.
pub(crate) enum Decision {
    Allow(Allowed),
    Refuse(Refusal),
    /// There can be no stream for the moment.
    Unavailable,
    /// Whether pages of the request's origin may read the answer.
    Origin(bool),
}

/// The stream that a client may have.
pub(crate) struct Allowed {
    pub(crate) topics: Vec<String>,
    /// What it begins with, if the router says so.
    pub(crate) replay: Option<Replay>,
    /// The headers that the router adds.
    pub(crate) headers: Vec<(String, String)>,
    /// The stream's own host, in place of the router.
    pub(crate) host: Option<Guarded>,
    /// The hub is not over before the router was told of the stream's end.
    #[allow(dead_code, reason = "it is there to be dropped")]
    pub(crate) hold: Hold,
}

impl Ticket {
    pub(crate) fn new(connection: ConnectionId, slot: usize) -> Self {
        Self { connection, slot, state: AtomicU8::new(OPEN) }
    }

    /// Notes that the client waits no more. Returns whether there was no answer by then.
    pub(crate) fn void(&self) -> bool {
        self.settle(GONE)
    }

    /// Notes the answer. Returns whether it counts.
    pub(crate) fn answer(&self) -> bool {
        self.settle(ANSWERED)
    }

    fn settle(&self, state: u8) -> bool {
        self.state.compare_exchange(OPEN, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
