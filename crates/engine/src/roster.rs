use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use slab::Slab;
use ssecast_hub::{Batch, Error, Next, PrivateEvent, Reader, Reason, Subscriber, Subscription, TopicKey};

use crate::connection::{Connection, ConnectionId};

/// How often connections that take nothing are looked at.
const LAG_CHECK: Duration = Duration::from_millis(250);

/// The connections of one reader, and which of them have something to do.
///
/// One thread owns a roster. It serves both ways out: whoever delivers asks [`next`](Self::next) until there is
/// nothing, and says with [`block`](Self::block) which connections can't take more.
pub(crate) struct Roster<S> {
    connections: Slab<Connection<S>>,
    by_topic: HashMap<TopicKey, HashSet<usize>>,
    ready: VecDeque<usize>,
    /// Those to look at in the next round, because something for them is after the head of this one.
    deferred: Vec<usize>,
    blocked: BTreeSet<usize>,
    /// Every connection once, by the earliest time at which it may be due. What was sent since makes it later,
    /// which is found out when its turn comes: sending costs nothing here.
    heartbeats: BinaryHeap<Reverse<(Duration, ConnectionId)>>,
    lag_checked: Duration,
    changed: Vec<TopicKey>,
    head: u64,
    closing: Option<Duration>,
    generation: u32,
    ended: Vec<(ConnectionId, Work<S>)>,
    reader: Reader,
}

/// What a delivery has to do for a connection.
pub(crate) enum Work<S> {
    Send(Batch),
    /// The connection is gone from the roster. It is `cut` if not all that it was given may have been taken.
    End {
        reason: Reason,
        cut: bool,
        sink: S,
    },
}

impl<S> Roster<S> {
    pub(crate) fn new(reader: Reader) -> Self {
        Self {
            connections: Slab::new(),
            by_topic: HashMap::new(),
            ready: VecDeque::new(),
            deferred: Vec::new(),
            blocked: BTreeSet::new(),
            heartbeats: BinaryHeap::new(),
            lag_checked: Duration::ZERO,
            changed: Vec::new(),
            head: 0,
            closing: None,
            generation: 0,
            ended: Vec::new(),
            reader,
        }
    }

    /// Registers a connection, which is looked at in the next round.
    pub(crate) fn open(&mut self, subscription: &Subscription<'_>, sink: S) -> Result<ConnectionId, Error> {
        let subscriber = self.reader.subscribe(subscription)?;
        Ok(self.insert(subscriber, sink))
    }

    /// Takes over a subscriber of this roster's reader.
    pub(crate) fn insert(&mut self, subscriber: Subscriber, sink: S) -> ConnectionId {
        let entry = self.connections.vacant_entry();
        self.generation = self.generation.wrapping_add(1);
        let id = ConnectionId::new(entry.key(), self.generation);
        for topic in subscriber.topics() {
            self.by_topic.entry(*topic).or_default().insert(id.index());
        }
        entry.insert(Connection { id, subscriber, sink, ready: false, blocked: false, silent: false });
        self.await_silence(id);
        self.make_ready(id.index());
        // What was published in this round before the subscriber was this reader's, nobody has announced.
        self.deferred.push(id.index());
        id
    }

