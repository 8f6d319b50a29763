use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use ssecast_codec::{Error, ErrorKind, Event, OptionKey};

use crate::batch::{BATCH_BYTES, Batch};
use crate::clock::millis;
use crate::config::{Config, Policy};
use crate::log::{Beginning, Found};
use crate::offer::Offer;
use crate::private_queue::{PrivateEvent, PrivateQueue};
use crate::readers::{Mark, Offered, Wake};
use crate::registration::{Registrar, Registration};
use crate::shared::Shared;
use crate::stats::Reason;
use crate::subscriber::{Position, Subscriber};
use crate::sync::{Arc, Ordering};
use crate::topic_change::TopicChange;
use crate::topic_set::TopicKey;

/// The most batches kept for other subscribers at the same place, within one round.
const MAX_CACHED: usize = 256;

/// The most rounds of which a reader knows where the log ended.
const MAX_MARKS: usize = 64;

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
    cache: HashMap<(u64, u64), Place>,
    round: Round,
    /// The ends of the log at the rounds since the one that not everybody was offered all of; the point before that is
    /// the first.
    marks: VecDeque<Mark>,
    end: Mark,
    offered: Arc<Offered>,
    heartbeat: Batch,
    random: u64,
}

/// What is read at one place, and where whoever gets it is then.
#[derive(Clone, Debug)]
struct Place {
    batch: Batch,
    last: u64,
    through: u64,
}

/// What the log was at the beginning of a round, or is now.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    head: u64,
    /// The deadline of a hub that is closing.
    closing: Option<u64>,
}

/// What a read comes to for a subscriber.
enum Read {
    Batch(Batch),
    Nothing,
    Lost,
}

impl Reader {
    pub(crate) fn new(hub: Arc<Shared>, wake: Arc<dyn Wake>) -> Self {
        let mut log = hub.log();
        let (head, end) = (log.head(), log.end());
        let (reader, offered) = log.readers.add(wake, head, millis(hub.config.slow_client.time));
        drop(log);
        Self {
            registration: Arc::new(Registration { hub, reader }),
            cache: HashMap::new(),
            round: Round { head, closing: None },
            marks: VecDeque::new(),
            end,
            offered,
            heartbeat: Batch::join(&[Bytes::from_static(b":\n\n")], 0),
            random: reader as u64,
        }
    }

    fn hub(&self) -> &Shared {
        &self.registration.hub
    }

    /// What the hub was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.hub().config
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
    /// [`ErrorKind::Closed`] (also in a child of the reader's process); then nothing is registered.
    pub fn subscribe(&mut self, subscription: &Subscription<'_>) -> Result<Subscriber, Error> {
        let Registration { hub, reader } = &*self.registration;
        hub.refuse_if_inherited()?;
        let now = hub.now();
        let mut log = hub.log();
        hub.refuse_if_closing()?;
        let limit = hub.config.max_connections;
        if log.connections >= limit {
            let error = Error::new(ErrorKind::TooManyConnections, "connection", "would be one too many");
            return Err(error.with_limit(OptionKey::MaxConnections, limit as u64));
        }
        let topics = log.register(*reader, subscription.topics, now)?;
        log.connections += 1;
        let Beginning { cursor, joined, reset } =
            log.resume(*reader, &topics, subscription.last_event_id, now);
        let live_from = log.head();
        let passed = log.count_passed(Position::new(&topics, &joined, cursor));
        drop(log);
        Ok(Subscriber {
            registration: Arc::clone(&self.registration),
            topics,
            cursor,
            passed,
            last_sent_id: cursor,
            live_from,
            progressed_at: now,
            sent_at: now,
            offer: Offer::default(),
            private: Some(Box::new(PrivateQueue { greet: true, reset, joined, ..PrivateQueue::default() })),
            reason: Reason::Client,
        })
    }

    /// Makes it the reader of one connection whose owner asks only when it wants more. Unless it asks within a second, no
    /// publication is refused for it, and what is kept for it is as much as for a slow client.
    pub fn pace(&mut self) {
        let patience = self.hub().config.slow_client.grace();
        self.hub().log().readers.set_patience(self.registration.reader, patience);
    }

