use ssecast::Replay;

/// Stands for all events that are kept, in a number of events that a client begins with.
pub const SSECAST_REPLAY_ALL: u64 = u64::MAX;

/// A number of events as C has it.
pub(crate) fn replay(number: u64) -> Replay {
    match number {
        SSECAST_REPLAY_ALL => Replay::All,
        number => Replay::Last(usize::try_from(number).unwrap_or(usize::MAX)),
    }
}
