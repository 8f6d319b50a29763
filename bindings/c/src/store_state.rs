use ssecast::StoreState;

use ssecast_store_state::*;

/// How a hub's store is.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_store_state {
    /// The hub has none: its log is in the memory of this process.
    SSECAST_STORE_STATE_NONE = 0,
    /// This process has not used it yet: nothing was published, and nobody connected.
    SSECAST_STORE_STATE_UNOPENED = 1,
    /// It works.
    SSECAST_STORE_STATE_READY = 2,
    /// Its last use failed. Connections stay, and events are refused until it works again.
    SSECAST_STORE_STATE_DEGRADED = 3,
}

impl From<Option<StoreState>> for ssecast_store_state {
    fn from(state: Option<StoreState>) -> Self {
        match state {
            None => SSECAST_STORE_STATE_NONE,
            Some(StoreState::Unopened) => SSECAST_STORE_STATE_UNOPENED,
            Some(StoreState::Ready) => SSECAST_STORE_STATE_READY,
            Some(_) => SSECAST_STORE_STATE_DEGRADED,
        }
    }
}
