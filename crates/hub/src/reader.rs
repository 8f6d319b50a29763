use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use ssecast_codec::{Error, ErrorKind, Event};

use crate::batch::{BATCH_BYTES, Batch};
use crate::clock::millis;
use crate::config::Policy;
use crate::hub::Shared;
use crate::log::Found;
use crate::reset::{Reset, ResetReason};
use crate::stats::Reason;
use crate::subscriber::Subscriber;
use crate::sync::{Arc, Ordering};
use crate::topic_set::{TopicKey, TopicSet};

/// The most batches kept for other subscribers at the same place, within one round.
const MAX_CACHED: usize = 256;

/// Tells a delivery thread or an event loop that there is something to do.
pub trait Wake: Send + Sync + 'static {
    /// Called from any thread. It must return soon, and must not call the hub.
    fn wake(&self);
}

impl<F: Fn() + Send + Sync + 'static> Wake for F {
    fn wake(&self) {
        self();
    }
}

/// What a connection asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscription<'a> {
    /// The topics that this connection may read. None makes a private stream: only what is sent to it alone.
    pub topics: &'a [&'a str],
    /// The id of the last event that the client has, as it says itself; empty is the same as none.
    pub last_event_id: Option<&'a str>,
}

/// What is next for a subscriber.
#[derive(Debug)]
pub enum Next {
    /// These bytes; ask again once they are taken.
    Batch(Batch),
    /// Nothing now.
    Idle,
    /// Everything is out: the connection ends.
    End(Reason),
}

/// One delivery thread or event loop, and what it reads for its subscribers.
///
/// Readers divide the subscribers among themselves: a publication wakes each reader at most once, however many
/// subscribers it has, and what the reader fetches from the log serves all of them that are at the same place.
#[derive(Debug)]
pub struct Reader {
    registration: Arc<Registration>,
    /// Batches of this round by topic set and cursor.
    cache: HashMap<(u64, u64), (Batch, u64)>,
    heartbeat: Batch,
    random: u64,
}

/// A reader's entry in the log. It lives as long as the reader or one of its subscribers.
pub(crate) struct Registration {
    pub(crate) hub: Arc<Shared>,
    pub(crate) reader: usize,
}