    /// The connection and the reader that moves it, if it is still open.
    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<(&mut Connection<S>, &mut Reader)> {
        let connection = self.connections.get_mut(id.index()).filter(|connection| connection.id == id)?;
        Some((connection, &mut self.reader))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Looks at a connection in the next round.
    pub(crate) fn make_ready(&mut self, index: usize) {
        if let Some(connection) = self.connections.get_mut(index)
            && !connection.ready
            && !connection.blocked
        {
            connection.ready = true;
            self.ready.push_back(index);
        }
    }

    /// Ends a connection at once, for a reason to count.
    pub(crate) fn remove(&mut self, id: ConnectionId, reason: Reason) -> Option<S> {
        let (mut subscriber, sink) = self.take_out(id)?;
        subscriber.set_reason(reason);
        Some(sink)
    }

    /// Takes a connection out that goes on elsewhere.
    pub(crate) fn take_out(&mut self, id: ConnectionId) -> Option<(Subscriber, S)> {
        self.get(id)?;
        let Connection { subscriber, sink, .. } = self.connections.remove(id.index());
        self.unindex(id, subscriber.topics());
        self.blocked.remove(&id.index());
        Some((subscriber, sink))
    }

    fn unindex(&mut self, id: ConnectionId, topics: &[TopicKey]) {
        for topic in topics {
            if let Some(members) = self.by_topic.get_mut(topic) {
                members.remove(&id.index());
                if members.is_empty() {
                    self.by_topic.remove(topic);
                }
            }
        }
    }

    /// Sends an event to one connection; one that is over its limit by it ends.
    pub(crate) fn send(&mut self, id: ConnectionId, event: PrivateEvent) -> bool {
        let Some((connection, reader)) = self.get(id) else { return false };
        let sent = reader.queue(&mut connection.subscriber, event);
        if !sent && connection.subscriber.reason() == Reason::Lagged {
            self.end(id, Reason::Lagged);
        }
        self.make_ready(id.index());
        sent
    }

    /// Ends a connection once all is out that it was sent before, and that was published up to a sequence number.
    pub(crate) fn finish(&mut self, id: ConnectionId, reason: Reason, after: u64) {
        if let Some((connection, reader)) = self.get(id) {
            reader.end_after(&mut connection.subscriber, reason, after);
            self.make_ready(id.index());
        }
    }

    pub(crate) fn change_topics(
        &mut self,
        id: ConnectionId,
        add: &[&str],
        remove: &[&str],
    ) -> Result<bool, Error> {
        let Some((connection, reader)) = self.get(id) else { return Ok(false) };
        let before = connection.subscriber.topics().to_vec();
        reader.change_topics(&mut connection.subscriber, add, remove)?;
        let after = connection.subscriber.topics().to_vec();
        self.unindex(id, &before);
        for topic in after {
            self.by_topic.entry(topic).or_default().insert(id.index());
        }
        self.make_ready(id.index());
        Ok(true)
    }

    /// Leaves a connection alone until it is unblocked, but for its lag limit.
    pub(crate) fn block(&mut self, id: ConnectionId) {
        if let Some((connection, _)) = self.get(id) {
            connection.blocked = true;
            self.blocked.insert(id.index());
        }
    }

    /// The connection took what it was given.
    pub(crate) fn unblock(&mut self, id: ConnectionId) {
        if let Some((connection, reader)) = self.get(id) {
            connection.blocked = false;
            reader.progress(&mut connection.subscriber);
            self.blocked.remove(&id.index());
            self.make_ready(id.index());
        }
    }

    /// Begins a round: finds the connections that something was published for, and those that time has passed for.
    pub(crate) fn begin(&mut self) {
        let now = self.reader.now();
        let mut changed = std::mem::take(&mut self.changed);
        self.head = self.reader.changed(&mut changed);
        for topic in changed.drain(..) {
            let members: Vec<usize> = self.by_topic.get(&topic).into_iter().flatten().copied().collect();
            members.into_iter().for_each(|index| self.make_ready(index));
        }
        self.changed = changed;
        std::mem::take(&mut self.deferred).into_iter().for_each(|index| self.make_ready(index));
        self.find_silent(now);
        match (self.closing, self.reader.closing()) {
            (None, Some(deadline)) => {
                self.closing = Some(deadline);
                let all: Vec<usize> = self.connections.iter().map(|(index, _)| index).collect();
                all.into_iter().for_each(|index| self.make_ready(index));
            }
            (Some(deadline), _) if deadline <= now => self.end_all(Reason::Shutdown),
            _ => {}
        }
    }

    fn await_silence(&mut self, id: ConnectionId) {
        if let Some((connection, reader)) = self.get(id)
            && let Some(at) = reader.heartbeat_at(&connection.subscriber)
        {
            self.heartbeats.push(Reverse((at, id)));
        }
    }

    fn find_silent(&mut self, now: Duration) {
        while let Some(Reverse((due, id))) =
            self.heartbeats.peek().copied().filter(|Reverse((due, _))| *due <= now)
        {
            self.heartbeats.pop();
            let Some((connection, reader)) = self.get(id) else { continue };
            let Some(at) = reader.heartbeat_at(&connection.subscriber) else { continue };
            if at <= now && !connection.blocked {
                connection.silent = true;
                self.make_ready(id.index());
                continue;
            }
            // Something was sent since then; or nothing can be sent now, and silence is not what ails it.
            let at = if at > now { at } else { now + LAG_CHECK.max(now.saturating_sub(due)) };
            self.heartbeats.push(Reverse((at, id)));
        }
    }

    pub(crate) fn is_check_due(&self) -> bool {
        self.reader.now() >= self.lag_checked + LAG_CHECK
    }

    /// Applies the lag limits, and tells the hub up to where everybody is, as of the end of the last round.
    pub(crate) fn check(&mut self) {
        self.lag_checked = self.reader.now();
        let (mut lagging, mut slowest, mut passed) = (0, 0, self.head);
        for index in self.blocked.clone() {
            let connection = &mut self.connections[index];
            let id = connection.id;
            match self.reader.check_lag(&mut connection.subscriber) {
                Ok(0) => {}
                Ok(bytes) => {
                    lagging += 1;
                    slowest = bytes.max(slowest);
                    passed = passed.min(connection.subscriber.cursor());
                }
                Err(reason) => self.end(id, reason),
            }
        }
        for index in &self.ready {
            passed = self
                .connections
                .get(*index)
                .map_or(passed, |connection| passed.min(connection.subscriber.cursor()));
        }
        self.reader.note_progress(passed, lagging, slowest);
    }

    /// Ends a connection that does not get everything.
    fn end(&mut self, id: ConnectionId, reason: Reason) {
        let blocked = self.blocked.contains(&id.index());
        if let Some(sink) = self.remove(id, reason) {
            let cut = blocked || reason == Reason::Lagged;
            self.ended.push((id, Work::End { reason, cut, sink }));
        }
    }

    fn end_all(&mut self, reason: Reason) {
        let all: Vec<ConnectionId> = self.connections.iter().map(|(_, connection)| connection.id).collect();
        all.into_iter().for_each(|id| self.end(id, reason));
    }

    /// What is next, for any connection; `None` ends the round. Whoever gets a batch blocks the connection if not
    /// all of it was taken.
    pub(crate) fn next(&mut self) -> Option<(ConnectionId, Work<S>)> {
        loop {
            if let Some(ended) = self.ended.pop() {
                return Some(ended);
            }
            let index = self.ready.pop_front()?;
            let Some(connection) = self.connections.get_mut(index) else { continue };
            connection.ready = false;
            if connection.blocked {
                continue;
            }
            let id = connection.id;
            match self.reader.next_through(&mut connection.subscriber, self.head) {
                Next::Batch(batch) => {
                    let silent = std::mem::take(&mut connection.silent);
                    // A closing hub has more to say to everybody: the farewell, and then the end.
                    if self.closing.is_some() || !connection.subscriber.is_past(self.head) {
                        self.make_ready(index);
                    }
                    if silent {
                        self.await_silence(id);
                    }
                    return Some((id, Work::Send(batch)));
                }
                Next::End(reason) => {
                    let sink = self.remove(id, reason)?;
                    return Some((id, Work::End { reason, cut: reason == Reason::Lagged, sink }));
                }
                Next::Idle if std::mem::take(&mut connection.silent) => {
                    let batch = self.reader.heartbeat(&mut connection.subscriber);
                    self.await_silence(id);
                    return Some((id, Work::Send(batch)));
                }
                Next::Idle if !connection.subscriber.is_past(self.head) => self.deferred.push(index),
                Next::Idle => {}
            }
        }
    }

    /// Whether the round is not over: somebody has more to send.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.ended.is_empty() || !self.deferred.is_empty()
    }

    pub(crate) fn now(&self) -> Duration {
        self.reader.now()
    }

    /// When the next round is due even if nothing is published, in the hub's time.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        if self.connections.is_empty() {
            return None;
        }
        let heartbeat = self.heartbeats.peek().map(|Reverse((at, _))| *at);
        let lag_check = (!self.blocked.is_empty()).then_some(self.lag_checked + LAG_CHECK);
        [heartbeat, lag_check, self.closing].into_iter().flatten().min()
    }
}
