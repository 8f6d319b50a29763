use std::time::Duration;

use crate::options::Retry;

/// The waits between connections.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    /// The connections that were lost since the last event.
    losses: u32,
    random: u64,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        Self { losses: 0, random: seed }
    }

    /// An event came: the server works.
    pub(crate) fn reset(&mut self) {
        self.losses = 0;
    }

    /// The next wait. `stated` is the reconnection time that the stream has set.
    pub(crate) fn next(&mut self, retry: &Retry, stated: Option<Duration>) -> Duration {
        let base = stated.unwrap_or(retry.first).max(Retry::SHORTEST);
        let growth = retry.growth.powi(i32::try_from(self.losses).unwrap_or(i32::MAX));
        self.losses = self.losses.saturating_add(1);
        let longest = retry.longest.max(base).as_secs_f64();
        let wait = (base.as_secs_f64() * growth).min(longest);
        let jitter = wait * retry.jitter * self.fraction();
        Duration::try_from_secs_f64(wait + jitter).unwrap_or(Duration::MAX)
    }

    /// A number from 0 to 1: splitmix64.
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.random;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^= number >> 31;
        f64::from((number >> 32) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(retry: &Retry, stated: Option<u64>, count: usize) -> Vec<u128> {
        let mut backoff = Backoff::new(7);
        let stated = stated.map(Duration::from_millis);
        (0..count).map(|_| backoff.next(retry, stated).as_millis()).collect()
    }

    #[test]
    fn waits_grow_to_the_longest_one() {
        let retry = Retry { jitter: 0.0, longest: Duration::from_secs(10), ..Retry::default() };
        assert_eq!(waits(&retry, None, 5), [2000, 4000, 8000, 10_000, 10_000]);
    }

    #[test]
    fn an_event_makes_waits_short_again() {
        let retry = Retry { jitter: 0.0, ..Retry::default() };
        let mut backoff = Backoff::new(0);
        backoff.next(&retry, None);
        backoff.next(&retry, None);
        backoff.reset();
        assert_eq!(backoff.next(&retry, None), Duration::from_secs(2));
    }

    #[test]
    fn a_reconnection_time_of_zero_is_no_wait_of_zero() {
        let retry = Retry { jitter: 0.0, ..Retry::default() };
        assert_eq!(waits(&retry, Some(0), 3), [100, 200, 400]);
    }

    #[test]
    fn a_reconnection_time_beyond_the_longest_wait_still_holds() {
        let retry = Retry { jitter: 0.0, ..Retry::default() };
        assert_eq!(waits(&retry, Some(60_000), 2), [60_000, 60_000]);
        assert!(waits(&retry, Some(u64::MAX), 1)[0] >= u128::from(u64::MAX));
    }

    #[test]
    fn jitter_makes_a_wait_longer_and_never_shorter() {
        let retry = Retry { growth: 1.0, ..Retry::default() };
        let waits = waits(&retry, None, 200);
        assert!(waits.iter().all(|wait| (2000..=3000).contains(wait)), "{waits:?}");
        assert!(waits.iter().min() < waits.iter().max());
    }

    #[test]
    fn ten_thousand_losses_overflow_nothing() {
        let retry = Retry { jitter: 0.0, ..Retry::default() };
        assert_eq!(*waits(&retry, None, 10_000).last().unwrap(), 30_000);
    }
}
