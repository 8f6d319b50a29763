use std::collections::BTreeSet;
use std::time::Duration;

use slab::Slab;
use ssecast_hub::{
    Batch, Error, Next, Policy, PrivateEvent, Reader, Reason, Subscriber, Subscription, TopicChange, TopicKey,
};

use crate::connection::{Connection, ConnectionId, Due};
use crate::heartbeats::Heartbeats;
use crate::ready_queue::{Offered, ReadyQueue};
use crate::topic_index::TopicIndex;

/// How often connections that take nothing are looked at.
const LAG_CHECK: Duration = Duration::from_millis(250);

/// The connections of one reader, and which of them have something to do.
///
/// One thread owns a set of connections. Both ways out stand on it: they ask [`next`](Self::next) until there is
/// nothing, and say with [`block`](Self::block) which connections can't take more.
pub(crate) struct ConnectionSet<S> {
    connections: Slab<Connection<S>>,
    topics: TopicIndex,
    ready: ReadyQueue,
    blocked: BTreeSet<usize>,
    heartbeats: Heartbeats,
    lag_checked: Duration,
    changed: Vec<TopicKey>,
    head: u64,
    /// The hub knows that every connection is past this.
    noted: u64,
    /// The connections that took nothing at the last look.
    lag: Lag,
    closing: Option<Duration>,
    generation: u32,
    ended: Vec<Ended<S>>,
    reader: Reader,
}

/// The connections that have something to take and do not.
#[derive(Default)]
struct Lag {
    connections: u64,
    /// What waits for the slowest.
    bytes: u64,
}

impl Lag {
    fn add(&mut self, bytes: u64) {
        self.connections += u64::from(bytes > 0);
        self.bytes = self.bytes.max(bytes);
    }
}

/// What a delivery has to do for a connection.
pub(crate) enum Work<'a, S> {
    /// Send this, and [block](ConnectionSet::block) the connection if it does not take all of it.
    Send(&'a mut Connection<S>, Batch),
    End(Ended<S>),
}

/// A connection that is gone from the set.
pub(crate) struct Ended<S> {
    pub(crate) id: ConnectionId,
    pub(crate) reason: Reason,
    /// It may not have taken all that it was given.
    pub(crate) cut: bool,
    pub(crate) buffer: S,
}

/// What came of asking a connection.
enum Asked<S> {
    Nothing,
    Send(Batch),
    End(Ended<S>),
}

impl<S> ConnectionSet<S> {
    pub(crate) fn new(reader: Reader) -> Self {
        Self {
            connections: Slab::new(),
            topics: TopicIndex::default(),
            ready: ReadyQueue::default(),
            blocked: BTreeSet::new(),
            heartbeats: Heartbeats::new(reader.config().heartbeat),
            lag_checked: Duration::ZERO,
            changed: Vec::new(),
            head: 0,
            noted: 0,
            lag: Lag::default(),
            closing: None,
            generation: 0,
            ended: Vec::new(),
            reader,
        }
    }

    /// Registers a connection, which is looked at in the next round.
    pub(crate) fn open(&mut self, subscription: &Subscription<'_>, buffer: S) -> Result<ConnectionId, Error> {
        let subscriber = self.reader.subscribe(subscription)?;
        Ok(self.insert(subscriber, buffer))
    }

    /// Takes over a subscriber of this set's reader.
    pub(crate) fn insert(&mut self, subscriber: Subscriber, buffer: S) -> ConnectionId {
        let entry = self.connections.vacant_entry();
        self.generation = self.generation.wrapping_add(1);
        let id = ConnectionId::new(entry.key(), self.generation);
        self.topics.insert(id.index(), subscriber.topics());
        let offered = subscriber.live_from();
        entry.insert(Connection { id, subscriber, buffer, offered, ready: false, blocked: false, due: None });
        self.await_silence(id);
        self.make_ready(id.index(), 0);
        id
    }

