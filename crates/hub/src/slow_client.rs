//! The limits of a client that does not take what it is offered.

use crate::clock::millis;
use crate::config::Policy;
use crate::private_queue::PrivateQueue;
use crate::stats::Reason;
use crate::subscriber::Subscriber;
use crate::sync::Arc;

impl Subscriber {
    /// Looks at a subscriber that does not take what waits for it. Past a limit the policy decides: `Err` is the
    /// reason to disconnect it for; otherwise it may have jumped to the head. `Ok` is how many bytes wait, those of
    /// a replay among them; with none its cursor holds nothing back.
    ///
    /// The limits: so many bytes, once it has been full for a second without having taken what it was offered before; a
    /// time without progress; and as many bytes as the hub's backlog may have, at any time.
    ///
    /// # Errors
    /// [`Reason::Lagged`]; [`Reason::Error`] in a child of the reader's process.
    pub fn check_lag(&mut self) -> Result<u64, Reason> {
        if !self.registration.hub.is_here() {
            return Err(Reason::Error);
        }
        if !self.is_private() && self.registration.hub.log().is_of_other_life(self.cursor) {
            self.begin_again();
        }
        match self.waiting() {
            Some(bytes) => Ok(bytes),
            None if self.enforce_policy() => Ok(0),
            None => Err(Reason::Lagged),
        }
    }

    /// How many bytes wait for a subscriber that is within its limits; `None` for one that is slow.
    fn waiting(&mut self) -> Option<u64> {
        let hub = Arc::clone(&self.registration.hub);
        let (limit, now) = (&hub.config.slow_client, hub.now());
        let private = self.private_bytes();
        let position = self.position();
        let log = hub.log();
        let lost = log.lost(position);
        let lag = log.lag(position, self.live_from) + private as u64;
        let waits = log.lag(position, 0) + private as u64;
        let head = log.head();
        drop(log);
        self.offer.renew(self.cursor, head, private, now);
        let still = now.saturating_sub(self.progressed_at);
        let slow = lost
            || lag > hub.config.lag_bound()
            || still > millis(limit.time)
            || (lag > limit.bytes as u64 && self.offer.is_late(limit, now));
        (!slow).then_some(waits)
    }

    /// Applies the policy to a subscriber over its limit. Returns whether it goes on.
    pub(crate) fn enforce_policy(&mut self) -> bool {
        let hub = Arc::clone(&self.registration.hub);
        if hub.config.slow_client.policy == Policy::Disconnect {
            self.reason = Reason::Lagged;
            // Nothing more is for it: it ends at once, and resumes when it comes back.
            *self.private_mut() = PrivateQueue { end: Some(0), ..PrivateQueue::default() };
            return false;
        }
        let log = hub.log();
        let (head, published) = (log.head(), log.published(&self.topics));
        drop(log);
        let missed = self.passed.map(|passed| published - passed);
        let given_up = self.private_bytes();
        self.offer.take_private(given_up);
        self.private_mut().skip(missed);
        self.passed = Some(published);
        self.cursor = self.cursor.max(head);
        self.progressed_at = hub.now();
        true
    }
}
