use std::ffi::c_char;
use std::sync::Mutex;
use std::time::Duration;

use ssecast::process::PerProcess;
use ssecast::{
    Close, Config, Error, ErrorKind, History, Hub, OptionKey, Policy, SlowClient, Sockets, check_topic,
    is_engine_thread,
};

use crate::entry::{entry, free, output, quiet, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::event::{self, SSECAST_ZERO, ssecast_event};
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// The value that turns off an option which can be off.
pub const SSECAST_OFF: u64 = u64::MAX;

/// A hub: topics, their history, and the connections that read them. Any thread may use it.
pub struct ssecast_hub {
    pub(crate) hub: Hub,
    pub(crate) sockets: Sockets,
    /// Held while the hub is closed: of two threads that close it, one gets `SSECAST_CLOSED`.
    closing: PerProcess<Mutex<()>>,
}

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
    /// per core, and at most four, and write the streams of listeners in any case. Threads start with the first
    /// connection. Default 0.
    pub threads: u32,
    /// The most bytes of events that may wait to be offered to connections; one more event is refused with
    /// `SSECAST_BACKLOG_FULL`, unless none waits. A client may never lag by more. Default 64 MiB.
    pub max_backlog_bytes: u64,
}

/// What became of a publication.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_published {
    /// The connections that read the topic at that moment.
    pub subscribers: u64,
    /// The id that the hub gave the event. Ends with a zero byte; empty if the event had an id of its own.
    pub id: [c_char; 56],
}

// SAFETY: integers and a slice, none of them with a gap before it.
unsafe impl Versioned for ssecast_hub_config {
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

/// Makes a hub; `config` may be NULL for the defaults. Give it back with `ssecast_hub_free`.
///
/// Fails with `SSECAST_INVALID_OPTION`, and names the field that is out of its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_new(
    config: *const ssecast_hub_config,
    hub: *mut *mut ssecast_hub,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        let hub = output(hub, "hub")?;
        let config = if config.is_null() {
            ssecast_hub_config::defaults()
        } else {
            // SAFETY: the caller's configuration is as its size says.
            unsafe { versioned::read(config, "config", "config.size") }?
        };
        // SAFETY: its slice is there until the call returns.
        let core = unsafe { config.core() }?;
        let made = ssecast_hub {
            hub: Hub::new(core)?,
            sockets: if config.threads == 0 {
                Sockets::shared()
            } else {
                Sockets::new(config.threads as usize)
            },
            closing: PerProcess::new(),
        };
        // SAFETY: not NULL.
        unsafe { hub.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

/// Frees a hub. If it is open it is closed first, with a grace of one second: every connection gets what was published.
/// It returns when the streams that the library writes have ended, which takes no longer than the grace, and when all
/// their callbacks have returned, however long those take: from then on no callback of this hub runs. So the caller holds
/// no lock that a callback needs. Called from a callback of the library it waits for nothing, and callbacks may still
/// come.
///
/// No other thread may use the hub from here on. Stop a thread that publishes first; or call `ssecast_hub_close`, which may
/// run beside every other call, and the thread gets `SSECAST_CLOSED`. Its connections, subscriptions and listeners may outlive
/// it, and are freed on their own; the streams of subscriptions are the caller's, and are not waited for. In a child of
/// the process that made the connections, none of them is touched. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_free(hub: *mut ssecast_hub) {
    // SAFETY: NULL, or the caller's hub.
    if let Some(hub) = unsafe { hub.as_ref() } {
        quiet((), || {
            // Without a last event there is nothing to refuse.
            let _ = hub.hub.close(&Close::default());
            if !is_engine_thread() {
                let _ = hub.hub.wait_released(Duration::MAX);
            }
        });
    }
    // SAFETY: NULL or from `ssecast_hub_new`, and not used again.
    unsafe { free(hub) };
}

/// Publishes an event to a topic. The time that it takes does not depend on the number of connections. Without an
/// id of its own the event gets one; `published`, which may be NULL, says which.
///
/// Fails with `SSECAST_INVALID_TOPIC`, `SSECAST_INVALID_EVENT`, `SSECAST_INVALID_ID` (also when a retained event
/// has the id), `SSECAST_INVALID_DATA`, `SSECAST_EVENT_TOO_LARGE`, `SSECAST_TOO_MANY_TOPICS` or `SSECAST_CLOSED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_publish(
    hub: *mut ssecast_hub,
    topic: ssecast_slice,
    event: *const ssecast_event,
    published: *mut ssecast_published,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub, text and event are there until the call returns.
        let (hub, topic, event) =
            unsafe { (required(hub, "hub")?, required_topic(topic)?, event::read(event)?) };
        let done = hub.hub.publish(topic, &event)?;
        if !published.is_null() {
            let id = if event.id.is_some() { "" } else { done.id.as_str() };
            let done =
                ssecast_published { subscribers: done.subscribers as u64, id: crate::error::terminated(id) };
            // SAFETY: not NULL.
            unsafe { published.write(done) };
        }
        Ok(())
    })
}

