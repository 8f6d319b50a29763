use crate::config::SlowClient;

/// What a connection was offered when it was full, and for how long it has been full since: whether its client is slow by
/// the bytes that wait for it.
///
/// A burst is no lag: however much waits, the client first has the time to take what it was offered. What it takes is known
/// by a mark at the head of the log, and at the end of what was sent to it alone. Once it is past the mark, that moves to
/// where both end by then, and the time begins anew. A client that is not full does not use up its time: then it is the
/// hub's turn to offer.
///
/// Each connection has one, so it is small.
#[derive(Debug)]
pub(crate) struct Offer {
    /// It takes nothing for now, be it the client's or the host's doing.
    stopped: bool,
    /// How long it was full before: milliseconds since the mark.
    full_for: u32,
    /// Since when it has been full, or [`NOT_FULL`].
    full_since: u64,
    /// The mark: a sequence number, and how many bytes of its own are left before it.
    sequence: u64,
    private: usize,
}

const NOT_FULL: u64 = u64::MAX;

impl Default for Offer {
    fn default() -> Self {
        Self { stopped: false, full_for: 0, full_since: NOT_FULL, sequence: 0, private: 0 }
    }
}

impl Offer {
    /// Notes that the connection takes nothing; it is the client's doing if it is `full`.
    pub(crate) fn stop(&mut self, full: bool, now: u64) {
        self.stopped = true;
        if full && self.full_since == NOT_FULL {
            self.full_since = now;
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Notes that it takes again.
    pub(crate) fn go_on(&mut self, now: u64) {
        self.stopped = false;
        self.full_for = u32::try_from(self.full_time(now)).unwrap_or(u32::MAX);
        self.full_since = NOT_FULL;
    }

    /// Notes that so many bytes of its own were handed over, or given up.
    pub(crate) fn take_private(&mut self, bytes: usize) {
        self.private = self.private.saturating_sub(bytes);
    }

    /// Moves the mark to where everything ends now, if the connection is past it.
    pub(crate) fn renew(&mut self, cursor: u64, head: u64, private: usize, now: u64) {
        if cursor >= self.sequence && self.private == 0 {
            (self.sequence, self.private, self.full_for) = (head, private, 0);
            if self.full_since != NOT_FULL {
                self.full_since = now;
            }
        }
    }

    /// Whether it was full for longer than a client may be that has more than its limit waiting.
    pub(crate) fn is_late(&self, limit: &SlowClient, now: u64) -> bool {
        self.full_time(now) > limit.grace()
    }

    /// How long it has been full since the mark.
    fn full_time(&self, now: u64) -> u64 {
        u64::from(self.full_for)
            + if self.full_since == NOT_FULL { 0 } else { now.saturating_sub(self.full_since) }
    }
}
