use crate::config::SlowClient;

/// What a connection was offered when it was full, and for how long it has been full since: whether its client is slow by
/// the bytes that wait for it.
///
/// A burst is no lag: however much waits, the client first has the time to take what it was offered. What it takes is known
/// by a mark at the head of the log, and at the end of what was sent to it alone. Once it is past the mark, that moves to
/// where both end by then, and the time begins anew. A client that is not full does not use up its time: then it is the
/// hub's turn to offer.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    /// It takes nothing for now, be it the client's or the host's doing.
    stopped: bool,
    full_since: Option<u64>,
    /// How long it was full before: milliseconds since the mark.
    full_for: u64,
    /// The mark: a sequence number, and how many bytes of its own are left before it.
    sequence: u64,
    own: usize,
}

impl Offer {
    /// Notes that the connection takes nothing; it is the client's doing if it is `full`.
    pub(crate) fn stop(&mut self, full: bool, now: u64) {
        self.stopped = true;
        if full {
            self.full_since.get_or_insert(now);
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Notes that it takes again.
    pub(crate) fn go_on(&mut self, now: u64) {
        self.stopped = false;
        self.full_for += self.full_since.take().map_or(0, |since| now.saturating_sub(since));
    }

    /// Notes that so many bytes of its own were handed over, or given up.
    pub(crate) fn take_own(&mut self, bytes: usize) {
        self.own = self.own.saturating_sub(bytes);
    }

    /// Moves the mark to where everything ends now, if the connection is past it.
    pub(crate) fn renew(&mut self, cursor: u64, head: u64, own: usize, now: u64) {
        if cursor >= self.sequence && self.own == 0 {
            (self.sequence, self.own, self.full_for) = (head, own, 0);
            self.full_since = self.full_since.map(|_| now);
        }
    }

    /// Whether it was full for longer than a client may be that has more than its limit waiting.
    pub(crate) fn is_late(&self, limit: &SlowClient, now: u64) -> bool {
        self.full_for + self.full_since.map_or(0, |since| now.saturating_sub(since)) > limit.grace()
    }
}
