use std::mem::offset_of;
use std::time::Duration;

use ssecast::{Config, Error, ErrorKind, History, OptionKey, Policy, SlowClient, open_store};

use crate::error::{Failure, ssecast_result};
use crate::number::{SSECAST_OFF, milliseconds, or_default};
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// What happens to a client that is too slow.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_policy {
    /// Its connection ends: it comes back and resumes.
    SSECAST_POLICY_DISCONNECT = 0,
    /// It jumps to the newest event, after a reset event that says how many it missed.
    SSECAST_POLICY_SKIP = 1,
}

/// How a hub behaves. Times are in milliseconds. A number that is 0 has its default, so that a designated initializer does:
/// `{.size = sizeof config, .max_connections = 500}`. `SSECAST_ZERO` stands for a real zero, `SSECAST_OFF` turns off what
/// can be off.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_hub_config {
    /// `sizeof(ssecast_hub_config)`; `ssecast_hub_config_init` sets it.
    pub size: usize,
    /// The most events that a topic keeps for clients that come back, or `SSECAST_OFF`; `SSECAST_ZERO` keeps none.
    /// Default 1000. One of the three caps of the history must be on.
    pub history_events: u64,
    /// The most bytes of memory of a topic's events, each its encoded bytes and 128, or `SSECAST_OFF`. Default 8 MiB.
    pub history_bytes: u64,
    /// The longest time that a topic keeps an event, or `SSECAST_OFF`. Default 300000.
    pub history_ms: u64,
    /// The most bytes that may wait for a client which has not taken, within a second, what it was offered before.
    /// Default 1 MiB.
    pub slow_client_bytes: u64,
    /// The longest time in which a client that something waits for takes nothing. Default 30000.
    pub slow_client_ms: u64,
    /// The silence on a connection after which it is sent a heartbeat, or `SSECAST_OFF`. Default 15000.
    pub heartbeat_ms: u64,
    /// The reconnection time that each client is told first, or `SSECAST_OFF`. Default 2000.
    pub retry_ms: u64,
    /// The type of the event that tells a client of lost events; an empty text sends none. Left out, or by default,
    /// `reset`.
    pub reset_event: ssecast_slice,
    /// The most connections at once; one more is refused, none is ever evicted. Default 100000.
    pub max_connections: u64,
    /// The most topics at once. Default 100000.
    pub max_topics: u64,
    /// The most bytes of one encoded event. Default 1 MiB.
    pub max_event_bytes: u64,
    /// An `ssecast_policy`: what happens past a limit of the slow client. Default `SSECAST_POLICY_DISCONNECT`.
    pub slow_client_policy: u32,
    /// How many threads write to the sockets of this hub alone; 0 shares the threads of the process, which are one
    /// fewer than there are cores, at least one and at most four, and write the streams of listeners in any case.
    /// Threads start with the first connection. Default 0.
    pub threads: u32,
    /// The most bytes of events that may wait to be offered to connections; one more event is refused with
    /// `SSECAST_BACKLOG_FULL`, unless none waits. A client may never lag by more. Default 64 MiB.
    pub max_backlog_bytes: u64,
    /// Where the log is kept, such as `file:./events`, a folder; left out, it is in the memory of this process. All processes
    /// that have the same store have the same topics, events and ids, and each event reaches the clients of all of them. Give
    /// all the same history. Nothing is opened before the first event or connection, in each process, also in a child. Default
    /// left out.
    pub store: ssecast_slice,
    /// The longest time that a publication waits for the store; then it fails with `SSECAST_STORE_TIMED_OUT`, and nothing was
    /// published. Default 1000.
    pub publish_timeout_ms: u64,
    /// How long a topic that has ended is kept for those who come for it; then its name is that of another topic. Give all
    /// processes of a store the same. Default 60000.
    pub keep_ended_ms: u64,
}

// SAFETY: integers and slices, none of them with a gap before it.
unsafe impl Versioned for ssecast_hub_config {
    const FIRST: usize = offset_of!(Self, store);