    /// The connection, if it is still open.
    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<&mut Connection<S>> {
        self.connections.get_mut(id.index()).filter(|connection| connection.id == id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Looks at a connection in the next round, which has been offered everything up to a sequence number.
    fn make_ready(&mut self, index: usize, offered: u64) {
        if let Some(connection) = self.connections.get_mut(index) {
            self.ready.push(connection, offered);
        }
    }

    /// The same for one that was offered everything: it is up to date, or takes nothing.
    fn make_ready_again(&mut self, index: usize) {
        self.make_ready(index, self.head);
    }

    /// Ends a connection at once, for a reason to count.
    pub(crate) fn remove(&mut self, id: ConnectionId, reason: Reason) -> Option<S> {
        let (mut subscriber, buffer) = self.take_out(id)?;
        subscriber.set_reason(reason);
        Some(buffer)
    }

    /// Takes a connection out that goes on elsewhere.
    pub(crate) fn take_out(&mut self, id: ConnectionId) -> Option<(Subscriber, S)> {
        self.get(id)?;
        let Connection { subscriber, buffer, .. } = self.connections.remove(id.index());
        self.topics.remove(id.index(), subscriber.topics());
        self.blocked.remove(&id.index());
        let connections = &self.connections;
        let is_open = |id: ConnectionId| connections.get(id.index()).is_some_and(|open| open.id == id);
        self.heartbeats.tidy(connections.len(), is_open);
        Some((subscriber, buffer))
    }

    /// Sends an event to one connection; one that is over its limit by it ends.
    pub(crate) fn send(&mut self, id: ConnectionId, event: PrivateEvent) -> bool {
        let Some(connection) = self.get(id) else { return false };
        let sent = connection.subscriber.queue(event);
        if !sent && connection.subscriber.reason() == Reason::Lagged {
            self.end(id, Reason::Lagged);
        }
        self.make_ready_again(id.index());
        sent
    }

    /// Ends a connection once everything is out that was published up to a sequence number, or sent before.
    pub(crate) fn finish(&mut self, id: ConnectionId, reason: Reason, last: u64) {
        if let Some(connection) = self.get(id) {
            connection.subscriber.end_after(reason, last);
            self.make_ready_again(id.index());
        }
    }

    pub(crate) fn change_topics(
        &mut self,
        id: ConnectionId,
        add: &[&str],
        remove: &[&str],
    ) -> Result<bool, Error> {
        let change = self.reader.registrar().change_topics(add, remove)?;
        Ok(self.apply(id, change))
    }

    /// Makes a change of topics. Returns whether the connection is still there.
    pub(crate) fn apply(&mut self, id: ConnectionId, change: TopicChange) -> bool {
        let Some(connection) = self.get(id) else { return false };
        let before = connection.subscriber.topics().to_vec();
        connection.subscriber.apply(change);
        let after = connection.subscriber.topics().to_vec();
        self.topics.remove(id.index(), &before);
        self.topics.insert(id.index(), &after);
        self.make_ready_again(id.index());
        true
    }

    /// Sends a connection a heartbeat in the next round, unless there is something else to send.
    #[cfg(unix)]
    pub(crate) fn probe(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get(id) {
            connection.due.get_or_insert(Due::Question);
            self.make_ready_again(id.index());
        }
    }

    /// Leaves a connection alone until it is unblocked, but for its lag limits: it is full.
    pub(crate) fn block(&mut self, id: ConnectionId) {
        self.stop(id, true);
    }

    /// Leaves a connection alone until it is unblocked, because the host has still something to do.
    pub(crate) fn hold(&mut self, id: ConnectionId) {
        self.stop(id, false);
    }

    fn stop(&mut self, id: ConnectionId, full: bool) {
        let Self { connections, reader, blocked, .. } = self;
        if let Some(connection) = connections.get_mut(id.index()).filter(|connection| connection.id == id) {
            connection.blocked = true;
            reader.stop(&mut connection.subscriber, full);
            blocked.insert(id.index());
        }
        // No other connection has a turn to wait for.
        if self.ready.remove_only(id.index()) {
            self.ask(id.index());
            self.note_turn();
        }
    }

    /// The connection took what it was given.
    pub(crate) fn unblock(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get(id) {
            connection.blocked = false;
            connection.subscriber.go_on();
            self.blocked.remove(&id.index());
            self.make_ready_again(id.index());
        }
    }

    /// Begins a round: finds the connections that something was published for. What is published later waits for
    /// the next round.
    ///
    /// A thread that takes orders from others takes them before this, and none is given in between: then what a host's
    /// thread publishes and orders is carried out in the order of its calls.
    pub(crate) fn look(&mut self) {
        let offered = self.head;
        self.head = self.reader.changed(&mut self.changed);
        let Self { changed, topics, connections, ready, .. } = self;
        for topic in changed.drain(..) {
            for index in topics.members(topic) {
                if let Some(connection) = connections.get_mut(index) {
                    ready.push(connection, offered);
                }
            }
        }
        if self.ready.begin() {
            self.reader.note_offered(Some(offered));
        }
    }

    /// Notes that one of those that were ready has had its turn.
    fn note_turn(&mut self) {
        let connections = &self.connections;
        let offered = self.ready.note_turn(|index| {
            let connection = connections.get(index).filter(|connection| !connection.blocked)?;
            Some(connection.offered.max(connection.subscriber.cursor()))
        });
        if let Offered::Through(behind) = offered {
            self.reader.note_offered(behind);
        }
    }

    /// Finds the connections that time has passed for.
    pub(crate) fn keep_time(&mut self) {
        let now = self.reader.keep_time();
        self.find_silent(now);
        match (self.closing, self.reader.closing_in_round()) {
            (None, Some(deadline)) => {
                self.closing = Some(deadline);
                let Self { connections, ready, head, .. } = self;
                connections.iter_mut().for_each(|(_, connection)| ready.push(connection, *head));
            }
            (Some(deadline), _) if deadline <= now => self.end_all(Reason::Shutdown),
            _ => {}
        }
    }

    fn await_silence(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get(id)
            && let Some(at) = connection.subscriber.heartbeat_at()
        {
            self.heartbeats.push(at, id);
        }
    }

    fn find_silent(&mut self, now: Duration) {
        while let Some((due, id)) = self.heartbeats.pop(now) {
            let Some(connection) = self.get(id) else { continue };
            let Some(at) = connection.subscriber.heartbeat_at() else { continue };
            if at <= now && !connection.blocked {
                connection.due = Some(Due::Silence);
                self.make_ready_again(id.index());
                continue;
            }
            // Something was sent since then; or nothing can be sent now, and silence is not what ails it.
            let at = if at > now { at } else { now + LAG_CHECK.max(now.saturating_sub(due)) };
            self.heartbeats.push(at, id);
        }
    }

    /// How long a client may take nothing.
    #[cfg(unix)]
    pub(crate) fn patience(&self) -> Duration {
        self.reader.config().slow_client.time
    }

    #[cfg(unix)]
    pub(crate) fn skips(&self) -> bool {
        self.reader.config().slow_client.policy == Policy::Skip
    }

    pub(crate) fn is_check_due(&self) -> bool {
        self.reader.now() >= self.lag_checked + LAG_CHECK
    }

    /// Applies the lag limits to the connections that take nothing.
    ///
    /// `is_gone` says whether a client that skips is one that no longer answers: it has no other end.
    pub(crate) fn check_lag(&mut self, is_gone: impl Fn(&S) -> bool) {
        self.lag_checked = self.reader.now();
        self.lag = Lag::default();
        for index in self.blocked.clone() {
            let connection = &mut self.connections[index];
            let id = connection.id;
            match connection.subscriber.check_lag() {
                // All that waited was skipped.
                Ok(0) if is_gone(&connection.buffer) => self.end(id, Reason::Client),
                Ok(bytes) => self.lag.add(bytes),
                Err(reason) => self.end(id, reason),
            }
        }
    }

    /// Tells the hub up to where every connection is, as of the end of the last round. `on_the_way` are the sequence
    /// numbers after which something is wanted by what has still to come here.
    pub(crate) fn note_progress(&mut self, on_the_way: impl Iterator<Item = u64>) {
        // The others were asked until they had nothing.
        let behind = self.ready.iter().chain(&self.blocked);
        let cursor = |index: &usize| Some(self.connections.get(*index)?.subscriber.cursor());
        self.noted = behind.filter_map(cursor).chain(on_the_way).fold(self.head, u64::min);
        self.reader.note_progress(self.noted, self.lag.connections, self.lag.bytes);
    }

    /// Ends a connection that does not get everything.
    fn end(&mut self, id: ConnectionId, reason: Reason) {
        let blocked = self.blocked.contains(&id.index());
        if let Some(buffer) = self.remove(id, reason) {
            let cut = blocked || reason == Reason::Lagged;
            self.ended.push(Ended { id, reason, cut, buffer });
        }
    }

    fn end_all(&mut self, reason: Reason) {
        let all: Vec<ConnectionId> = self.connections.iter().map(|(_, connection)| connection.id).collect();
        all.into_iter().for_each(|id| self.end(id, reason));
    }

    /// What is next, for any connection; `None` ends the round.
    pub(crate) fn next(&mut self) -> Option<Work<'_, S>> {
        while self.has_ready() {
            match self.turn() {
                (_, Asked::Nothing) => {}
                (index, Asked::Send(batch)) => return Some(Work::Send(&mut self.connections[index], batch)),
                (_, Asked::End(ended)) => return Some(Work::End(ended)),
            }
        }
        None
    }

    /// Asks the connection that waited longest what it has to do. It may have nothing.
    pub(crate) fn visit(&mut self) -> Option<Work<'_, S>> {
        match self.turn() {
            (_, Asked::Nothing) => None,
            (index, Asked::Send(batch)) => Some(Work::Send(&mut self.connections[index], batch)),
            (_, Asked::End(ended)) => Some(Work::End(ended)),
        }
    }

