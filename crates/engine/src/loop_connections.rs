#[cfg(unix)]
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ssecast_hub::process::Process;
use ssecast_hub::{Error, ErrorKind, Event, Hub, Reason, Subscription, Wake};

#[cfg(unix)]
use crate::attachment::Attachment;
use crate::connection::ConnectionId;
use crate::connection_set::{ConnectionSet, Ended, Work};
use crate::delivery::{Content, Delivery};
#[cfg(unix)]
use crate::host::Host;
use crate::loop_connection::{HostsConnection, LoopConnection};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, lock};
use crate::timer;

/// Pull delivery: the host writes, on its own event loop, what it is given.
///
/// One `LoopConnections` serves one event loop. It wakes the loop at most once until the loop has called
/// [`take`](Self::take), however many connections and events there are. When a connection's writer is full the
/// host calls [`pause`](Self::pause), and [`resume`](Self::resume) once it has drained: until then the
/// connection's cursor stands still, and nothing is queued for it.
///
/// It belongs to the process that made it. In a child of that it opens nothing ([`ErrorKind::Closed`]), has nothing to do,
/// and does nothing to the parent's connections: the child makes one of its own.
///
/// Every method may be called from any thread; calls wait for each other. The wake function is called from the
/// thread that publishes or from the timer's, and outside every lock.
///
/// ```
/// use ssecast_engine::{Config, Content, Event, Hub, LoopConnections, Subscription};
/// let hub = Hub::new(Config::default())?;
/// let pull = LoopConnections::new(&hub, || { /* post a message to the event loop */ });
/// let id = pull.open(&Subscription { topics: &["ticks"], ..Subscription::default() })?;
/// hub.publish("ticks", &Event { data: Some("1"), ..Event::default() })?;
/// let mut deliveries = Vec::new();
/// while pull.take(256, &mut deliveries) {}
/// assert!(deliveries.iter().all(|delivery| delivery.connection == id));
/// let Some(Content::Batch(batch)) = deliveries.last().map(|delivery| &delivery.content) else { panic!() };
/// assert!(batch.bytes().ends_with(b"data: 1\n\n"));
/// # Ok::<(), ssecast_engine::Error>(())
/// ```
pub struct LoopConnections {
    pub(crate) shared: Arc<Shared>,
    pub(crate) hub: Hub,
    /// The process that made it.
    process: Process,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    wake: Box<dyn Fn() + Send + Sync>,
    /// The host was woken and has not called `take` yet.
    awake: AtomicBool,
    /// What engine threads have to say.
    notices: Mutex<Vec<Delivery>>,
}

pub(crate) struct State {
    pub(crate) connections: ConnectionSet<()>,
    /// With a host that sets the pace: the connections that it has asked for since the last look.
    asked: Option<Vec<ConnectionId>>,
    /// The earliest alarm that is set, as the hub's time.
    alarm: Option<Duration>,
    /// The connections that engine threads write to by now.
    #[cfg(unix)]
    pub(crate) attached: HashMap<ConnectionId, Attachment>,
}

impl Wake for Shared {
    fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel) {
            (self.wake)();
        }
    }
}

#[cfg(unix)]
impl Host for Shared {
    fn ended(&self, connection: ConnectionId, reason: Reason, cut: bool) {
        let content = if cut { Content::Cut(reason) } else { Content::End(reason) };
        self.notify(Delivery { connection, content });
    }

    fn drained(&self, connection: ConnectionId) {
        self.notify(Delivery { connection, content: Content::Drained });
    }
}

impl Shared {
    #[cfg(unix)]
    fn notify(&self, delivery: Delivery) {
        lock(&self.notices).push(delivery);
        self.wake();
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl LoopConnections {
    /// Makes the pull delivery of one event loop. No thread starts before the first connection.
    #[must_use]
    pub fn new(hub: &Hub, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::make(hub, wake, false)
    }

    /// Makes the pull delivery of connections whose host [asks](Self::ask_for) for each when it wants more: a connection that was given
    /// a batch gets nothing before, and not asking is then what being full is to others. No publication is refused for a host
    /// that does not ask within a second, and what is kept for it is as much as for a slow client.
    #[must_use]
    pub fn paced(hub: &Hub, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::make(hub, wake, true)
    }

    fn make(hub: &Hub, wake: impl Fn() + Send + Sync + 'static, paced: bool) -> Self {
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
            let shared = shared.clone();
            let mut reader = hub.reader(Arc::new(move || {
                if let Some(shared) = shared.upgrade() {
                    shared.wake();
                }
            }));
            if paced {
                reader.pace();
            }
            let state = State {
                connections: ConnectionSet::new(reader),
                asked: paced.then(Vec::new),
                alarm: None,
                #[cfg(unix)]
                attached: HashMap::new(),
            };
            Shared {
                state: Mutex::new(state),
                wake: Box::new(wake),
                awake: AtomicBool::new(false),
                notices: Mutex::default(),
            }
        });
        Self { shared, hub: hub.clone(), process: Process::current() }
    }