    fn defaults() -> Self {
        let config = Config::default();
        Self {
            size: size_of::<Self>(),
            history_events: config.history.events.map_or(SSECAST_OFF, |events| events as u64),
            history_bytes: config.history.bytes.map_or(SSECAST_OFF, |bytes| bytes as u64),
            history_ms: config.history.age.map_or(SSECAST_OFF, milliseconds),
            slow_client_bytes: config.slow_client.bytes as u64,
            slow_client_ms: milliseconds(config.slow_client.time),
            heartbeat_ms: config.heartbeat.map_or(SSECAST_OFF, milliseconds),
            retry_ms: config.retry.map_or(SSECAST_OFF, milliseconds),
            reset_event: ssecast_slice::new(b"reset"),
            max_connections: config.max_connections as u64,
            max_topics: config.max_topics as u64,
            max_event_bytes: config.max_event_bytes as u64,
            slow_client_policy: ssecast_policy::SSECAST_POLICY_DISCONNECT as u32,
            threads: 0,
            max_backlog_bytes: config.max_backlog_bytes as u64,
            store: ssecast_slice::NONE,
            publish_timeout_ms: milliseconds(config.publish_timeout),
            keep_ended_ms: milliseconds(config.keep_ended),
        }
    }
}

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_hub_config)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_config_init(
    config: *mut ssecast_hub_config,
    size: usize,
) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(config, "config", size) }
}

impl ssecast_hub_config {
    /// # Safety
    /// The bytes of its slices are there.
    pub(crate) unsafe fn core(&self) -> Result<Config, Failure> {
        let default = Self::defaults();
        let optional = |number: u64, default| {
            let number = or_default(number, default);
            (number != SSECAST_OFF).then_some(number)
        };
        let required = or_default;
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        // SAFETY: the caller's promise.
        let reset_event = unsafe { self.reset_event.text("reset_event", ErrorKind::InvalidOption) }?;
        let reset_event = reset_event.unwrap_or("reset");
        // SAFETY: the caller's promise.
        let store = unsafe { self.store.text("store", ErrorKind::InvalidOption) }?;
        let policy = match self.slow_client_policy {
            policy if policy == ssecast_policy::SSECAST_POLICY_DISCONNECT as u32 => Policy::Disconnect,
            policy if policy == ssecast_policy::SSECAST_POLICY_SKIP as u32 => Policy::Skip,
            other => {
                let problem = format!("must be an ssecast_policy, and is {other}");
                return Err(Error::new(ErrorKind::InvalidOption, OptionKey::SlowClientPolicy, problem).into());
            }
        };
        if self.threads > MAX_THREADS {
            let problem = format!("must be at most {MAX_THREADS}, and is {}", self.threads);
            return Err(Error::new(ErrorKind::InvalidOption, OptionKey::Threads, problem).into());
        }
        Ok(Config {
            history: History {
                events: optional(self.history_events, default.history_events).map(size),
                bytes: optional(self.history_bytes, default.history_bytes).map(size),
                age: optional(self.history_ms, default.history_ms).map(Duration::from_millis),
            },
            slow_client: SlowClient {
                bytes: size(required(self.slow_client_bytes, default.slow_client_bytes)),
                time: Duration::from_millis(required(self.slow_client_ms, default.slow_client_ms)),
                policy,
            },
            heartbeat: optional(self.heartbeat_ms, default.heartbeat_ms).map(Duration::from_millis),
            retry: optional(self.retry_ms, default.retry_ms).map(Duration::from_millis),
            reset_event: (!reset_event.is_empty()).then(|| reset_event.into()),
            max_connections: size(required(self.max_connections, default.max_connections)),
            max_topics: size(required(self.max_topics, default.max_topics)),
            max_event_bytes: size(required(self.max_event_bytes, default.max_event_bytes)),
            max_backlog_bytes: size(required(self.max_backlog_bytes, default.max_backlog_bytes)),
            store: store.map(open_store).transpose()?,
            publish_timeout: Duration::from_millis(required(
                self.publish_timeout_ms,
                default.publish_timeout_ms,
            )),
            keep_ended: Duration::from_millis(required(self.keep_ended_ms, default.keep_ended_ms)),
        })
    }
}

/// More than this is a mistake: the kernel does nearly all of the work.
const MAX_THREADS: u32 = 1024;