    fn turn(&mut self) -> (usize, Asked<S>) {
        if let Some(ended) = self.ended.pop() {
            return (0, Asked::End(ended));
        }
        let Some(index) = self.ready.pop() else { return (0, Asked::Nothing) };
        let asked = self.ask(index);
        self.note_turn();
        (index, asked)
    }

    fn ask(&mut self, index: usize) -> Asked<S> {
        let Some(connection) = self.connections.get_mut(index) else { return Asked::Nothing };
        connection.ready = false;
        if connection.blocked {
            return Asked::Nothing;
        }
        let id = connection.id;
        let (batch, due) = match self.reader.next_in_round(&mut connection.subscriber) {
            Next::Batch(batch) => {
                // A closing hub has more to say to each: the farewell, and then the end.
                if self.closing.is_some() || !connection.subscriber.is_past(self.head) {
                    self.ready.push(connection, 0);
                }
                (batch, connection.due.take())
            }
            Next::End(reason) => {
                let Some(buffer) = self.remove(id, reason) else { return Asked::Nothing };
                return Asked::End(Ended { id, reason, cut: reason == Reason::Lagged, buffer });
            }
            Next::Idle => match connection.due.take() {
                None => return Asked::Nothing,
                due => (connection.subscriber.heartbeat(), due),
            },
        };
        if due == Some(Due::Silence) {
            self.await_silence(id);
        }
        Asked::Send(batch)
    }

    /// How many visits it takes until none is left of those that are ready now.
    pub(crate) fn waiting(&self) -> usize {
        self.ready.len() + self.ended.len()
    }

    /// Whether the round is not over: some connection has more to send.
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
        let heartbeat = self.heartbeats.deadline();
        // What was said of those that lagged must be taken back, too, when they no longer do.
        let check = !self.blocked.is_empty() || self.lag.connections > 0 || self.noted < self.head;
        let lag_check = check.then_some(self.lag_checked + LAG_CHECK);
        [heartbeat, lag_check, self.closing].into_iter().flatten().min()
    }
}
