use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ssecast_codec::{Error, Event};

use crate::clock::{Clock, SystemClock, millis};
use crate::config::Config;
use crate::epoch::Epoch;
use crate::frame::{Draft, encode};
use crate::hold::Hold;
use crate::log::Log;
use crate::private_queue::PrivateEvent;
use crate::process::PerProcess;
use crate::published::Published;
use crate::reader::Reader;
use crate::readers::Wake;
use crate::shared::{Closing, Shared};
use crate::stats::{Counters, Stats};
use crate::store_link::StoreLink;
use crate::stored;
use crate::subscription::Subscription;
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::topic_name::check_name;
use crate::unread_watch::{self, UnreadWatch};

/// A hub: the topics, their history, and the connections that read them.
///
/// Clones are handles of the same hub. Every method may be called from any thread.
///
/// A child process that has it by a fork has a hub of its own in it from its first use on: with the same options, but
/// with an epoch of its own, and without the parent's history and connections. Nothing has to tell it of the fork.
///
/// ```
/// use ssecast_hub::{Config, Event, Hub};
/// let hub = Hub::new(Config::default())?;
/// let published = hub.publish("ticks", &Event { data: Some("1"), ..Event::default() })?;
/// assert_eq!(published.subscribers, 0);
/// # Ok::<(), ssecast_hub::Error>(())
/// ```
#[derive(Clone)]
pub struct Hub(Arc<Processes>);

/// A hub in each process that has it.
struct Processes {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    hubs: PerProcess<Arc<Shared>>,
    /// The epoch in the process that made it.
    epoch: Epoch,
    /// It was closed in this process, or in a parent before the fork.
    closed: AtomicBool,
}

/// How to close a hub.
#[derive(Clone, Copy, Debug)]
pub struct Close<'a> {
    /// A last event for every connection.
    pub event: Option<Event<'a>>,
    /// How long connections may take to get what is pending for them. Default 1 s.
    pub grace: Duration,
}

impl Default for Close<'_> {
    fn default() -> Self {
        Self { event: None, grace: Duration::from_secs(1) }
    }
}

impl Processes {
    /// Makes the hub of a process.
    fn make(&self, epoch: Epoch) -> Arc<Shared> {
        let closed = self.closed.load(Ordering::Relaxed);
        let shared = Arc::new(Shared::new(&self.config, &self.clock, epoch, closed));
        unread_watch::answer_others(&shared);
        shared
    }
}

