use std::time::Duration;

use pyo3::prelude::*;
use ssecast::{Config, Policy, open_store};

use crate::error::{Result, entry, wrong_type};
use crate::option::Given;

/// What each topic keeps for clients that come back: its newest events, up to each of the caps.
///
/// `None` turns a cap off; at least one stays on, as memory is bounded.
///
/// >>> import ssecast
/// >>> hub = ssecast.Hub(history=ssecast.History(events=100, seconds=None))
#[pyclass(frozen, eq, module = "ssecast")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct History(ssecast::History);

#[pymethods]
impl History {
    #[new]
    #[pyo3(
        signature = (*, events = Given::Default, bytes = Given::Default, seconds = Given::Default),
        text_signature = "(*, events=1000, bytes=8388608, seconds=300.0)"
    )]
    fn new(events: Given<'_>, bytes: Given<'_>, seconds: Given<'_>) -> Result<Self> {
        entry(|| {
            let default = ssecast::History::default();
            Ok(Self(ssecast::History {
                events: events.cap("events", default.events)?,
                bytes: bytes.cap("bytes", default.bytes)?,
                age: seconds.time("seconds", default.age)?,
            }))
        })
    }

    /// The most events of one topic; 0 keeps none, None sets no cap.
    #[getter]
    fn events(&self) -> Option<usize> {
        self.0.events
    }

    /// The most bytes of memory of one topic's events, each its encoded bytes and 128, or None.
    #[getter]
    fn bytes(&self) -> Option<usize> {
        self.0.bytes
    }

    /// The longest time that an event is kept, or None.
    #[getter]
    fn seconds(&self) -> Option<f64> {
        self.0.age.map(|age| age.as_secs_f64())
    }

    fn __repr__(&self) -> String {
        let Self(ssecast::History { events, bytes, age }) = self;
        let age = age.map(|age| age.as_secs_f64());
        format!("History(events={}, bytes={}, seconds={})", or_none(*events), or_none(*bytes), or_none(age))
    }
}

/// When a client counts as slow, and what happens to it then.
///
/// `policy` is "disconnect" (it comes back and resumes) or "skip" (it goes on at the newest event, after a reset
/// event that says how many were missed).
#[pyclass(frozen, eq, module = "ssecast")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SlowClient(ssecast::SlowClient);

#[pymethods]
impl SlowClient {
    #[new]
    #[pyo3(
        signature = (*, bytes = Given::Default, seconds = Given::Default, policy = Given::Default),
        text_signature = "(*, bytes=1048576, seconds=30.0, policy='disconnect')"
    )]
    fn new(bytes: Given<'_>, seconds: Given<'_>, policy: Given<'_>) -> Result<Self> {
        entry(|| {
            let default = ssecast::SlowClient::default();
            Ok(Self(ssecast::SlowClient {
                bytes: bytes.limit("bytes", default.bytes)?,
                time: seconds.time("seconds", Some(default.time))?.unwrap_or(Duration::MAX),
                policy: if policy.choice("policy", ["disconnect", "skip"])? {
                    Policy::Skip
                } else {
                    Policy::Disconnect
                },
            }))
        })
    }

    /// The most bytes that may wait for one client.
    #[getter]
    fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// The longest time in which a client that something waits for takes nothing.
    #[getter]
    fn seconds(&self) -> f64 {
        self.0.time.as_secs_f64()
    }

    /// What happens past either limit.
    #[getter]
    fn policy(&self) -> &'static str {
        match self.0.policy {
            Policy::Skip => "skip",
            _ => "disconnect",
        }
    }

    fn __repr__(&self) -> String {
        format!(
            "SlowClient(bytes={}, seconds={:?}, policy={:?})",
            self.bytes(),
            self.seconds(),
            self.policy()
        )
    }
}

/// The options of a hub as Python gave them.
pub(crate) struct Options<'py> {
    pub(crate) history: Given<'py>,
    pub(crate) slow_client: Given<'py>,
    pub(crate) heartbeat: Given<'py>,
    pub(crate) retry: Given<'py>,
    pub(crate) reset_event: Given<'py>,
    pub(crate) max_connections: Given<'py>,
    pub(crate) max_topics: Given<'py>,
    pub(crate) max_event_bytes: Given<'py>,
    pub(crate) max_backlog_bytes: Given<'py>,
    pub(crate) keep_ended: Given<'py>,
    pub(crate) store: Given<'py>,
    pub(crate) publish_timeout: Given<'py>,
}

impl Options<'_> {
    pub(crate) fn config(&self) -> Result<Config> {
        let default = Config::default();
        Ok(Config {
            history: match &self.history {
                Given::Default => default.history,
                Given::Value(value) => match value.cast::<History>() {
                    Ok(history) => history.get().0,
                    Err(_) => return Err(wrong_type("history", "a History", value)),
                },
            },
            slow_client: match &self.slow_client {
                Given::Default => default.slow_client,
                Given::Value(value) => match value.cast::<SlowClient>() {
                    Ok(slow_client) => slow_client.get().0,
                    Err(_) => return Err(wrong_type("slow_client", "a SlowClient", value)),
                },
            },
            heartbeat: self.heartbeat.time("heartbeat", default.heartbeat)?,
            retry: self.retry.time("retry", default.retry)?,
            reset_event: self.reset_event.name("reset_event", default.reset_event)?,
            max_connections: self.max_connections.limit("max_connections", default.max_connections)?,
            max_topics: self.max_topics.limit("max_topics", default.max_topics)?,
            max_event_bytes: self.max_event_bytes.limit("max_event_bytes", default.max_event_bytes)?,
            max_backlog_bytes: self
                .max_backlog_bytes
                .limit("max_backlog_bytes", default.max_backlog_bytes)?,
            keep_ended: self.keep_ended.duration("keep_ended", default.keep_ended)?,
            store: self.store.name("store", None)?.map(|url| open_store(&url)).transpose()?,
            publish_timeout: self.publish_timeout.duration("publish_timeout", default.publish_timeout)?,
        })
    }
}

fn or_none(value: Option<impl std::fmt::Debug>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("{value:?}"))
}
