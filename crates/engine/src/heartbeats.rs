use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::connection::ConnectionId;

/// Heartbeats that are due within this part of their interval go out in one round, so that thousands of idle
/// connections cost a few rounds in an interval and not one each.
const PER_INTERVAL: u32 = 64;

/// How many heartbeats may wait for connections that are gone before they are cleared away.
const SPARE: usize = 64;

/// Which connections may be due for a heartbeat, and when.
///
/// Every connection stands here once, by the earliest time at which it may be due. What was sent since makes it later,
/// which is found out when its turn comes: sending costs nothing here.
pub(crate) struct Heartbeats {
    heap: BinaryHeap<Reverse<(Duration, ConnectionId)>>,
    interval: Duration,
}

impl Heartbeats {
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self { heap: BinaryHeap::new(), interval: interval.unwrap_or_default() }
    }

    pub(crate) fn push(&mut self, at: Duration, id: ConnectionId) {
        self.heap.push(Reverse((at, id)));
    }

    /// Takes the next connection that may be due by now, and the time at which it was.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<(Duration, ConnectionId)> {
        let Reverse((due, _)) = self.heap.peek()?;
        if *due > now {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| due)
    }

    /// Clears away those of connections that are gone, if they are many beside the `open` ones.
    pub(crate) fn tidy(&mut self, open: usize, is_open: impl Fn(ConnectionId) -> bool) {
        if self.heap.len() > 2 * open + SPARE {
            self.heap.retain(|Reverse((_, id))| is_open(*id));
            self.heap.shrink_to(2 * self.heap.len());
        }
    }

    /// When the next round for heartbeats is due. They wait for those that are due a little later: whole milliseconds,
    /// as the hub's time.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let slack = (self.interval / PER_INTERVAL).as_millis() as u64;
        self.heap.peek().map(|Reverse((at, _))| *at + Duration::from_millis(slack))
    }
}
