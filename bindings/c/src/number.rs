use std::time::Duration;

/// Stands for a real zero, in a number whose 0 means something else: that it is left out, or has its default.
pub const SSECAST_ZERO: u64 = u64::MAX - 1;

/// The value that turns off an option which can be off.
pub const SSECAST_OFF: u64 = u64::MAX;

/// Whole milliseconds.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(SSECAST_OFF)
}

/// A number of a configuration: 0 stands for its default.
pub(crate) fn or_default(number: u64, default: u64) -> u64 {
    match number {
        0 => default,
        SSECAST_ZERO => 0,
        number => number,
    }
}
