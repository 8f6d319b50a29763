use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ssecast_hub::{Batch, Error, Event, Hub, Reason, Subscription, Wake};

use crate::connection::ConnectionId;
use crate::roster::{Roster, Work};
use crate::timer;

/// Pull delivery: the host writes, on its own event loop, what it is given.
///
/// One `Pull` serves one event loop. It wakes the loop at most once until the loop has called
/// [`take`](Self::take), however many connections and events there are. When a connection's writer is full the
/// host calls [`pause`](Self::pause), and [`resume`](Self::resume) once it has drained: until then the
/// connection's cursor stands still, and nothing is queued for it.
///
/// Every method may be called from any thread; calls wait for each other. The wake function is called from the
/// thread that publishes or from the timer's, and outside every lock.
///
/// ```
/// use ssecast_engine::{Config, Content, Event, Hub, Pull, Subscription};
/// let hub = Hub::new(Config::default())?;
/// let pull = Pull::new(&hub, || { /* post a message to the event loop */ });
/// let id = pull.open(&Subscription { topics: &["ticks"], last_event_id: None })?;
/// hub.publish("ticks", &Event { data: Some("1"), ..Event::default() })?;
/// let mut deliveries = Vec::new();
/// while pull.take(256, &mut deliveries) {}
/// assert!(deliveries.iter().all(|delivery| delivery.connection == id));
/// let Some(Content::Batch(batch)) = deliveries.last().map(|delivery| &delivery.content) else { panic!() };
/// assert!(batch.bytes().ends_with(b"data: 1\n\n"));
/// # Ok::<(), ssecast_engine::Error>(())
/// ```
pub struct Pull {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Box<dyn Fn() + Send + Sync>,
    /// The host was woken and has not called `take` yet.
    awake: AtomicBool,
}

struct State {
    roster: Roster,
    /// The earliest alarm that is set, as the hub's time.
    alarm: Option<Duration>,
}

/// Something that the host does for one connection.
#[derive(Debug)]
pub struct Delivery {
    /// The connection that it is for.
    pub connection: ConnectionId,
    /// What to do.
    pub content: Content,
}

/// What a host does for a connection.
#[derive(Debug)]
pub enum Content {
    /// Write these bytes. They are shared with the other connections at the same place.
    Batch(Batch),
    /// End the response: the connection is gone from the hub.
    End(Reason),
}

impl Wake for Shared {
    fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel) {
            (self.wake)();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pull {
    /// Makes the pull delivery of one event loop. No thread starts before the first connection.
    #[must_use]
    pub fn new(hub: &Hub, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
            let shared = shared.clone();
            let reader = hub.reader(Arc::new(move || {
                if let Some(shared) = shared.upgrade() {
                    shared.wake();
                }
            }));
            let state = Mutex::new(State { roster: Roster::new(reader), alarm: None });
            Shared { state, wake: Box::new(wake), awake: AtomicBool::new(false) }
        });
        Self { shared }
    }

    /// Registers a connection and wakes the host for its first bytes.
    ///
    /// # Errors
    /// Those of [`Reader::subscribe`](ssecast_hub::Reader::subscribe); then nothing is registered.
    pub fn open(&self, subscription: &Subscription<'_>) -> Result<ConnectionId, Error> {
        let id = self.shared.state().roster.open(subscription)?;
        self.shared.wake();
        Ok(id)
    }

    /// Moves what is to be done for up to `limit` connections to `deliveries`. Returns whether there is more:
    /// call again, perhaps after giving other work a turn.
    pub fn take(&self, limit: usize, deliveries: &mut Vec<Delivery>) -> bool {
        self.shared.awake.store(false, Ordering::Release);
        let mut state = self.shared.state();
        let roster = &mut state.roster;
        roster.begin();
        for (connection, work) in std::iter::from_fn(|| roster.next()).take(limit) {
            let content = match work {
                Work::Send(batch) => Content::Batch(batch),
                Work::End(reason) => Content::End(reason),
            };
            deliveries.push(Delivery { connection, content });
        }
        let more = roster.has_ready();
        self.set_alarm(&mut state);
        more
    }

    /// Sees to it that the host is woken when a heartbeat, a lag limit or the end of a grace period is due.
    fn set_alarm(&self, state: &mut State) {
        let now = state.roster.now();
        let Some(deadline) = state.roster.deadline() else { return };
        if state.alarm.is_some_and(|alarm| alarm > now && alarm <= deadline) {
            return;
        }
        let who: Weak<Shared> = Arc::downgrade(&self.shared);
        // Without its thread there are no heartbeats, but every publication still does all of the work.
        if timer::wake_after(deadline.saturating_sub(now), who).is_ok() {
            state.alarm = Some(deadline);
        }
    }

    /// Notes that a connection's writer is full.
    pub fn pause(&self, connection: ConnectionId) {
        let mut state = self.shared.state();
        state.roster.block(connection);
        self.set_alarm(&mut state);
    }

    /// Notes that a connection's writer has drained.
    pub fn resume(&self, connection: ConnectionId) {
        self.shared.state().roster.unblock(connection);
        self.shared.wake();
    }

    /// Sends an event to one connection alone, behind everything that was published before. Returns whether it
    /// was taken: not when the connection is gone, or ending, or over its lag limit.
    ///
    /// # Errors
    /// Those of [`Reader::send`](ssecast_hub::Reader::send); then nothing is sent.
    pub fn send(&self, connection: ConnectionId, event: &Event<'_>) -> Result<bool, Error> {
        let sent = self.shared.state().roster.send(connection, event)?;
        self.shared.wake();
        Ok(sent)
    }

    /// How many bytes sent to this connection alone the host has not taken yet; zero if it is gone.
    #[must_use]
    pub fn pending_bytes(&self, connection: ConnectionId) -> usize {
        self.shared
            .state()
            .roster
            .get(connection)
            .map_or(0, |(connection, _)| connection.subscriber.own_bytes())
    }

    /// Adds and removes topics of a connection. Returns whether it is still there.
    ///
    /// # Errors
    /// Those of [`Reader::change_topics`](ssecast_hub::Reader::change_topics); then nothing changes.
    pub fn change_topics(
        &self,
        connection: ConnectionId,
        add: &[&str],
        remove: &[&str],
    ) -> Result<bool, Error> {
        let there = self.shared.state().roster.change_topics(connection, add, remove)?;
        self.shared.wake();
        Ok(there)
    }

    /// The topics that a connection reads; none if it is gone.
    #[must_use]
    pub fn topics(&self, connection: ConnectionId) -> Vec<Arc<str>> {
        let mut state = self.shared.state();
        let found = state.roster.get(connection);
        found.map_or_else(Vec::new, |(connection, reader)| reader.topic_names(&connection.subscriber))
    }

    /// Ends a connection after everything that was published and sent before; the host is told by
    /// [`Content::End`].
    pub fn end(&self, connection: ConnectionId, reason: Reason) {
        self.shared.state().roster.finish(connection, reason);
        self.shared.wake();
    }

    /// Removes a connection at once, because it is gone. The host is told nothing more about it.
    pub fn remove(&self, connection: ConnectionId, reason: Reason) {
        self.shared.state().roster.remove(connection, reason);
    }

    /// Whether no connection is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.state().roster.is_empty()
    }
}

impl std::fmt::Debug for Pull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pull").finish_non_exhaustive()
    }
}