impl Hub {
    /// Makes a hub.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption) names an option that is out of its range.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::with_clock(config, SystemClock::default())
    }

    /// Makes a hub that takes the time from a clock of the caller's.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(config: Config, clock: impl Clock) -> Result<Self, Error> {
        config.validate()?;
        let hub = Self(Arc::new(Processes {
            config: Arc::new(config),
            clock: Arc::new(clock),
            hubs: PerProcess::new(),
            epoch: Epoch::random()?,
            closed: AtomicBool::new(false),
        }));
        hub.0.hubs.get_or_init(|| hub.0.make(hub.0.epoch));
        Ok(hub)
    }

    /// The hub in this process.
    pub(crate) fn here(&self) -> &Arc<Shared> {
        let processes = &*self.0;
        processes.hubs.get_or_init(|| processes.make(processes.epoch.of_child()))
    }

    /// Publishes an event to a topic. The cost does not depend on the number of subscribers, and no slow one is
    /// waited for.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic), [`ErrorKind::InvalidEvent`](crate::ErrorKind::InvalidEvent), [`ErrorKind::InvalidId`](crate::ErrorKind::InvalidId) (also when a retained
    /// event has the id), [`ErrorKind::EventTooLarge`](crate::ErrorKind::EventTooLarge), [`ErrorKind::TooManyTopics`](crate::ErrorKind::TooManyTopics), [`ErrorKind::Closed`](crate::ErrorKind::Closed),
    /// [`ErrorKind::BacklogFull`](crate::ErrorKind::BacklogFull) when more is published than can be offered to connections
    /// ([`Config::max_backlog_bytes`]); then nothing is published.
    ///
    /// With a store it waits for that, [`Config::publish_timeout`] at most, and
    /// [`ErrorKind::StoreTimedOut`](crate::ErrorKind::StoreTimedOut), [`ErrorKind::StoreFull`](crate::ErrorKind::StoreFull),
    /// [`ErrorKind::StoreFormat`](crate::ErrorKind::StoreFormat) and
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable) say what is wrong with it.
    pub fn publish(&self, topic: &str, event: &Event<'_>) -> Result<Published, Error> {
        let shared = self.here();
        check_name(topic)?;
        if let Some(link) = &shared.store {
            return stored::publish(shared, link, topic, event);
        }
        if let Some(id) = event.id {
            shared.epoch.check_publishers_id(id)?;
        }
        let expected = shared.head_hint.load(Ordering::Relaxed) + 1;
        let draft = Draft::new(event, shared.config.max_event_bytes, shared.epoch, expected)?;
        let now = shared.now();
        let mut log = shared.log();
        shared.refuse_if_closing()?;
        log.refuse_if_backlogged(draft.len(), shared.counters.private_backlog(), now)?;
        let appended = log.append(topic, event.id, now, draft)?;
        shared.head_hint.store(appended.sequence, Ordering::Relaxed);
        drop(log);
        appended.wakes.iter().for_each(|wake| wake.wake());
        let id = event.id.map_or_else(|| shared.epoch.id(appended.sequence), Into::into);
        Ok(Published { id, subscribers: appended.subscribers })
    }

    /// Publishes as [`publish`](Self::publish) does, and waits for no store: `done` is called with the outcome, once. Without a
    /// store that is before this returns. With one, a thread of the hub appends what waits, and calls `done` outside every
    /// lock, in the order in which events were published; the first call starts it. Events are published in the order of the calls, also of those of `publish`. A
    /// closed hub has `done` called with [`ErrorKind::Closed`](crate::ErrorKind::Closed) for those that were not appended.
    ///
    /// ```
    /// use ssecast_hub::{Config, Event, Hub};
    /// let hub = Hub::new(Config::default())?;
    /// let (told, outcome) = std::sync::mpsc::channel();
    /// let event = Event { data: Some("1"), ..Event::default() };
    /// hub.publish_then("ticks", &event, move |published| told.send(published).unwrap_or_default())?;
    /// assert_eq!(outcome.recv().unwrap()?.subscribers, 0);
    /// # Ok::<(), ssecast_hub::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of the topic's and the event's fields, and [`ErrorKind::BacklogFull`](crate::ErrorKind::BacklogFull) when more
    /// than [`Config::max_backlog_bytes`] would wait for the store; then `done` is not called.
    pub fn publish_then(
        &self,
        topic: &str,
        event: &Event<'_>,
        done: impl FnOnce(Result<Published, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let shared = self.here();
        let Some(link) = &shared.store else {
            done(Ok(self.publish(topic, event)?));
            return Ok(());
        };
        check_name(topic)?;
        stored::publish_then(shared, link, topic, event, Box::new(done))
    }

    /// Encodes an event for one connection alone. Its place is behind everything that was published before.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEvent`](crate::ErrorKind::InvalidEvent), [`ErrorKind::InvalidId`](crate::ErrorKind::InvalidId), [`ErrorKind::EventTooLarge`](crate::ErrorKind::EventTooLarge), [`ErrorKind::BacklogFull`](crate::ErrorKind::BacklogFull).
    pub fn private(&self, event: &Event<'_>) -> Result<PrivateEvent, Error> {
        self.here().private_event(event)
    }

    /// Makes the last block of a stream that is finished for good ([`is_finished`](crate::is_finished)), for one
    /// connection. Its place is behind everything that was published before.
    #[must_use]
    pub fn final_block(&self) -> PrivateEvent {
        PrivateEvent::final_block(self.head())
    }

    /// The sequence number of the event that was published last; zero if none was.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.here().log().head()
    }

    /// Tells the hubs of a process apart: handles of the same hub have the same key, for as long as one of them is there,
    /// or one of its readers.
    #[must_use]
    pub fn key(&self) -> usize {
        Arc::as_ptr(self.here()).addr()
    }

    /// Has a producer told when a topic is not read any more: `done` is called once when it has had a reader since this call
    /// and then had none for so long, in no process that shares the store. While there has never been a reader it is not
    /// called. Dropping the watch ends the interest, and so do the end of the topic and closing the hub.
    ///
    /// With a store the other processes are asked, by entries of its log. One that is killed, or can't reach the store, counts
    /// as without readers after 15 s. While this process can't reach the store, and for 15 s after that, `done` is not called.
    ///
    /// `done` is called on a thread of the hub, outside every lock, and must return soon. The first watch starts the thread.
    ///
    /// ```
    /// use ssecast_hub::{Config, Hub, Subscription};
    /// use std::time::Duration;
    /// let hub = Hub::new(Config::default())?;
    /// let (stop, stopped) = std::sync::mpsc::channel();
    /// let watch = hub.when_unread("answer", Duration::from_millis(1), move || stop.send(()).unwrap_or_default())?;
    /// let mut reader = hub.reader(std::sync::Arc::new(|| { /* wake the delivery thread */ }));
    /// let client = reader.subscribe(&Subscription { topics: &["answer"], ..Subscription::default() })?;
    /// drop(client);
    /// stopped.recv().expect("the producer is told");
    /// # drop(watch);
    /// # Ok::<(), ssecast_hub::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic), [`ErrorKind::Closed`](crate::ErrorKind::Closed), and
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system has no thread for it.
    pub fn when_unread(
        &self,
        topic: &str,
        after: Duration,
        done: impl FnOnce() + Send + 'static,
    ) -> Result<UnreadWatch, Error> {
        check_name(topic)?;
        UnreadWatch::new(self.here(), topic, millis(after), Box::new(done))
    }

    /// Registers a reader: one thread or event loop that delivers to connections. `wake` is called, from any
    /// thread and outside every lock, when the reader has something to look at and has not been woken yet.
    #[must_use]
    pub fn reader(&self, wake: Arc<dyn Wake>) -> Reader {
        Reader::new(Arc::clone(self.here()), wake)
    }

    /// Checks whether a connection could be registered for a subscription now, and registers none: what HEAD is answered.
    ///
    /// # Errors
    /// Those of [`Reader::subscribe`].
    pub fn check_subscription(&self, subscription: &Subscription<'_>) -> Result<(), Error> {
        self.reader(Arc::new(|| {})).check(subscription)
    }

    /// Closes the hub: refuses publications and connections from now on, lets every connection have what is
    /// pending for it, then the last event and a jittered reconnection time, and ends it. What is not out by the
    /// end of the grace period is given up. Closing twice changes nothing.
    ///
    /// # Errors
    /// Those of the last event's fields; then the hub stays open.
    pub fn close(&self, close: &Close<'_>) -> Result<(), Error> {
        let shared = self.here();
        let farewell = close
            .event
            .map(|event| encode(&event, shared.config.max_event_bytes))
            .transpose()?
            .map(Bytes::from);
        let deadline = shared.now().saturating_add(millis(close.grace));
        let log = shared.log();
        if shared.closing.set(Closing { farewell, deadline }).is_err() {
            return Ok(());
        }
        self.0.closed.store(true, Ordering::Relaxed);
        let wakes = log.readers.wakes();
        drop(log);
        shared.ended.notify_all();
        wakes.iter().for_each(|wake| wake.wake());
        Ok(())
    }

    /// Waits until the hub was closed and all is over, for so long at most, and returns whether that is so: the last
    /// connection has ended, what it had to get was handed to the system, and every call into the host has returned.
    /// It blocks this thread, which therefore must not be the one that delivers to the connections, nor one of the
    /// engine's in a call into the host.
    #[must_use]
    pub fn wait_closed(&self, timeout: Duration) -> bool {
        self.wait(timeout, |log| log.connections == 0 && log.holds == 0)
    }

    /// Waits as [`wait_closed`](Self::wait_closed) does, but for what the engine's threads do alone: not for the
    /// connections that hosts still deliver to.
    #[must_use]
    pub fn wait_released(&self, timeout: Duration) -> bool {
        self.wait(timeout, |log| log.holds == 0)
    }

    /// Keeps the hub's end from being over until the hold is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed): it may be over already.
    pub fn hold(&self) -> Result<Hold, Error> {
        let shared = self.here();
        let mut log = shared.log();
        shared.refuse_if_closing()?;
        log.holds += 1;
        drop(log);
        Ok(Hold::counted(Arc::clone(shared)))
    }

    fn wait(&self, timeout: Duration, is_over: impl Fn(&Log) -> bool) -> bool {
        let shared = self.here();
        // By the system's clock: no other one ends a wait.
        let begin = Instant::now();
        let mut log = shared.log();
        while shared.closing().is_none() || !is_over(&log) {
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return false;
            }
            log = shared.ended.wait_timeout(log, left);
        }
        true
    }

    /// A reconnection time for a client that is turned away: the configured one and up to as much again, so that not
    /// all come back at once. `None` if the hub tells none.
    #[must_use]
    pub fn jittered_retry(&self) -> Option<Duration> {
        self.here().jitter.retry()
    }

    /// Counts a client that is told that it can have no stream for the moment ([`Stats::refused`]).
    pub fn count_refusal(&self) {
        self.here().counters.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the hub was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.here().closing().is_some()
    }

    /// What the hub was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Reads the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = self.here();
        let now = shared.now();
        let mut log = shared.log();
        let (connections, published) = (log.connections as u64, log.published_in_life());
        let [topics, history_events, held_bytes] = log.totals(now);
        let (lagging, lag_bytes) = log.readers.lag();
        let backlog = log.backlog(now);
        drop(log);
        let counters = &shared.counters;
        Stats {
            connections,
            topics,
            published,
            store: shared.store.as_ref().map(StoreLink::state),
            delivered: counters.delivered.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
            history_events,
            held_bytes: held_bytes + counters.private_held.load(Ordering::Relaxed),
            lagging,
            lag_bytes,
            backlog_bytes: backlog + counters.private_backlog(),
            refused: counters.refused.load(Ordering::Relaxed),
            disconnects: Counters::read(&counters.disconnects),
            resets: Counters::read(&counters.resets),
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("epoch", &self.here().log().epoch().to_string()).finish_non_exhaustive()
    }
}