    /// Whether this is the process that made it. In a child of it no lock is taken, and nothing happens to the
    /// connections: they are the parent's.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.process.is_current()
    }

    pub(crate) fn refuse_if_inherited(&self) -> Result<(), Error> {
        if self.is_here() {
            return Ok(());
        }
        let problem = "is that of a parent process; after a fork, make a new one of the hub";
        Err(Error::new(ErrorKind::Closed, "delivery", problem))
    }

    /// Registers a connection and wakes the host for its first bytes.
    ///
    /// # Errors
    /// Those of [`Reader::subscribe`](ssecast_hub::Reader::subscribe); then nothing is registered.
    pub fn open(&self, subscription: &Subscription<'_>) -> Result<ConnectionId, Error> {
        self.refuse_if_inherited()?;
        let id = self.shared.state().connections.open(subscription, ())?;
        self.shared.wake();
        Ok(id)
    }

    /// Registers a connection that gets nothing before it is [resumed](Self::resume) or
    /// [attached](Self::attach_socket): the response's head has still to go out.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_paused(&self, subscription: &Subscription<'_>) -> Result<ConnectionId, Error> {
        self.refuse_if_inherited()?;
        let mut state = self.shared.state();
        let id = state.connections.open(subscription, ())?;
        state.connections.hold(id);
        Ok(id)
    }

    /// Moves what is to be done for up to `limit` connections to `deliveries`, one batch at most for each. Returns
    /// whether there is more: call again, perhaps after giving other work a turn.
    pub fn take(&self, limit: usize, deliveries: &mut Vec<Delivery>) -> bool {
        if !self.is_here() {
            return false;
        }
        // As in `wake`, an exchange: which of the two came first is known then, also to the model checker.
        self.shared.awake.swap(false, Ordering::AcqRel);
        let mut state = self.shared.state();
        let before = deliveries.len();
        let mut more = self.take_notices(&mut state, limit, deliveries);
        let limit = limit.saturating_sub(deliveries.len() - before);
        let state = &mut *state;
        let connections = &mut state.connections;
        connections.look();
        let is_paced = state.asked.is_some();
        if is_paced || connections.is_check_due() {
            // One that comes too late is found out before it goes on.
            connections.check_lag(|()| false);
            connections.note_progress(std::iter::empty());
        }
        for connection in state.asked.iter_mut().flat_map(|asked| asked.drain(..)) {
            connections.unblock(connection);
        }
        connections.keep_time();
        // No connection is visited twice: the host may find that a connection's writer is full.
        let visits = connections.waiting();
        let end = deliveries.len() + limit;
        for _ in 0..visits {
            if deliveries.len() == end {
                break;
            }
            let (connection, content) = match connections.visit() {
                None => continue,
                Some(Work::Send(connection, batch)) => (connection.id, Content::Batch(batch)),
                Some(Work::End(Ended { id, reason, cut: true, .. })) => (id, Content::Cut(reason)),
                Some(Work::End(Ended { id, reason, .. })) => (id, Content::End(reason)),
            };
            deliveries.push(Delivery { connection, content });
        }
        if is_paced {
            let given = deliveries[before..].iter();
            let given = given.filter(|delivery| matches!(delivery.content, Content::Batch(_)));
            given.for_each(|delivery| connections.block(delivery.connection));
        }
        more |= connections.has_ready();
        self.set_alarm(state);
        more
    }

    /// Takes what engine threads have to say. Returns whether there is more.
    fn take_notices(&self, state: &mut State, limit: usize, deliveries: &mut Vec<Delivery>) -> bool {
        let mut notices = lock(&self.shared.notices);
        let some = limit.min(notices.len());
        for notice in notices.drain(..some) {
            #[cfg(unix)]
            if matches!(notice.content, Content::End(_) | Content::Cut(_)) {
                state.attached.remove(&notice.connection);
            }
            deliveries.push(notice);
        }
        !notices.is_empty()
    }

    /// Sees to it that the host is woken when a heartbeat, a lag limit or the end of a grace period is due.
    fn set_alarm(&self, state: &mut State) {
        let now = state.connections.now();
        let Some(deadline) = state.connections.deadline() else { return };
        if state.alarm.is_some_and(|alarm| alarm > now && alarm <= deadline) {
            return;
        }
        let target: Weak<Shared> = Arc::downgrade(&self.shared);
        // Without its thread there are no heartbeats, but every publication still does all of the work.
        if timer::wake_after(deadline.saturating_sub(now), target).is_ok() {
            state.alarm = Some(deadline);
        }
    }

    /// Notes that a connection's writer is full.
    pub fn pause(&self, connection: ConnectionId) {
        if !self.is_here() {
            return;
        }
        let mut state = self.shared.state();
        state.connections.block(connection);
        self.set_alarm(&mut state);
    }

    /// Notes that a connection's writer has drained.
    pub fn resume(&self, connection: ConnectionId) {
        if !self.is_here() {
            return;
        }
        let mut state = self.shared.state();
        match &mut state.asked {
            Some(asked) => asked.push(connection),
            None => state.connections.unblock(connection),
        }
        drop(state);
        self.shared.wake();
    }

    /// Notes that a host which sets the [pace](Self::paced) wants more for a connection: the next [`take`](Self::take) has it. A
    /// host that takes elsewhere calls [`resume`](Self::resume), which wakes it.
    pub fn ask_for(&self, connection: ConnectionId) {
        if self.is_here()
            && let Some(asked) = &mut self.shared.state().asked
        {
            asked.push(connection);
        }
    }

    /// Sends an event to one connection alone, behind everything that was published before. Returns whether it
    /// was taken: not when the connection is gone, or ending.
    ///
    /// # Errors
    /// Those of [`Hub::private`]; then nothing is sent.
    pub fn send(&self, connection: ConnectionId, event: &Event<'_>) -> Result<bool, Error> {
        let event = self.hub.private(event)?;
        Ok(self.order(connection, false, |connection| connection.send(event)))
    }

    /// How many bytes sent to this connection alone have not gone out yet; zero if it is gone. When the answer is
    /// not zero, a batch or [`Content::Drained`] follows.
    #[must_use]
    pub fn pending_bytes(&self, connection: ConnectionId) -> usize {
        self.ask(connection, 0, |connection| connection.pending_bytes())
    }

    /// How often the socket of an attached connection has taken something: a host's own timer of idle connections
    /// can't see it. Zero for a connection that the host writes itself.
    #[must_use]
    pub fn writes(&self, connection: ConnectionId) -> usize {
        self.ask(connection, 0, |connection| connection.writes())
    }

    /// Adds and removes topics of a connection. Returns whether it is still there.
    ///
    /// # Errors
    /// Those of [`Registrar::change_topics`](ssecast_hub::Registrar::change_topics); then nothing changes.
    pub fn change_topics(
        &self,
        connection: ConnectionId,
        add: &[&str],
        remove: &[&str],
    ) -> Result<bool, Error> {
        self.order(connection, Ok(false), |connection| connection.change_topics(add, remove))
    }

    /// Ends a connection after everything that was published and sent before; the host is told by
    /// [`Content::End`].
    pub fn end(&self, connection: ConnectionId, reason: Reason) {
        self.order(connection, (), |connection| connection.end(reason));
    }

    /// Ends a connection as [`end`](Self::end) does, and for good: the client's next request has a last event ID that
    /// [`is_finished`](ssecast_hub::is_finished), and is to be answered 204. Returns whether it will be told: not when
    /// it is gone, or ending, or over its lag limit.
    #[allow(clippy::must_use_candidate, reason = "not every host asks")]
    pub fn finish(&self, connection: ConnectionId, reason: Reason) -> bool {
        let last = self.hub.final_block();
        self.order(connection, false, |connection| {
            let told = connection.send(last);
            connection.end(reason);
            told
        })
    }

    /// Removes a connection because it is gone. Returns whether it is removed by now; otherwise an engine thread has
    /// still to let go of it, and the host is told by [`Content::Cut`] (or by [`Content::End`], if the stream was
    /// just over).
    #[allow(clippy::must_use_candidate, reason = "not every host waits for the end")]
    pub fn remove(&self, connection: ConnectionId, reason: Reason) -> bool {
        self.ask(connection, true, |connection| connection.remove(reason))
    }

    /// Asks something of a connection, and wakes the host if it is to be done on its loop. In a child of the process
    /// nothing is asked: `otherwise` is the answer.
    fn order<T>(
        &self,
        connection: ConnectionId,
        otherwise: T,
        give: impl FnOnce(&mut dyn LoopConnection) -> T,
    ) -> T {
        let (answer, wakes) = self.ask(connection, (otherwise, false), |connection| {
            let answer = give(connection);
            (answer, connection.is_hosts())
        });
        if wakes {
            self.shared.wake();
        }
        answer
    }

    /// The same where the host has nothing to do for it.
    fn ask<T>(
        &self,
        connection: ConnectionId,
        otherwise: T,
        ask: impl FnOnce(&mut dyn LoopConnection) -> T,
    ) -> T {
        if !self.is_here() {
            return otherwise;
        }
        let mut state = self.shared.state();
        #[cfg(unix)]
        if let Some(attachment) = state.attached.get_mut(&connection) {
            return ask(attachment);
        }
        ask(&mut HostsConnection { connections: &mut state.connections, id: connection, hub: &self.hub })
    }
}

impl Drop for LoopConnections {
    /// The event loop is gone, and can end no response any more: the connections that engine threads have end with it.
    fn drop(&mut self) {
        if !self.is_here() {
            // None of it is the child's. A thread of the parent's may have held any lock of it during the fork, which
            // is held for ever here: so it is not even taken apart.
            std::mem::forget((Arc::clone(&self.shared), self.hub.clone()));
            return;
        }
        #[cfg(unix)]
        for (_, attachment) in std::mem::take(&mut self.shared.state().attached) {
            attachment.abandon(Reason::Shutdown);
        }
    }
}

impl std::fmt::Debug for LoopConnections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoopConnections").finish_non_exhaustive()
    }
}