/// Closes a hub: it takes no publications and connections from now on, and returns at once. Every connection gets
/// what is pending for it, then `event`, which may be NULL, then a reconnection time of its own, and ends; what is
/// not out after `grace_ms` milliseconds is given up.
///
/// Fails with `SSECAST_CLOSED` if it is closed already, and as `ssecast_event_encode` does; it then is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_close(
    hub: *mut ssecast_hub,
    event: *const ssecast_event,
    grace_ms: u64,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub and event are there until the call returns.
        let (hub, event) = unsafe { (required(hub, "hub")?, event::read_optional(event)?) };
        let closing = hub.closing.get_or_init(Mutex::default).lock();
        if hub.hub.is_closed() {
            return Err(Failure::new(ssecast_result::SSECAST_CLOSED, "hub", "is closed already"));
        }
        hub.hub.close(&Close { event, grace: Duration::from_millis(grace_ms) })?;
        drop(closing);
        Ok(())
    })
}

/// Waits until a hub was closed and all is over, for at most `timeout_ms` milliseconds, and writes to `*over` whether that
/// is so: every connection has ended, all that it had to get was written, and every callback (`on_close` and the
/// others) has returned. The connections of subscriptions are among them: their owners take their ends by
/// `ssecast_subscription_next`, or free them, on other threads.
///
/// This is how a program ends: `ssecast_hub_close`, which says how long clients may take; this with a little more; then
/// `ssecast_hub_free`.
///
/// Fails with `SSECAST_BUSY` in a callback of the library, which would wait for itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_wait_closed(
    hub: *mut ssecast_hub,
    timeout_ms: u64,
    over: *mut bool,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub.
        let hub = unsafe { required(hub, "hub") }?;
        let over = output(over, "over")?;
        if is_engine_thread() {
            let problem = "can't be waited for in one of its callbacks; wait on another thread";
            return Err(Failure::new(ssecast_result::SSECAST_BUSY, "hub", problem));
        }
        let is_over = hub.hub.wait_closed(Duration::from_millis(timeout_ms));
        // SAFETY: not NULL.
        unsafe { over.write(is_over) };
        Ok(())
    })
}

/// Whether a hub was closed. NULL counts as closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_is_closed(hub: *const ssecast_hub) -> bool {
    // SAFETY: the caller's hub.
    quiet(true, || unsafe { hub.as_ref() }.is_none_or(|hub| hub.hub.is_closed()))
}

/// Checks a topic without using it: 1 to 256 bytes of UTF-8. Fails with `SSECAST_INVALID_TOPIC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_topic_check(
    topic: ssecast_slice,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's text is there until the call returns.
        Ok(check_topic(unsafe { required_topic(topic) }?)?)
    })
}

/// Borrows a topic of the caller's.
///
/// # Safety
/// It stays for as long as the borrow lives.
pub(crate) unsafe fn required_topic<'a>(topic: ssecast_slice) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    unsafe { topic.text("topic", ErrorKind::InvalidTopic) }?.ok_or_else(|| Failure::null("topic"))
}

/// A number of a configuration: 0 stands for its default.
pub(crate) fn or_default(number: u64, default: u64) -> u64 {
    match number {
        0 => default,
        SSECAST_ZERO => 0,
        number => number,
    }
}

impl ssecast_hub_config {
    /// # Safety
    /// The bytes of its slice are there.
    unsafe fn core(&self) -> Result<Config, Failure> {
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
        })
    }
}

/// More than this is a mistake: the kernel does nearly all of the work.
const MAX_THREADS: u32 = 1024;

pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(SSECAST_OFF)
}