    /// Begins a round: moves the topics that changed since the last one to `changed` and returns the head.
    /// A reader that has asked every subscriber of these topics for what is next is past that head.
    pub fn changed(&mut self, changed: &mut Vec<TopicKey>) -> u64 {
        self.cache.clear();
        let hub = &self.registration.hub;
        if !hub.is_here() {
            return self.round.head;
        }
        let mut log = hub.log();
        let before = log.take_changed(self.registration.reader, changed);
        let head = log.head();
        self.end = log.end();
        // Under the lock, as the hub is closed under it.
        self.round = Round { head, closing: hub.closing().map(|closing| closing.deadline) };
        drop(log);
        if self.marks.is_empty() {
            self.marks.extend(before);
        }
        if self.marks.len() >= MAX_MARKS {
            // Coarser: what is offered counts a little later.
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.marks.push_back(self.end);
        head
    }

    /// Notes how far the round has come, for the hub's backlog: the least sequence number that a subscriber which is not
    /// blocked was offered everything up to; `None` when all were offered everything. Until this is called, what a round
    /// begins with counts as offered.
    pub fn note_offered(&mut self, behind: Option<u64>) {
        let Some(sequence) = behind else {
            self.marks.clear();
            return self.offered.set(None);
        };
        while self.marks.get(1).is_some_and(|next| next.sequence <= sequence) {
            self.marks.pop_front();
        }
        self.offered.set(Some(self.marks.front().unwrap_or(&self.end).bytes));
    }

    /// When a hub that was closing at the beginning of the round gives up what is not out yet.
    #[must_use]
    pub fn closing_in_round(&self) -> Option<Duration> {
        self.round.closing.map(Duration::from_millis)
    }

    /// Notes the outcome of a round: `passed`, the sequence number that all subscribers are past, how many lag
    /// behind, and the bytes that wait for the slowest of them. Frames past the history's caps are let go by it.
    pub fn note_progress(&mut self, passed: u64, lagging: u64, lag_bytes: u64) {
        self.cache.clear();
        let hub = self.hub();
        if !hub.is_here() {
            return;
        }
        let now = hub.now();
        hub.log().note_progress(self.registration.reader, passed, lagging, lag_bytes, now);
    }

    /// Takes what is next for a subscriber. Whoever gets a batch must deliver all of it before it asks again. In a
    /// child of the reader's process the subscriber is over, and the connection is none of the child's to end.
    pub fn next(&mut self, subscriber: &mut Subscriber) -> Next {
        // Asked before the reads: what is published before the hub closes also comes before the farewell.
        let closing = subscriber.registration.hub.closing().map(|closing| closing.deadline);
        self.next_of(subscriber, Round { head: u64::MAX, closing })
    }

    /// Takes what is next for a subscriber as of the beginning of the round, which [`changed`](Self::changed) was:
    /// what was published since then waits for the next one, and so does the farewell of a hub that closed since.
    /// Who looks for orders from elsewhere in between has then those that were given before.
    pub fn next_in_round(&mut self, subscriber: &mut Subscriber) -> Next {
        self.next_of(subscriber, self.round)
    }

    fn next_of(&mut self, subscriber: &mut Subscriber, round: Round) -> Next {
        if !subscriber.registration.hub.is_here() {
            return Next::End(Reason::Error);
        }
        loop {
            if let Some(batch) = subscriber.private_batch() {
                return hand_over(subscriber, batch);
            }
            let private = subscriber.private.as_deref();
            let next_private = private.and_then(|private| private.frames.front()).map(|frame| frame.after);
            let end = private.and_then(|private| private.end);
            match self.read(subscriber, next_private.or(end), round.head) {
                Read::Batch(batch) => return hand_over(subscriber, batch),
                Read::Lost if !enforce_policy(subscriber) => return Next::End(Reason::Lagged),
                Read::Lost => {}
                Read::Nothing if next_private.is_some_and(|after| after <= subscriber.cursor) => {}
                Read::Nothing if end.is_some_and(|end| end <= round.head) => {
                    return Next::End(subscriber.reason);
                }
                Read::Nothing if round.closing.is_none() => {
                    subscriber.tidy();
                    return Next::Idle;
                }
                Read::Nothing => {
                    if std::mem::replace(&mut subscriber.private_mut().said_farewell, true) {
                        subscriber.reason = Reason::Shutdown;
                        return Next::End(Reason::Shutdown);
                    }
                    self.say_farewell(subscriber);
                }
            }
        }
    }

    /// Reads from the log up to a limit, or takes what was read for another subscriber at the same place.
    fn read(&mut self, subscriber: &mut Subscriber, through: Option<u64>, head: u64) -> Read {
        if subscriber.is_private() {
            subscriber.cursor = subscriber.cursor.max(through.unwrap_or(0));
            return Read::Nothing;
        }
        let key = (subscriber.topics.id(), subscriber.cursor);
        let shared = through.is_none()
            && subscriber.private.as_ref().is_none_or(|private| private.joined.is_empty())
            && Arc::ptr_eq(&subscriber.registration, &self.registration);
        if let (true, Some(place)) = (shared, self.cache.get(&key)) {
            let batch = place.batch.clone();
            subscriber.move_past(place.through, place.last, batch.events());
            return Read::Batch(batch);
        }
        let log = subscriber.registration.hub.log();
        let through = through.unwrap_or(u64::MAX).min(head).min(log.head());
        let found = log.read(subscriber.position(), through, BATCH_BYTES);
        drop(log);
        match found {
            Found::Lost => Read::Lost,
            Found::Nothing => {
                subscriber.cursor = subscriber.cursor.max(through);
                Read::Nothing
            }
            Found::Frames { frames, last, through } => {
                let batch = Batch::join(&frames, frames.len() as u32);
                subscriber.move_past(through, last, batch.events());
                if shared {
                    if self.cache.len() >= MAX_CACHED {
                        self.cache.clear();
                    }
                    self.cache.insert(key, Place { batch: batch.clone(), last, through });
                }
                Read::Batch(batch)
            }
        }
    }

    /// Queues what a closing hub says last to each connection; perhaps nothing.
    fn say_farewell(&mut self, subscriber: &mut Subscriber) {
        let hub = Arc::clone(&subscriber.registration.hub);
        let event = hub.closing().and_then(|closing| closing.farewell.as_ref());
        let frame: Bytes = event.into_iter().flatten().copied().chain(self.spread_retry()).collect();
        if !frame.is_empty() {
            let after = subscriber.cursor;
            subscriber.private_mut().push(PrivateEvent { after, frame, events: 0, backlogged: None });
        }
    }

    /// A reconnection time for one client, encoded. Clients that all come back at once would be the next outage:
    /// each gets a time of its own.
    fn spread_retry(&mut self) -> Vec<u8> {
        let retry = self.hub().config.retry.map(millis);
        let retry = retry.map(|retry| retry.saturating_add(self.random() % retry.max(1)));
        retry
            .and_then(|retry| Event { retry: Some(retry), ..Event::default() }.encode().ok())
            .unwrap_or_default()
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
        Some(Duration::from_millis(subscriber.sent_at).saturating_add(interval))
    }

    /// Makes the heartbeat of a subscriber which [`next`](Self::next) has nothing for. When the log moved on
    /// without an event for it, the heartbeat carries the new cursor: a client of a quiet topic resumes from
    /// there, though its last event may be long expired.
    pub fn heartbeat(&mut self, subscriber: &mut Subscriber) -> Batch {
        let now = self.hub().now();
        (subscriber.progressed_at, subscriber.sent_at) = (now, now);
        // A cursor that overtook a reset event which still waits would hide the loss.
        let waits = subscriber.private.as_ref().is_some_and(|private| private.waits());
        if waits || subscriber.is_private() || subscriber.cursor <= subscriber.last_sent_id {
            return self.heartbeat.clone();
        }
        subscriber.last_sent_id = subscriber.cursor;
        let id = subscriber.registration.hub.epoch.id(subscriber.cursor);
        Batch::join(&[Bytes::from(format!("id: {id}\n\n"))], 0)
    }

    /// Queues an event for one subscriber alone, behind everything that was published before. Returns whether it
    /// was taken: not if the connection is ending, nor if the client is too slow and the policy is to disconnect.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEvent`], [`ErrorKind::InvalidId`], [`ErrorKind::EventTooLarge`], [`ErrorKind::BacklogFull`].
    pub fn send(&mut self, subscriber: &mut Subscriber, event: &Event<'_>) -> Result<bool, Error> {
        subscriber.registration.hub.refuse_if_inherited()?;
        let event = PrivateEvent::new(&subscriber.registration.hub, event)?;
        Ok(subscriber.registration.hub.closing().is_none() && self.queue(subscriber, event))
    }

    /// Queues an event that was encoded before, while the hub was open. Returns whether it was taken, as
    /// [`send`](Self::send) does: the hub may be closing by now, but the connection must not have been told so.
    pub fn queue(&mut self, subscriber: &mut Subscriber, mut event: PrivateEvent) -> bool {
        let hub = &subscriber.registration.hub;
        let over =
            subscriber.private.as_ref().is_some_and(|private| private.end.is_some() || private.said_farewell);
        if over || !hub.is_here() {
            return false;
        }
        // Not the frame's own size: an idle client may be sent a single event of any allowed size.
        if subscriber.private_bytes() > hub.config.slow_client.bytes
            && waiting(subscriber).is_none()
            && !enforce_policy(subscriber)
        {
            return false;
        }
        if subscriber.is_private() {
            event.after = subscriber.cursor;
        }
        if subscriber.offer.is_stopped() {
            event.backlogged = None;
        }
        subscriber.private_mut().push(event);
        true
    }

    /// Where other threads register subscribers that are to be this reader's.
    #[must_use]
    pub fn registrar(&self) -> Registrar {
        Registrar(Arc::clone(&self.registration))
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
        let change = Registrar(Arc::clone(&subscriber.registration)).change_topics(add, remove)?;
        self.apply(subscriber, change);
        Ok(())
    }

    /// Makes a change of topics that was [asked for](Registrar::change_topics) before. One that is for another
    /// reader's subscribers changes nothing.
    pub fn apply(&mut self, subscriber: &mut Subscriber, change: TopicChange) {
        let hub = &subscriber.registration.hub;
        if !hub.is_here() || !Arc::ptr_eq(&subscriber.registration, &change.registration) {
            return;
        }
        let was_private = subscriber.is_private();
        let at = change.cursor();
        let (topics, fresh) = change.replace(&subscriber.topics);
        subscriber.topics = topics;
        if let Some(private) = &mut subscriber.private {
            // A topic that left begins anew when it comes back.
            private.joined.retain(|(key, _)| subscriber.topics.contains(*key) && !fresh.contains(key));
        }
        if was_private && !fresh.is_empty() {
            subscriber.cursor = subscriber.cursor.max(at);
            // It has a place in the log from now on, and must know it to come back to it.
            subscriber.private_mut().greet = true;
        } else if subscriber.cursor < at && !fresh.is_empty() {
            let joined = &mut subscriber.private_mut().joined;
            joined.extend(fresh.into_iter().map(|key| (key, at)));
            joined.sort_unstable();
        }
        let passed = subscriber.registration.hub.log().count_passed(subscriber.position());
        subscriber.passed = passed;
    }

    /// The names of a subscriber's topics; none in a child of the reader's process.
    #[must_use]
    pub fn topic_names(&self, subscriber: &Subscriber) -> Vec<Arc<str>> {
        if !subscriber.registration.hub.is_here() {
            return Vec::new();
        }
        subscriber.registration.hub.log().topic_names(&subscriber.topics)
    }

    /// Ends a subscriber once everything that was published and sent before is out.
    pub fn end(&mut self, subscriber: &mut Subscriber, reason: Reason) {
        if !subscriber.registration.hub.is_here() {
            return;
        }
        let head = subscriber.registration.hub.log().head();
        self.end_after(subscriber, reason, head);
    }

    /// Ends a subscriber once everything is out that was published up to a sequence number, or sent before. If its
    /// server shuts down, a jittered reconnection time comes last.
    pub fn end_after(&mut self, subscriber: &mut Subscriber, reason: Reason, last: u64) {
        let private = subscriber.private.as_deref();
        if private.is_some_and(|private| private.end.is_some()) {
            return;
        }
        let told = private.is_some_and(|private| private.said_farewell);
        subscriber.reason = reason;
        subscriber.private_mut().end = Some(last);
        if reason == Reason::Shutdown && !told {
            let after = if subscriber.is_private() { subscriber.cursor } else { last };
            let retry = self.spread_retry();
            if !retry.is_empty() {
                let frame = retry.into();
                subscriber.private_mut().push(PrivateEvent { after, frame, events: 0, backlogged: None });
            }
        }
    }

    /// Notes that a subscriber took some bytes, though perhaps not all it was given.
    pub fn progress(&mut self, subscriber: &mut Subscriber) {
        subscriber.progressed_at = self.hub().now();
    }

    /// Notes that a subscriber takes nothing until it [goes on](Self::go_on): what there is for it has been offered. It is
    /// the client's doing if it is `full`; otherwise the host has still something to do.
    pub fn stop(&mut self, subscriber: &mut Subscriber, full: bool) {
        let now = self.hub().now();
        if full {
            let (cursor, private) = (subscriber.cursor, subscriber.private_bytes());
            subscriber.offer.renew(cursor, cursor.max(self.round.head), private, now);
        }
        subscriber.offer.stop(full, now);
        if let Some(private) = &mut subscriber.private {
            private.offered();
        }
    }

    /// Notes that a subscriber takes again.
    pub fn go_on(&mut self, subscriber: &mut Subscriber) {
        let now = self.hub().now();
        subscriber.offer.go_on(now);
        subscriber.progressed_at = now;
    }

    /// Looks at a subscriber that does not take what waits for it. Past a limit the policy decides: `Err` is the
    /// reason to disconnect it for; otherwise it may have jumped to the head. `Ok` is how many bytes wait, those of
    /// a replay among them; with none its cursor holds nothing back.
    ///
    /// The limits: so many bytes, once it has been full for a second without having taken what it was offered before; a
    /// time without progress; and as many bytes as the hub's backlog may have, at any time.
    ///
    /// # Errors
    /// [`Reason::Lagged`]; [`Reason::Error`] in a child of the reader's process.
    pub fn check_lag(&mut self, subscriber: &mut Subscriber) -> Result<u64, Reason> {
        let hub = Arc::clone(&subscriber.registration.hub);
        if !hub.is_here() {
            return Err(Reason::Error);
        }
        match waiting(subscriber) {
            Some(bytes) => Ok(bytes),
            None if enforce_policy(subscriber) => Ok(0),
            None => Err(Reason::Lagged),
        }
    }
}

/// How many bytes wait for a subscriber that is within its limits; `None` for one that is slow.
fn waiting(subscriber: &mut Subscriber) -> Option<u64> {
    let hub = Arc::clone(&subscriber.registration.hub);
    let (limit, now) = (&hub.config.slow_client, hub.now());
    let private = subscriber.private_bytes();
    let position = subscriber.position();
    let log = hub.log();
    let lost = log.lost(position);
    let lag = log.lag(position, subscriber.live_from) + private as u64;
    let waits = log.lag(position, 0) + private as u64;
    let head = log.head();
    drop(log);
    subscriber.offer.renew(subscriber.cursor, head, private, now);
    let still = now.saturating_sub(subscriber.progressed_at);
    let slow = lost
        || lag > hub.config.lag_bound()
        || still > millis(limit.time)
        || (lag > limit.bytes as u64 && subscriber.offer.is_late(limit, now));
    (!slow).then_some(waits)
}

fn hand_over(subscriber: &mut Subscriber, batch: Batch) -> Next {
    let hub = &subscriber.registration.hub;
    let now = hub.now();
    hub.counters.delivered.fetch_add(u64::from(batch.events()), Ordering::Relaxed);
    hub.counters.bytes.fetch_add(batch.len() as u64, Ordering::Relaxed);
    (subscriber.progressed_at, subscriber.sent_at) = (now, now);
    subscriber.tidy();
    Next::Batch(batch)
}

/// Applies the policy to a subscriber over its limit. Returns whether it goes on.
fn enforce_policy(subscriber: &mut Subscriber) -> bool {
    let hub = Arc::clone(&subscriber.registration.hub);
    if hub.config.slow_client.policy == Policy::Disconnect {
        subscriber.reason = Reason::Lagged;
        let private = subscriber.private_mut();
        // Nothing more is for it: it ends at once, and resumes when it comes back.
        *private = PrivateQueue { end: Some(0), ..PrivateQueue::default() };
        return false;
    }
    let log = hub.log();
    let (head, published) = (log.head(), log.published(&subscriber.topics));
    drop(log);
    let missed = subscriber.passed.map(|passed| published - passed);
    let given_up = subscriber.private_bytes();
    subscriber.offer.take_private(given_up);
    subscriber.private_mut().skip(missed);
    subscriber.passed = Some(published);
    subscriber.cursor = subscriber.cursor.max(head);
    subscriber.progressed_at = hub.now();
    true
}
