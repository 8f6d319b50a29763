use std::time::Duration;

use ssecast_codec::{Error, ErrorKind, OptionKey};

use crate::backlog_marks::BacklogMarks;
use crate::batch::{BATCH_BYTES, Batch};
use crate::batch_cache::{BatchCache, CachedBatch};
use crate::beginning::Beginning;
use crate::clock::millis;
use crate::config::Config;
use crate::finish::is_finished;
use crate::log::{Found, Log};
use crate::position::Position;
use crate::private_queue::PrivateQueue;
use crate::readers::Wake;
use crate::registrar::Registrar;
use crate::registration::Registration;
use crate::shared::Shared;
use crate::stats::Reason;
use crate::stored;
use crate::subscriber::Subscriber;
use crate::subscription::Subscription;
use crate::sync::Arc;
use crate::topic_end::all_ended;
use crate::topic_set::{TopicKey, TopicSet};

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
    cache: BatchCache,
    round: Round,
    marks: BacklogMarks,
}

/// What the log was at the beginning of a round, or is now.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    head: u64,
    /// The deadline of a hub that is closing.
    closing: Option<u64>,
    /// When what is handed over is handed over: the clock is not read for each subscriber.
    now: u64,
}

/// What a read comes to for a subscriber.
enum Read {
    Batch(Batch),
    Nothing,
    /// Its last block is queued.
    Finished,
    Lost,
    OtherLife,
}

