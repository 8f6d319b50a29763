use ssecast::Replay;

use crate::number::{SSECAST_OFF, SSECAST_ZERO};

/// Stands for all events that are kept, in a number of events that a client begins with.
pub const SSECAST_REPLAY_ALL: u64 = u64::MAX - 2;

/// A number of events as C has it.
pub(crate) fn replay(number: u64) -> Replay {
    match number {
        SSECAST_REPLAY_ALL => Replay::All,
        SSECAST_ZERO | SSECAST_OFF => Replay::default(),
        number => Replay::Last(usize::try_from(number).unwrap_or(usize::MAX)),
    }
}
