use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use ssecast_codec::Event;

use crate::clock::millis;
use crate::epoch::Epoch;
use crate::sync::{AtomicU64, Ordering};

/// Spreads the clients of a hub in time. If all came back at once after a shutdown, that would be the next outage: so each
/// gets a reconnection time of its own, between the configured one and twice as long.
#[derive(Debug)]
pub(crate) struct Jitter {
    retry: Option<Duration>,
    /// The state of a splitmix64 generator.
    state: AtomicU64,
}

impl Jitter {
    /// A hub with another epoch gives other times.
    pub(crate) fn new(retry: Option<Duration>, epoch: Epoch) -> Self {
        let mut hasher = DefaultHasher::new();
        epoch.hash(&mut hasher);
        Self { retry, state: AtomicU64::new(hasher.finish()) }
    }

    /// A reconnection time for one client; `None` if the hub tells none.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.retry_millis().map(Duration::from_millis)
    }

    /// The same, encoded; empty if the hub tells none.
    pub(crate) fn retry_block(&self) -> Vec<u8> {
        let Some(retry) = self.retry_millis() else { return Vec::new() };
        Event { retry: Some(retry), ..Event::default() }.encode().unwrap_or_default()
    }

    fn retry_millis(&self) -> Option<u64> {
        let retry = millis(self.retry?);
        Some(retry.saturating_add(self.random() % retry.max(1)))
    }

    fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut number = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }
}