impl Registration {
    pub(crate) fn unregister(&self, topics: &Arc<TopicSet>, reason: Reason) {
        let mut log = self.hub.log();
        log.unregister(self.reader, topics);
        log.connections -= 1;
        drop(log);
        self.hub.counters.disconnects[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.log().remove_reader(self.reader);
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(hub: Arc<Shared>, wake: Arc<dyn Wake>) -> Self {
        let reader = hub.log().add_reader(wake);
        Self {
            registration: Arc::new(Registration { hub, reader }),
            cache: HashMap::new(),
            heartbeat: Batch::join(&[Bytes::from_static(b":\n\n")], 0),
            random: reader as u64,
        }
    }

    fn hub(&self) -> &Shared {
        &self.registration.hub
    }

    /// The hub's time, for deadlines.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_millis(self.hub().now())
    }

    /// When a closing hub gives up what is not out yet; `None` while it is open.
    #[must_use]
    pub fn closing(&self) -> Option<Duration> {
        self.hub().closing().map(|closing| Duration::from_millis(closing.deadline))
    }

    /// Registers a subscriber, then finds out what is to be replayed for it: nothing is lost between the two.
    ///
    /// Its first batch tells the client its reconnection time and its cursor, so that even one which is cut
    /// before the first event resumes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`], [`ErrorKind::TooManyTopics`], [`ErrorKind::TooManyConnections`],
    /// [`ErrorKind::Closed`]; then nothing is registered.
    pub fn subscribe(&mut self, subscription: &Subscription<'_>) -> Result<Subscriber, Error> {
        let registration = Arc::clone(&self.registration);
        let (hub, reader) = (&*registration.hub, registration.reader);
        let now = hub.now();
        let mut log = hub.log();
        hub.refuse_if_closing()?;
        let limit = hub.config.max_connections;
        if log.connections >= limit {
            let problem = format!("would be one more than the {limit} of maxConnections");
            return Err(Error::new(ErrorKind::TooManyConnections, "connection", problem));
        }
        let topics = log.register(reader, subscription.topics, now, &hub.config)?;
        log.connections += 1;
        let (cursor, reset) = log.resume(reader, &topics, subscription.last_event_id, now, &hub.config);
        let live_from = log.head();
        drop(log);

        let mut subscriber = Subscriber {
            registration: Arc::clone(&registration),
            topics,
            cursor,
            named: cursor,
            live_from,
            progressed_at: now,
            sent_at: now,
            own: None,
            reason: Reason::Client,
        };
        let retry = hub.config.retry.map(millis);
        // A private stream has no place in the log: its ids are the application's own.
        let id = (!subscriber.topics.keys().is_empty()).then(|| hub.epoch.id(cursor));
        let preamble = Event { retry, id: id.as_deref(), ..Event::default() };
        if retry.is_some() || id.is_some() {
            subscriber.push(cursor, hub.encode(&preamble, 0)?.into(), 0);
        }
        if let Some(reset) = reset {
            reset_frame(hub, &mut subscriber, reset)?;
        }
        Ok(subscriber)
    }

    /// Begins a round: moves the topics that changed since the last one to `changed` and returns the head.
    /// A reader that has asked every subscriber of these topics for what is next is past that head.
    pub fn changed(&mut self, changed: &mut Vec<TopicKey>) -> u64 {
        self.cache.clear();
        self.hub().log().take_changed(self.registration.reader, changed)
    }

    /// Notes the outcome of a round: `passed`, the sequence number that all subscribers are past, how many lag
    /// behind, and the bytes that wait for the slowest of them. Frames past the history's caps are let go by it.
    pub fn note_progress(&mut self, passed: u64, lagging: u64, lag_bytes: u64) {
        let hub = self.hub();
        let now = hub.now();
        let mut log = hub.log();
        log.note_progress(self.registration.reader, passed, lagging, lag_bytes);
        log.sweep(64, now, &hub.config);
    }

    /// Takes what is next for a subscriber. Whoever gets a batch must deliver all of it before it asks again.
    pub fn next(&mut self, subscriber: &mut Subscriber) -> Next {
        loop {
            if let Some(batch) = own_batch(subscriber) {
                return self.hand_over(subscriber, batch);
            }
            let own = subscriber.own.as_deref();
            let next_own = own.and_then(|own| own.frames.front()).map(|frame| frame.after);
            let end = own.and_then(|own| own.end);
            let through = next_own.into_iter().chain(end).min().unwrap_or(u64::MAX);
            match self.read(subscriber, through) {
                Read::Batch(batch) => return self.hand_over(subscriber, batch),
                Read::Nothing if next_own.is_some() => {}
                Read::Nothing if end.is_some() => return Next::End(subscriber.reason),
                Read::Nothing if self.hub().closing().is_none() => {
                    subscriber.tidy();
                    return Next::Idle;
                }
                Read::Nothing if std::mem::replace(&mut subscriber.own_mut().said_farewell, true) => {
                    subscriber.reason = Reason::Shutdown;
                    return Next::End(Reason::Shutdown);
                }
                Read::Nothing => {
                    let farewell = self.farewell();
                    if !farewell.is_empty() {
                        subscriber.push(subscriber.cursor, farewell, 0);
                    }
                }
                Read::Lost if !self.enforce_policy(subscriber) => return Next::End(Reason::Lagged),
                Read::Lost => {}
            }
        }
    }

    fn hand_over(&self, subscriber: &mut Subscriber, batch: Batch) -> Next {
        let hub = self.hub();
        let now = hub.now();
        (subscriber.progressed_at, subscriber.sent_at) = (now, now);
        subscriber.tidy();
        hub.counters.delivered.fetch_add(u64::from(batch.events()), Ordering::Relaxed);
        hub.counters.bytes.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Next::Batch(batch)
    }

    /// Reads from the log, or takes what was read for another subscriber at the same place.
    fn read(&mut self, subscriber: &mut Subscriber, through: u64) -> Read {
        if subscriber.topics.keys().is_empty() {
            subscriber.cursor = subscriber.cursor.max(if through == u64::MAX { 0 } else { through });
            return Read::Nothing;
        }
        let place = (subscriber.topics.id(), subscriber.cursor);
        let shared = through == u64::MAX && subscriber.own.is_none();
        if let (true, Some((batch, passed))) = (shared, self.cache.get(&place)) {
            (subscriber.cursor, subscriber.named) = (*passed, *passed);
            return Read::Batch(batch.clone());
        }
        let log = self.registration.hub.log();
        let through = through.min(log.head());
        let found = log.read(subscriber.position(), through, BATCH_BYTES);
        drop(log);
        match found {
            Found::Lost => Read::Lost,
            Found::Nothing => {
                subscriber.cursor = subscriber.cursor.max(through);
                Read::Nothing
            }
            Found::Frames { frames, through } => {
                let batch = Batch::join(&frames, frames.len() as u32);
                (subscriber.cursor, subscriber.named) = (through, through);
                if shared {
                    if self.cache.len() >= MAX_CACHED {
                        self.cache.clear();
                    }
                    self.cache.insert(place, (batch.clone(), through));
                }
                Read::Batch(batch)
            }
        }
    }

    /// What a closing hub says last to each connection; perhaps nothing.
    fn farewell(&mut self) -> Bytes {
        let registration = Arc::clone(&self.registration);
        // Clients that all come back at once would be the next outage: each gets a time of its own.
        let retry =
            registration.hub.config.retry.map(millis).map(|retry| retry + self.random() % retry.max(1));
        let retry = retry.and_then(|retry| Event { retry: Some(retry), ..Event::default() }.encode().ok());
        let event = registration.hub.closing().and_then(|closing| closing.farewell.as_ref());
        event.into_iter().flatten().copied().chain(retry.into_iter().flatten()).collect()
    }

    /// A number to spread clients with: splitmix64.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.random;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// When a subscriber is due for a heartbeat if nothing is sent to it before; `None` if heartbeats are off.
    #[must_use]
    pub fn heartbeat_at(&self, subscriber: &Subscriber) -> Option<Duration> {
        let interval = self.hub().config.heartbeat?;
        Some(Duration::from_millis(subscriber.sent_at) + interval)
    }

    /// Makes the heartbeat of a subscriber which [`next`](Self::next) has nothing for. When the log moved on
    /// without an event for it, the heartbeat carries the new cursor: a client of a quiet topic resumes from
    /// there, though its last event may be long expired.
    pub fn heartbeat(&mut self, subscriber: &mut Subscriber) -> Batch {
        let now = self.hub().now();
        (subscriber.progressed_at, subscriber.sent_at) = (now, now);
        if subscriber.topics.keys().is_empty() || subscriber.cursor <= subscriber.named {
            return self.heartbeat.clone();
        }
        subscriber.named = subscriber.cursor;
        let id = self.hub().epoch.id(subscriber.cursor);
        Batch::join(&[Bytes::from(format!("id: {id}\n\n"))], 0)
    }

    /// Queues an event for one subscriber alone, behind everything that was published before. Returns whether it
    /// was taken: not if the connection is ending.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEvent`], [`ErrorKind::InvalidId`], [`ErrorKind::EventTooLarge`].
    pub fn send(&mut self, subscriber: &mut Subscriber, event: &Event<'_>) -> Result<bool, Error> {
        let hub = Arc::clone(&self.registration.hub);
        let frame = Bytes::from(hub.encode(event, 0)?);
        if subscriber.own.as_ref().is_some_and(|own| own.end.is_some()) || hub.closing().is_some() {
            return Ok(false);
        }
        if subscriber.own_bytes() + frame.len() > hub.config.slow_client.bytes
            && !self.enforce_policy(subscriber)
        {
            return Ok(false);
        }
        let after = if subscriber.topics.keys().is_empty() { subscriber.cursor } else { hub.log().head() };
        subscriber.push(after, frame, u32::from(event.data.is_some()));
        Ok(true)
    }

    /// Adds and removes topics. An added topic begins at the head: events published before are not for it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`], [`ErrorKind::TooManyTopics`]; then nothing changes.
    pub fn change_topics(
        &mut self,
        subscriber: &mut Subscriber,
        add: &[&str],
        remove: &[&str],
    ) -> Result<(), Error> {
        let hub = Arc::clone(&self.registration.hub);
        let now = hub.now();
        let mut log = hub.log();
        let was_private = subscriber.topics.keys().is_empty();
        let reader = self.registration.reader;
        let (topics, fresh) = log.change_topics(reader, &subscriber.topics, add, remove, now, &hub.config)?;
        subscriber.topics = topics;
        let head = log.head();
        drop(log);
        if was_private {
            subscriber.cursor = subscriber.cursor.max(head);
        } else if subscriber.cursor < head && !fresh.is_empty() {
            subscriber.own_mut().joined.extend(fresh.into_iter().map(|key| (key, head)));
        }
        Ok(())
    }

    /// The names of a subscriber's topics.
    #[must_use]
    pub fn topic_names(&self, subscriber: &Subscriber) -> Vec<Arc<str>> {
        self.hub().log().topic_names(&subscriber.topics)
    }

    /// Ends a subscriber once everything that was published and sent before is out.
    pub fn end(&mut self, subscriber: &mut Subscriber, reason: Reason) {
        if subscriber.own.as_ref().is_some_and(|own| own.end.is_some()) {
            return;
        }
        let head = self.hub().log().head();
        subscriber.reason = reason;
        subscriber.own_mut().end = Some(head);
    }

    /// Notes that a subscriber took some bytes, though perhaps not all it was given.
    pub fn progress(&mut self, subscriber: &mut Subscriber) {
        subscriber.progressed_at = self.hub().now();
    }

    /// Looks at a subscriber that does not take what waits for it. Past a limit the policy decides: `Err` is the
    /// reason to disconnect it for; otherwise it may have jumped to the head. `Ok` is how many bytes wait.
    ///
    /// # Errors
    /// [`Reason::Lagged`].
    pub fn check_lag(&mut self, subscriber: &mut Subscriber) -> Result<u64, Reason> {
        let hub = Arc::clone(&self.registration.hub);
        let limit = &hub.config.slow_client;
        let position = subscriber.position();
        let live = subscriber.cursor.max(subscriber.live_from);
        let log = hub.log();
        let (lost, lag) = (log.lost(position), log.lag(position, live) + subscriber.own_bytes() as u64);
        drop(log);
        let still = hub.now().saturating_sub(subscriber.progressed_at);
        if (lost || lag > limit.bytes as u64 || still > millis(limit.time))
            && !self.enforce_policy(subscriber)
        {
            return Err(Reason::Lagged);
        }
        Ok(lag)
    }

    /// Applies the policy to a subscriber over its limit. Returns whether it goes on.
    fn enforce_policy(&mut self, subscriber: &mut Subscriber) -> bool {
        let registration = Arc::clone(&self.registration);
        let hub = &*registration.hub;
        if hub.config.slow_client.policy == Policy::Disconnect {
            subscriber.reason = Reason::Lagged;
            return false;
        }
        let log = hub.log();
        let head = log.head();
        let published = log.count(subscriber.position());
        drop(log);
        let own = std::mem::take(&mut subscriber.own_mut().frames);
        subscriber.own_mut().bytes = 0;
        let sent: u64 = own.iter().map(|frame| u64::from(frame.events)).sum();
        subscriber.cursor = subscriber.cursor.max(head);
        (subscriber.named, subscriber.progressed_at) = (subscriber.cursor, hub.now());
        let missed = published.map(|published| published + sent);
        if missed == Some(0) {
            return true;
        }
        reset_frame(hub, subscriber, Reset { reason: ResetReason::Lagged, missed }).is_ok()
    }
}

/// What a read comes to for a subscriber.
enum Read {
    Batch(Batch),
    Nothing,
    Lost,
}

/// Joins a subscriber's own frames that are due.
fn own_batch(subscriber: &mut Subscriber) -> Option<Batch> {
    let cursor = subscriber.cursor;
    let own = subscriber.own.as_deref_mut()?;
    let (mut frames, mut bytes, mut events) = (Vec::new(), 0, 0);
    while let Some(next) = own.frames.front() {
        if next.after > cursor || (bytes > 0 && bytes + next.frame.len() > BATCH_BYTES) {
            break;
        }
        bytes += next.frame.len();
        events += next.events;
        frames.extend(own.frames.pop_front().map(|next| next.frame));
    }
    own.bytes -= bytes;
    (!frames.is_empty()).then(|| Batch::join(&frames, events))
}

fn reset_frame(hub: &Shared, subscriber: &mut Subscriber, reset: Reset) -> Result<(), Error> {
    if let Some(event) = &hub.config.reset_event {
        let id = (!subscriber.topics.keys().is_empty()).then(|| hub.epoch.id(subscriber.cursor));
        let frame = reset.frame(event, id.as_deref())?;
        subscriber.push(subscriber.cursor, frame, 0);
        hub.counters.resets[reset.reason as usize].fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
