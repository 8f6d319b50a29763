use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use ssecast_hub::Subscriber;

/// Names a connection for as long as it is open; a later connection in its place has another id.
///
/// The number is below 2^53, so that every language has a type for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

const GENERATIONS: u32 = 1 << 21;

impl ConnectionId {
    /// The name of no connection.
    pub(crate) const NOWHERE: Self = Self(u64::MAX);

    /// A name for an attached connection that no other one of this process ever has.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn new(index: usize, generation: u32) -> Self {
        Self(u64::from(generation % GENERATIONS) << 32 | index as u64)
    }

    pub(crate) fn index(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }

    /// The id as a number.
    #[must_use]
    pub fn to_number(self) -> u64 {
        self.0
    }

    /// The id that was made this number. One that never was names no connection, which does no harm.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One connection of a [`ConnectionSet`](crate::connection_set::ConnectionSet).
pub(crate) struct Connection<S> {
    pub(crate) id: ConnectionId,
    pub(crate) subscriber: Subscriber,
    /// Where its bytes go: what the delivery keeps for each connection.
    pub(crate) buffer: S,
    /// It was offered everything up to this sequence number; or up to its cursor, if that is further.
    pub(crate) offered: u64,
    /// It stands in the list of those to look at.
    pub(crate) ready: bool,
    /// It does not take more for now.
    pub(crate) blocked: bool,
    /// It is due for a heartbeat unless there is something else to send.
    pub(crate) due: Option<Due>,
}

/// Why a connection is due for a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// It was silent for as long as it may be.
    Silence,
    /// The answer will show whether the client is there.
    #[cfg_attr(not(unix), allow(dead_code, reason = "sockets are written on Unix alone"))]
    Question,
}
