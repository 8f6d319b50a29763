use std::time::{Duration, Instant, SystemTime};

use crate::sync::{Arc, AtomicU64, Ordering};

/// Where the hub takes the time from: the age of events, heartbeats and lag limits are measured with it.
pub trait Clock: Send + Sync + 'static {
    /// The time since a fixed point of the clock's own choice. It never goes back.
    fn now(&self) -> Duration;

    /// The time since 1970, by which the processes of a store say when an event was published.
    fn since_1970(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

/// The monotonic clock of the system.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that stands still until it is moved: for simulations and tests. Clones share one time.
///
/// ```
/// use ssecast_hub::{Clock, ManualClock};
/// use std::time::Duration;
/// let clock = ManualClock::default();
/// clock.advance(Duration::from_secs(15));
/// assert_eq!(clock.now(), Duration::from_secs(15));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the time on, in steps of a millisecond.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn since_1970(&self) -> Duration {
        self.now()
    }
}

/// Whole milliseconds, the hub's own unit of time.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