impl Reader {
    pub(crate) fn new(hub: Arc<Shared>, wake: Arc<dyn Wake>) -> Self {
        let now = hub.now();
        let mut log = hub.log();
        let (head, end) = (log.head(), log.end());
        let (reader, offered) = log.readers.add(wake, head, millis(hub.config.slow_client.time));
        drop(log);
        Self {
            registration: Arc::new(Registration { hub, reader }),
            cache: BatchCache::default(),
            round: Round { head, closing: None, now },
            marks: BacklogMarks::new(end, offered),
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

    /// Reads the hub's time, which is also when the rest of the round hands over what it does. A long round reads it now and then.
    pub fn keep_time(&mut self) -> Duration {
        self.round.now = self.hub().now();
        Duration::from_millis(self.round.now)
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
    /// [`ErrorKind::Closed`] (also in a child of the reader's process), and what a store refuses;
    /// [`ErrorKind::TopicEnded`] if all of its topics have ended and there is nothing left for it to get, or if its last event ID
    /// [says so](crate::is_finished): it is answered 204, by which an `EventSource` stays away. Then nothing is registered.
    pub fn subscribe(&mut self, subscription: &Subscription<'_>) -> Result<Subscriber, Error> {
        let registration = Arc::clone(&self.registration);
        self.register(subscription, |log, topics, beginning, now| {
            let Beginning { cursor, joined, reset } = beginning;
            log.connections += 1;
            let live_from = log.head();
            let passed = log.count_passed(Position::new(&topics, &joined, cursor));
            let private = PrivateQueue { greet: true, reset, joined, ..PrivateQueue::default() };
            Subscriber::new(registration, topics, cursor, passed, live_from, private, now)
        })
    }

    /// Whether [`subscribe`](Self::subscribe) would register a subscriber now. Nothing is registered.
    pub(crate) fn check(&self, subscription: &Subscription<'_>) -> Result<(), Error> {
        let reader = self.registration.reader;
        self.register(subscription, |log, topics, _, _| log.unregister(reader, &topics))
    }

    /// Registers the topics of a subscription that there is room for, and hands them over under the log's lock.
    fn register<T>(
        &self,
        subscription: &Subscription<'_>,
        take: impl FnOnce(&mut Log, Arc<TopicSet>, Beginning, u64) -> T,
    ) -> Result<T, Error> {
        let Registration { hub, reader } = &*self.registration;
        hub.refuse_if_inherited()?;
        if subscription.last_event_id.is_some_and(is_finished) {
            return Err(all_ended());
        }
        if !subscription.topics.is_empty() {
            stored::prepare(hub, subscription.last_event_id)?;
        }
        let now = hub.now();
        let mut log = hub.log();
        hub.refuse_if_closing()?;
        let limit = hub.config.max_connections;
        if log.connections >= limit {
            let error = Error::new(ErrorKind::TooManyConnections, "connection", "would be one too many");
            return Err(error.with_limit(OptionKey::MaxConnections, limit as u64));
        }
        let topics = log.register(*reader, subscription.topics, now)?;
        let beginning = log.resume(*reader, &topics, subscription, now);
        let Beginning { cursor, joined, reset } = &beginning;
        if reset.is_none() && log.is_over(Position::new(&topics, joined, *cursor)) {
            log.unregister(*reader, &topics);
            return Err(all_ended());
        }
        Ok(take(&mut log, topics, beginning, now))
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
        let now = hub.now();
        let mut log = hub.log();
        let before = log.take_changed(self.registration.reader, changed);
        let head = log.head();
        let end = log.end();
        // Under the lock, as the hub is closed under it.
        self.round = Round { head, closing: hub.closing().map(|closing| closing.deadline), now };
        drop(log);
        self.marks.begin(before, end);
        head
    }

    /// Notes how far the round has come, for the hub's backlog: the least sequence number that a subscriber which is not
    /// blocked was offered everything up to; `None` when all were offered everything. Until this is called, what a round
    /// begins with counts as offered.
    pub fn note_offered(&mut self, behind: Option<u64>) {
        self.marks.note(behind);
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

    /// Takes what is next for a subscriber. The caller delivers all of a batch before it asks again. In a
    /// child of the reader's process the subscriber is over, and the connection is none of the child's to end.
    pub fn next(&mut self, subscriber: &mut Subscriber) -> Next {
        // Asked before the reads: what is published before the hub closes also comes before the farewell.
        let closing = subscriber.registration.hub.closing().map(|closing| closing.deadline);
        let now = subscriber.registration.hub.now();
        self.next_of(subscriber, Round { head: u64::MAX, closing, now })
    }

    /// Takes what is next for a subscriber as of the beginning of the round, which [`changed`](Self::changed) was:
    /// what was published since then waits for the next one, and so does the farewell of a hub that closed since.
    /// A caller that takes the orders of other threads in between has all that were given before what it reads.
    pub fn next_in_round(&mut self, subscriber: &mut Subscriber) -> Next {
        self.next_of(subscriber, self.round)
    }

    fn next_of(&mut self, subscriber: &mut Subscriber, round: Round) -> Next {
        if !subscriber.registration.hub.is_here() {
            return Next::End(Reason::Error);
        }
        loop {
            if let Some(batch) = subscriber.private_batch() {
                return Next::Batch(subscriber.hand_over(batch, round.now));
            }
            let private = subscriber.private.as_deref();
            let next_private = private.and_then(|private| private.frames.front()).map(|frame| frame.after);
            let end = private.and_then(|private| private.end);
            match self.read(subscriber, next_private.or(end), round.head) {
                Read::Batch(batch) => return Next::Batch(subscriber.hand_over(batch, round.now)),
                Read::Lost if !subscriber.enforce_policy() => return Next::End(Reason::Lagged),
                Read::Lost | Read::Finished => {}
                Read::OtherLife => subscriber.begin_again(),
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
                    subscriber.queue_farewell();
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
        let (topics, cursor) = (subscriber.topics.id(), subscriber.cursor);
        let shared = through.is_none()
            && subscriber.private.as_ref().is_none_or(|private| private.joined.is_empty())
            && Arc::ptr_eq(&subscriber.registration, &self.registration);
        if let (true, Some(cached)) = (shared, self.cache.get(topics, cursor)) {
            let (batch, is_over) = (cached.batch.clone(), cached.is_over);
            subscriber.move_past(cached.through, cached.last, batch.events());
            if is_over {
                subscriber.finish();
            }
            return Read::Batch(batch);
        }
        let log = subscriber.registration.hub.log();
        let through = through.unwrap_or(u64::MAX).min(head).min(log.head());
        let found = log.read(subscriber.position(), through, BATCH_BYTES);
        drop(log);
        match found {
            Found::Lost => Read::Lost,
            Found::OtherLife => Read::OtherLife,
            Found::Nothing { is_over } => {
                subscriber.cursor = subscriber.cursor.max(through);
                if is_over && subscriber.finish() { Read::Finished } else { Read::Nothing }
            }
            Found::Frames { frames, last, through, is_over } => {
                let batch = Batch::join(&frames, frames.len() as u32);
                subscriber.move_past(through, last, batch.events());
                if shared {
                    let cached = CachedBatch { batch: batch.clone(), last, through, is_over };
                    self.cache.insert(topics, cursor, cached);
                }
                if is_over {
                    subscriber.finish();
                }
                Read::Batch(batch)
            }
        }
    }

    /// Where other threads register subscribers that are to be this reader's.
    #[must_use]
    pub fn registrar(&self) -> Registrar {
        Registrar(Arc::clone(&self.registration))
    }

    /// Notes that a subscriber takes nothing until it [goes on](Subscriber::go_on): what the round has for it has been
    /// offered. It is the client's doing if it is `full`; otherwise the host has still something to do.
    pub fn stop(&self, subscriber: &mut Subscriber, full: bool) {
        subscriber.stop(full, self.round.head);
    }
}
