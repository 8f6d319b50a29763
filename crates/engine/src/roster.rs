use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use slab::Slab;
use ssecast_hub::{Batch, Error, Event, Next, Reader, Reason, Subscription, TopicKey};

use crate::connection::{Connection, ConnectionId};

/// How often connections that take nothing are looked at.
const LAG_CHECK: Duration = Duration::from_millis(250);

/// The connections of one reader, and which of them have something to do.
///
/// One thread owns a roster. It serves both ways out: whoever delivers asks [`next`](Self::next) until there is
/// nothing, and says with [`block`](Self::block) which connections can't take more.
#[derive(Debug)]
pub(crate) struct Roster {
    connections: Slab<Connection>,
    by_topic: HashMap<TopicKey, HashSet<usize>>,
    ready: VecDeque<usize>,
    blocked: BTreeSet<usize>,
    /// Every connection once, by the earliest time at which it may be due. What was sent since makes it later,
    /// which is found out when its turn comes: sending costs nothing here.
    heartbeats: BinaryHeap<Reverse<(Duration, ConnectionId)>>,
    lag_checked: Duration,
    changed: Vec<TopicKey>,
    head: u64,
    closing: Option<Duration>,
    generation: u32,
    ended: Vec<(ConnectionId, Reason)>,
    reader: Reader,
}

/// What a delivery has to do for a connection.
#[derive(Debug)]
pub(crate) enum Work {
    Send(Batch),
    End(Reason),
}

impl Roster {
    pub(crate) fn new(reader: Reader) -> Self {
        Self {
            connections: Slab::new(),
            by_topic: HashMap::new(),
            ready: VecDeque::new(),
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

    pub(crate) fn open(&mut self, subscription: &Subscription<'_>) -> Result<ConnectionId, Error> {
        let subscriber = self.reader.subscribe(subscription)?;
        let entry = self.connections.vacant_entry();
        self.generation = self.generation.wrapping_add(1);
        let id = ConnectionId::new(entry.key(), self.generation);
        for topic in subscriber.topics() {
            self.by_topic.entry(*topic).or_default().insert(id.index());
        }
        entry.insert(Connection { id, subscriber, ready: false, blocked: false, silent: false });
        self.await_silence(id);
        self.make_ready(id.index());
        Ok(id)
    }

    /// The connection and the reader that moves it, if it is still open.
    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<(&mut Connection, &mut Reader)> {
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

    /// Takes a connection out, for a reason to count.
    pub(crate) fn remove(&mut self, id: ConnectionId, reason: Reason) {
        let Some((connection, _)) = self.get(id) else { return };
        connection.subscriber.set_reason(reason);
        let connection = self.connections.remove(id.index());
        self.unindex(id, connection.subscriber.topics());
        self.blocked.remove(&id.index());
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
    pub(crate) fn send(&mut self, id: ConnectionId, event: &Event<'_>) -> Result<bool, Error> {
        let Some((connection, reader)) = self.get(id) else { return event.validate().map(|()| false) };
        let sent = reader.send(&mut connection.subscriber, event)?;
        if !sent && connection.subscriber.reason() == Reason::Lagged {
            self.end(id, Reason::Lagged);
        }
        self.make_ready(id.index());
        Ok(sent)
    }

    /// Ends a connection once all that it was sent before is out.
    pub(crate) fn finish(&mut self, id: ConnectionId, reason: Reason) {
        if let Some((connection, reader)) = self.get(id) {
            reader.end(&mut connection.subscriber, reason);
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
        if now >= self.lag_checked + LAG_CHECK {
            self.check_lag(now);
        }
        let mut changed = std::mem::take(&mut self.changed);
        self.head = self.reader.changed(&mut changed);
        for topic in changed.drain(..) {
            let members: Vec<usize> = self.by_topic.get(&topic).into_iter().flatten().copied().collect();
            members.into_iter().for_each(|index| self.make_ready(index));
        }
        self.changed = changed;
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

    /// Applies the lag limits, and tells the hub up to where everybody is, as of the end of the last round.
    fn check_lag(&mut self, now: Duration) {
        self.lag_checked = now;
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

    fn end(&mut self, id: ConnectionId, reason: Reason) {
        self.remove(id, reason);
        self.ended.push((id, reason));
    }

    fn end_all(&mut self, reason: Reason) {
        let all: Vec<ConnectionId> = self.connections.iter().map(|(_, connection)| connection.id).collect();
        all.into_iter().for_each(|id| self.end(id, reason));
    }

    /// What is next, for any connection; `None` ends the round. Whoever gets a batch blocks the connection if not
    /// all of it was taken.
    pub(crate) fn next(&mut self) -> Option<(ConnectionId, Work)> {
        loop {
            if let Some((id, reason)) = self.ended.pop() {
                return Some((id, Work::End(reason)));
            }
            let index = self.ready.pop_front()?;
            let Some(connection) = self.connections.get_mut(index) else { continue };
            connection.ready = false;
            if connection.blocked {
                continue;
            }
            let id = connection.id;
            match self.reader.next(&mut connection.subscriber) {
                Next::Batch(batch) => {
                    let silent = std::mem::take(&mut connection.silent);
                    if !connection.subscriber.is_past(self.head) {
                        self.make_ready(index);
                    }
                    if silent {
                        self.await_silence(id);
                    }
                    return Some((id, Work::Send(batch)));
                }
                Next::End(reason) => {
                    self.remove(id, reason);
                    return Some((id, Work::End(reason)));
                }
                Next::Idle if std::mem::take(&mut connection.silent) => {
                    let batch = self.reader.heartbeat(&mut connection.subscriber);
                    self.await_silence(id);
                    return Some((id, Work::Send(batch)));
                }
                Next::Idle => {}
            }
        }
    }

    /// Whether the round is not over: somebody has more to send.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.ended.is_empty()
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
