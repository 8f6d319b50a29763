use std::time::Duration;

use ssecast_codec::{Error, ErrorKind, Event, OptionKey};

use crate::clock::millis;
use crate::store::SharedStore;

/// How a hub behaves. The default suits a web application; change what differs.
///
/// ```
/// use ssecast_hub::{Config, History, Hub};
/// let config = Config { history: History { events: Some(100), ..History::default() }, ..Config::default() };
/// let hub = Hub::new(config)?;
/// # Ok::<(), ssecast_hub::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What each topic keeps for clients that come back.
    pub history: History,
    /// When a client counts as slow, and what happens to it then.
    pub slow_client: SlowClient,
    /// The silence on a connection after which it is sent a heartbeat; `None` sends none. Default 15 s.
    pub heartbeat: Option<Duration>,
    /// The reconnection time that each client is told first; `None` leaves it to the client. Default 2 s.
    pub retry: Option<Duration>,
    /// The type of the event that tells a client of lost events; `None` sends none. Default `reset`.
    pub reset_event: Option<String>,
    /// The most connections at once. One more is refused, none is ever evicted. Default 100 000.
    pub max_connections: usize,
    /// The most topics at once. Default 100 000.
    pub max_topics: usize,
    /// The most bytes of one encoded event, not counting the id line that the hub adds. Default 1 MiB.
    pub max_event_bytes: usize,
    /// The most bytes of events that may wait to be offered to connections: of what was published or sent and no delivery
    /// thread or event loop has come to yet. One more event is refused, unless nothing waits. It is also the most that a
    /// client may lag, however short a time it has had. Default 64 MiB.
    pub max_backlog_bytes: usize,
    /// How long a topic that [has ended](crate::Hub::end_topic) is kept for those who come for it. Then it is forgotten: its
    /// name is that of another topic. All processes that share a store need the same. Default 60 s.
    pub keep_ended: Duration,
    /// Where the log is kept; `None` keeps it in this process's memory. Each process that has the same store has the same
    /// topics, events and ids, and publishes to the connections of all of them. Give all the same history.
    ///
    /// The store is opened by the first event or connection. Publishing waits until the store is free, for
    /// [`publish_timeout`](Self::publish_timeout) at most. A connection waits only if it is the first one, or if its client
    /// comes with an id that this process has not seen: 100 ms, and not at all while the store is known not to be free.
    pub store: Option<SharedStore>,
    /// The longest time that an event waits for the store; then it is refused with
    /// [`ErrorKind::StoreTimedOut`](crate::ErrorKind::StoreTimedOut). Without a store it means nothing. Default 1 s.
    pub publish_timeout: Duration,
}

/// What a topic keeps: its newest events, up to each of the caps that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The most events of one topic; zero keeps none. Default 1000.
    pub events: Option<usize>,
    /// The most bytes of memory that one topic's events cost: each its encoded bytes, [`EVENT_COST`](Self::EVENT_COST),
    /// and, with an id of the publisher's, that id once more and
    /// [`ID_COST`](Self::ID_COST). Default 8 MiB.
    pub bytes: Option<usize>,
    /// The longest time that an event is kept. Default 300 s.
    pub age: Option<Duration>,
}

/// When a client counts as slow: when it does not take what it is offered. A replay that was asked for is not lag; what is
/// published during it is. Nor is what the hub has still to offer: that is its [backlog](Config::max_backlog_bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowClient {
    /// The most bytes that may wait for a client which has not taken, within a second, what it was offered before.
    /// Default 1 MiB.
    pub bytes: usize,
    /// The longest time in which a client that something waits for takes nothing. Default 30 s.
    pub time: Duration,
    /// What happens past either limit.
    pub policy: Policy,
}

/// What happens to a slow client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// End the connection: the client comes back and resumes.
    #[default]
    Disconnect,
    /// Jump to the newest event, after a reset event that says how many were missed.
    Skip,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            history: History::default(),
            slow_client: SlowClient::default(),
            heartbeat: Some(Duration::from_secs(15)),
            retry: Some(Duration::from_secs(2)),
            reset_event: Some("reset".into()),
            max_connections: 100_000,
            max_topics: 100_000,
            max_event_bytes: 1 << 20,
            max_backlog_bytes: 64 << 20,
            keep_ended: Duration::from_secs(60),
            store: None,
            publish_timeout: Duration::from_secs(1),
        }
    }
}

impl History {
    /// What an event in the history costs besides its encoded bytes: its place in the ring, and what the allocator adds.
    pub const EVENT_COST: usize = 128;

    /// What an id of the publisher's costs besides its own bytes: its place in the index, a hash table that is half full
    /// at times, and what the allocator adds.
    pub const ID_COST: usize = 160;
}

impl Default for History {
    fn default() -> Self {
        Self { events: Some(1000), bytes: Some(8 << 20), age: Some(Duration::from_secs(300)) }
    }
}

impl SlowClient {
    /// How long a client may be full before the bytes that wait for it count against it: a burst is no lag.
    const GRACE: Duration = Duration::from_secs(1);

    /// That time in milliseconds; a shorter [`time`](Self::time) is the limit for this too.
    pub(crate) fn grace(&self) -> u64 {
        millis(self.time.min(Self::GRACE))
    }
}

impl Default for SlowClient {
    fn default() -> Self {
        Self { bytes: 1 << 20, time: Duration::from_secs(30), policy: Policy::Disconnect }
    }
}

impl Config {
    /// The most bytes that may wait for any client.
    pub(crate) fn lag_bound(&self) -> u64 {
        self.max_backlog_bytes.max(self.slow_client.bytes) as u64
    }

    /// Refuses what can't work, naming the option.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let invalid = |option, problem| Err(Error::new(ErrorKind::InvalidOption, option, problem));
        if self.history == (History { events: None, bytes: None, age: None }) {
            return invalid(
                OptionKey::History,
                "must keep at least one of its caps (events, bytes or time): memory is bounded",
            );
        }
        for (option, time) in [
            (OptionKey::Heartbeat, self.heartbeat),
            (OptionKey::HistoryAge, self.history.age),
            (OptionKey::SlowClientTime, Some(self.slow_client.time)),
            (OptionKey::PublishTimeout, Some(self.publish_timeout)),
        ] {
            if time.is_some_and(|time| time < Duration::from_millis(1)) {
                return invalid(option, "must be at least 1 ms, or be turned off");
            }
        }
        if self.keep_ended < Duration::from_millis(1) {
            return invalid(OptionKey::KeepEnded, "must be at least 1 ms");
        }
        for (option, number) in [
            (OptionKey::SlowClientBytes, self.slow_client.bytes),
            (OptionKey::MaxConnections, self.max_connections),
            (OptionKey::MaxTopics, self.max_topics),
            (OptionKey::MaxEventBytes, self.max_event_bytes),
            (OptionKey::MaxBacklogBytes, self.max_backlog_bytes),
        ] {
            if number == 0 {
                return invalid(option, "must be at least 1");
            }
        }
        let Some(name) = self.reset_event.as_deref() else { return Ok(()) };
        if name.is_empty() {
            return invalid(OptionKey::ResetEvent, "must not be empty; turn it off instead");
        }
        Event { event: Some(name), ..Event::default() }.validate().map_err(|error| {
            Error::new(ErrorKind::InvalidOption, OptionKey::ResetEvent, error.problem().into_owned())
        })
    }
}
