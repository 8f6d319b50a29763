use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use slab::Slab;
use ssecast_hub::{
    Batch, Error, Next, Policy, PrivateEvent, Reader, Reason, Subscriber, Subscription, TopicChange, TopicKey,
};

use crate::connection::{Connection, ConnectionId, Due};

/// How often connections that take nothing are looked at.
const LAG_CHECK: Duration = Duration::from_millis(250);

/// Heartbeats that are due within this part of their interval go out in one round, so that thousands of idle
/// connections cost a few rounds in an interval and not one each.
const HEARTBEATS_PER_INTERVAL: u32 = 64;

/// How many heartbeats may wait for connections that are gone before they are cleared away.
const SPARE_HEARTBEATS: usize = 64;

/// The connections of one reader, and which of them have something to do.
///
/// One thread owns a set of connections. It serves both ways out: whoever delivers asks [`next`](Self::next) until there is
/// nothing, and says with [`block`](Self::block) which connections can't take more.
pub(crate) struct ConnectionSet<S> {
    connections: Slab<Connection<S>>,
    by_topic: HashMap<TopicKey, HashSet<u32>>,
    ready: VecDeque<usize>,
    /// How many visits it takes until those who are ready have each had a turn since the hub was last told how far they
    /// are; `None` if it was told that nobody is behind.
    turns: Option<usize>,
    blocked: BTreeSet<usize>,
    /// Every connection once, by the earliest time at which it may be due. What was sent since makes it later,
    /// which is found out when its turn comes: sending costs nothing here.
    heartbeats: BinaryHeap<Reverse<(Duration, ConnectionId)>>,
    lag_checked: Duration,
    changed: Vec<TopicKey>,
    head: u64,
    /// The hub knows that everybody is past this.
    noted: u64,
    /// The connections that took nothing at the last look.
    lag: Lag,
    heartbeat: Option<Duration>,
    closing: Option<Duration>,
    generation: u32,
    ended: Vec<(ConnectionId, Work<S>)>,
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

/// Queues a connection that has been offered everything up to a sequence number, unless it is queued already.
fn make_ready<S>(
    connections: &mut Slab<Connection<S>>,
    ready: &mut VecDeque<usize>,
    index: usize,
    offered: u64,
) {
    if let Some(connection) = connections.get_mut(index)
        && !connection.ready
        && !connection.blocked
    {
        connection.ready = true;
        connection.offered = connection.offered.max(offered);
        ready.push_back(index);
    }
}

/// What a delivery has to do for a connection.
pub(crate) enum Work<S> {
    Send(Batch),
    /// The connection is gone from the set of connections. It is `cut` if not all that it was given may have been taken.
    End {
        reason: Reason,
        cut: bool,
        buffer: S,
    },
}

impl<S> ConnectionSet<S> {
    pub(crate) fn new(reader: Reader) -> Self {
        Self {
            connections: Slab::new(),
            by_topic: HashMap::new(),
            ready: VecDeque::new(),
            turns: None,
            blocked: BTreeSet::new(),
            heartbeats: BinaryHeap::new(),
            lag_checked: Duration::ZERO,
            changed: Vec::new(),
            head: 0,
            noted: 0,
            lag: Lag::default(),
            heartbeat: reader.config().heartbeat,
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

    /// Takes over a subscriber of this set of connections's reader.
    pub(crate) fn insert(&mut self, subscriber: Subscriber, buffer: S) -> ConnectionId {
        let entry = self.connections.vacant_entry();
        self.generation = self.generation.wrapping_add(1);
        let id = ConnectionId::new(entry.key(), self.generation);
        for topic in subscriber.topics() {
            self.by_topic.entry(*topic).or_default().insert(id.index() as u32);
        }
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
        make_ready(&mut self.connections, &mut self.ready, index, offered);
    }

    /// The same for one that is up to date, or has only itself to blame that it is not.
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
        self.unindex(id, subscriber.topics());
        self.blocked.remove(&id.index());
        if self.heartbeats.len() > 2 * self.connections.len() + SPARE_HEARTBEATS {
            let connections = &self.connections;
            let is_open = |id: &ConnectionId| connections.get(id.index()).is_some_and(|open| open.id == *id);
            self.heartbeats.retain(|Reverse((_, id))| is_open(id));
            self.heartbeats.shrink_to(2 * self.heartbeats.len());
        }
        Some((subscriber, buffer))
    }

    fn unindex(&mut self, id: ConnectionId, topics: &[TopicKey]) {
        for topic in topics {
            if let Some(members) = self.by_topic.get_mut(topic) {
                members.remove(&(id.index() as u32));
                if members.is_empty() {
                    self.by_topic.remove(topic);
                }
            }
        }
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
        self.unindex(id, &before);
        for topic in after {
            self.by_topic.entry(topic).or_default().insert(id.index() as u32);
        }
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
        // Nobody else has a turn to wait for.
        if self.ready.len() == 1 && self.ready[0] == id.index() {
            self.ready.clear();
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
    /// A thread that takes orders from others takes them before this, and nobody gives one in between: then the
    /// order in which somebody publishes and gives orders is the order in which both are carried out.
    pub(crate) fn look(&mut self) {
        let offered = self.head;
        self.head = self.reader.changed(&mut self.changed);
        let Self { changed, by_topic, connections, ready, .. } = self;
        for topic in changed.drain(..) {
            for index in by_topic.get(&topic).into_iter().flatten() {
                make_ready(connections, ready, *index as usize, offered);
            }
        }
        if self.turns.is_none() && !self.ready.is_empty() {
            self.turns = Some(self.ready.len());
            self.reader.note_offered(Some(offered));
        }
    }

    /// Notes that one of those who were ready has had its turn. Who has been offered least is looked for once in as many
    /// turns as there are connections to look at.
    fn note_turn(&mut self) {
        if self.ready.is_empty() {
            if self.turns.take().is_some() {
                self.reader.note_offered(None);
            }
            return;
        }
        let turns = self.turns.map_or(self.ready.len(), |turns| turns.saturating_sub(1));
        self.turns = Some(turns);
        if turns > 0 {
            return;
        }
        let offered = |index: &usize| {
            let connection = self.connections.get(*index).filter(|connection| !connection.blocked)?;
            Some(connection.offered.max(connection.subscriber.cursor()))
        };
        let behind = self.ready.iter().filter_map(offered).min();
        self.turns = Some(self.ready.len());
        self.reader.note_offered(behind);
    }

    /// Finds the connections that time has passed for.
    pub(crate) fn keep_time(&mut self) {
        let now = self.reader.now();
        self.find_silent(now);
        match (self.closing, self.reader.closing_in_round()) {
            (None, Some(deadline)) => {
                self.closing = Some(deadline);
                let Self { connections, ready, .. } = self;
                let all: Vec<usize> = connections.iter().map(|(index, _)| index).collect();
                let head = self.head;
                all.into_iter().for_each(|index| make_ready(connections, ready, index, head));
            }
            (Some(deadline), _) if deadline <= now => self.end_all(Reason::Shutdown),
            _ => {}
        }
    }

    fn await_silence(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get(id)
            && let Some(at) = connection.subscriber.heartbeat_at()
        {
            self.heartbeats.push(Reverse((at, id)));
        }
    }

    /// How long heartbeats may wait for those that are due a little later: whole milliseconds, as the hub's time.
    fn slack(&self) -> Duration {
        let slack = self.heartbeat.unwrap_or_default() / HEARTBEATS_PER_INTERVAL;
        Duration::from_millis(slack.as_millis() as u64)
    }

    fn find_silent(&mut self, now: Duration) {
        while let Some(Reverse((due, id))) =
            self.heartbeats.peek().copied().filter(|Reverse((due, _))| *due <= now)
        {
            self.heartbeats.pop();
            let Some(connection) = self.get(id) else { continue };
            let Some(at) = connection.subscriber.heartbeat_at() else { continue };
            if at <= now && !connection.blocked {
                connection.due = Some(Due::Silence);
                self.make_ready_again(id.index());
                continue;
            }
            // Something was sent since then; or nothing can be sent now, and silence is not what ails it.
            let at = if at > now { at } else { now + LAG_CHECK.max(now.saturating_sub(due)) };
            self.heartbeats.push(Reverse((at, id)));
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

    /// Tells the hub up to where everybody is, as of the end of the last round. `on_the_way` are the sequence
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
            self.ended.push((id, Work::End { reason, cut, buffer }));
        }
    }

    fn end_all(&mut self, reason: Reason) {
        let all: Vec<ConnectionId> = self.connections.iter().map(|(_, connection)| connection.id).collect();
        all.into_iter().for_each(|id| self.end(id, reason));
    }

    /// What is next, for any connection; `None` ends the round. Whoever gets a batch blocks the connection if not
    /// all of it was taken.
    pub(crate) fn next(&mut self) -> Option<(ConnectionId, Work<S>)> {
        while self.has_ready() {
            if let Some(work) = self.visit() {
                return Some(work);
            }
        }
        None
    }

    /// Asks the connection that waited longest what it has to do. It may have nothing.
    pub(crate) fn visit(&mut self) -> Option<(ConnectionId, Work<S>)> {
        if let Some(ended) = self.ended.pop() {
            return Some(ended);
        }
        let index = self.ready.pop_front()?;
        let work = self.ask(index);
        self.note_turn();
        work
    }

    fn ask(&mut self, index: usize) -> Option<(ConnectionId, Work<S>)> {
        let connection = self.connections.get_mut(index)?;
        connection.ready = false;
        if connection.blocked {
            return None;
        }
        let id = connection.id;
        match self.reader.next_in_round(&mut connection.subscriber) {
            Next::Batch(batch) => {
                let due = connection.due.take();
                // A closing hub has more to say to everybody: the farewell, and then the end.
                if self.closing.is_some() || !connection.subscriber.is_past(self.head) {
                    self.make_ready(index, 0);
                }
                if due == Some(Due::Silence) {
                    self.await_silence(id);
                }
                Some((id, Work::Send(batch)))
            }
            Next::End(reason) => {
                let buffer = self.remove(id, reason)?;
                Some((id, Work::End { reason, cut: reason == Reason::Lagged, buffer }))
            }
            Next::Idle => {
                let due = connection.due.take()?;
                let batch = connection.subscriber.heartbeat();
                if due == Due::Silence {
                    self.await_silence(id);
                }
                Some((id, Work::Send(batch)))
            }
        }
    }

    /// How many visits it takes until nobody who is ready now is left.
    pub(crate) fn waiting(&self) -> usize {
        self.ready.len() + self.ended.len()
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
        let heartbeat = self.heartbeats.peek().map(|Reverse((at, _))| *at + self.slack());
        // What was said of those that lagged must be taken back, too, when they no longer do.
        let check = !self.blocked.is_empty() || self.lag.connections > 0 || self.noted < self.head;
        let lag_check = check.then_some(self.lag_checked + LAG_CHECK);
        [heartbeat, lag_check, self.closing].into_iter().flatten().min()
    }
}
