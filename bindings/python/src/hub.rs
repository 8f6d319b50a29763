use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyString, PyTuple};
use ssecast::process::Process;
use ssecast::{
    Close, Error, ErrorKind, Reason, Replay, ResetReason, Sockets, StoreState, Subscription, Unavailable,
};

use crate::call;
use crate::config::Options;
use crate::error::{Result, entry};
use crate::option::{Given, seconds};
use crate::value::{Arguments, Fields, text, texts};

/// Topics, their history, and the connections that read them. `ssecast.Hub` adds what is asyncio's.
#[pyclass(frozen, subclass, module = "ssecast._native")]
pub struct Hub {
    /// After a fork the child has a hub of its own; no call is needed for that.
    hub: ssecast::Hub,
    sockets: Option<Sockets>,
}

/// The number of this process, which no other of its line of forks has, whether or not Python knows of the fork.
#[pyfunction]
pub fn process() -> u32 {
    Process::current().number()
}

impl Hub {
    pub(crate) fn hub(&self) -> &ssecast::Hub {
        &self.hub
    }

    /// The threads that may have its connections, if any may.
    pub(crate) fn sockets(&self) -> Option<&Sockets> {
        self.sockets.as_ref()
    }
}

#[pymethods]
impl Hub {
    #[new]
    #[pyo3(
        signature = (
            *, history = Given::Default, slow_client = Given::Default, heartbeat = Given::Default,
            retry = Given::Default, reset_event = Given::Default, max_connections = Given::Default,
            max_topics = Given::Default, max_event_bytes = Given::Default,
            max_backlog_bytes = Given::Default, keep_ended = Given::Default,
            store = Given::Default, publish_timeout = Given::Default, delivery = Given::Default, threads = Given::Default
        ),
        text_signature = "(*, history=..., slow_client=..., heartbeat=15.0, retry=2.0, reset_event='reset', max_connections=100000, max_topics=100000, max_event_bytes=1048576, max_backlog_bytes=67108864, keep_ended=60.0, store=None, publish_timeout=1.0, delivery='auto', threads=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "each is an option with a name")]
    fn new(
        history: Given<'_>,
        slow_client: Given<'_>,
        heartbeat: Given<'_>,
        retry: Given<'_>,
        reset_event: Given<'_>,
        max_connections: Given<'_>,
        max_topics: Given<'_>,
        max_event_bytes: Given<'_>,
        max_backlog_bytes: Given<'_>,
        keep_ended: Given<'_>,
        store: Given<'_>,
        publish_timeout: Given<'_>,
        delivery: Given<'_>,
        threads: Given<'_>,
    ) -> Result<Self> {
        entry(|| {
            let options = Options {
                history,
                slow_client,
                heartbeat,
                retry,
                reset_event,
                max_connections,
                max_topics,
                max_event_bytes,
                max_backlog_bytes,
                keep_ended,
                store,
                publish_timeout,
            };
            let threads = threads.cap("threads", None)?;
            let pull = delivery.choice("delivery", ["auto", "pull"])?;
            let sockets = (!pull).then(|| threads.map_or_else(Sockets::shared, Sockets::new));
            let hub = ssecast::Hub::new(options.config()?)?;
            Ok(Self { hub, sockets })
        })
    }

    /// Publishes an event whose data is a str or bytes. `ssecast.Hub.publish` makes that of any data.
    #[pyo3(signature = (topic, data, event = None, id = None, retry = None, comment = None, /))]
    #[allow(clippy::too_many_arguments, reason = "each is a field")]
    fn publish_text(
        &self,
        py: Python<'_>,
        topic: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        event: Option<&Bound<'_, PyAny>>,
        id: Option<&Bound<'_, PyAny>>,
        retry: Option<&Bound<'_, PyAny>>,
        comment: Option<&Bound<'_, PyAny>>,
    ) -> Result<Published> {
        entry(|| {
            let topic = text(topic, "topic", ErrorKind::InvalidTopic)?;
            let fields = Fields::read(Some(data), &Arguments { event, id, retry, comment })?;
            let hub = &self.hub;
            // To give the interpreter up and to get it back takes longer than to publish a small event. A store is waited for.
            let published = if fields.is_large() || hub.config().store.is_some() {
                py.detach(|| hub.publish(&topic, &fields.event()))
            } else {
                hub.publish(&topic, &fields.event())
            };
            Ok(Published::of(published)?)
        })
    }

    /// Whether its log is in a store, for which publishing waits.
    #[getter]
    fn _has_store(&self) -> bool {
        self.hub.config().store.is_some()
    }

    /// Ends a topic, for good: nothing is published to it any more.
    fn end_topic(&self, py: Python<'_>, topic: &Bound<'_, PyAny>) -> Result<()> {
        entry(|| {
            let topic = text(topic, "topic", ErrorKind::InvalidTopic)?;
            let hub = &self.hub;
            match py.detach(|| hub.end_topic(&topic)) {
                // As for `publish`.
                Err(error) if error.kind() != ErrorKind::Closed => Err(error.into()),
                _ => Ok(()),
            }
        })
    }

    /// Closes the hub: refuses publications and connections, lets every connection have what is pending for it,
    /// then the last event and a jittered reconnection time, and ends it. What is not out after `grace` seconds is
    /// given up. Returns at once; closing twice is fine.
    #[pyo3(
        signature = (event = None, *, grace = Given::Default),
        text_signature = "(self, /, event=None, *, grace=1.0)"
    )]
    fn close(&self, py: Python<'_>, event: Option<&Bound<'_, PyAny>>, grace: Given<'_>) -> Result<()> {
        entry(|| {
            let fields = event.map(Fields::of_event).transpose()?;
            let grace = match &grace {
                Given::Default => Close::default().grace,
                Given::Value(value) => seconds("grace", value, "a number of seconds")?,
            };
            let hub = &self.hub;
            py.detach(|| hub.close(&Close { event: fields.as_ref().map(Fields::event), grace }))?;
            Ok(())
        })
    }

    /// Waits until the hub was closed and its last stream has ended, for `timeout` seconds at most; None sets no
    /// limit. Returns whether that is so.
    ///
    /// It blocks the thread, so it is not for an event loop's: that is what `aclose` is for.
    #[pyo3(
        signature = (timeout = Given::Default),
        text_signature = "(self, /, timeout=None)"
    )]
    fn wait_closed(&self, py: Python<'_>, timeout: Given<'_>) -> Result<bool> {
        entry(|| {
            // Python's handlers of signals run in between.
            const TURN: Duration = Duration::from_millis(100);
            let timeout = timeout.time("timeout", None)?.unwrap_or(Duration::MAX);
            let (hub, begin) = (&self.hub, Instant::now());
            loop {
                let left = timeout.saturating_sub(begin.elapsed());
                if py.detach(|| hub.wait_closed(left.min(TURN))) {
                    return Ok(true);
                }
                py.check_signals()?;
                if left.is_zero() {
                    return Ok(false);
                }
            }
        })
    }

    /// Checks whether a connection could be registered now, and registers none: what HEAD is answered. Raises what
    /// `DeliveryQueue.open` would raise.
    fn _check_subscription(
        &self,
        py: Python<'_>,
        topics: &Bound<'_, PyTuple>,
        last_event_id: &Bound<'_, PyAny>,
        replay: usize,
    ) -> Result<()> {
        entry(|| {
            let topics = texts(topics, "topic", ErrorKind::InvalidTopic)?;
            let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
            let last_event_id = text(last_event_id, "last_event_id", ErrorKind::InvalidId)?;
            let (last_event_id, replay) = (Some(&*last_event_id), Replay::Last(replay));
            let subscription = Subscription { topics: &topics, last_event_id, replay };
            let hub = &self.hub;
            // A store may be waited for.
            Ok(py.detach(|| hub.check_subscription(&subscription))?)
        })
    }

    /// What a request gets that can't have a stream for the moment: bytes are the whole body of an event stream,
    /// with the status 200; a number is the seconds of a `Retry-After`, with the status 503.
    ///
    /// `accept` is the value of its `Accept`.
    fn _unavailable(&self, py: Python<'_>, method: &str, accept: &str) -> Result<Py<PyAny>> {
        entry(|| {
            Ok(match Unavailable::new(&self.hub, method, [accept.as_bytes()]) {
                Unavailable::Stream { body, .. } => PyBytes::new(py, &body).into_any().unbind(),
                Unavailable::Status { retry_after, .. } => PyInt::new(py, retry_after).into_any().unbind(),
            })
        })
    }

    /// Whether the hub was closed.
    #[getter]
    fn closed(&self) -> Result<bool> {
        entry(|| Ok(self.hub.is_closed()))
    }

    /// Reads the counters.
    fn stats(&self, py: Python<'_>) -> Result<Stats> {
        entry(|| {
            let hub = &self.hub;
            let stats = py.detach(|| hub.stats());
            call::uncollected(py, || {
                let disconnects = PyDict::new(py);
                for reason in Reason::ALL {
                    disconnects.set_item(reason.name(), stats.disconnects(reason))?;
                }
                let resets = PyDict::new(py);
                for reason in ResetReason::ALL {
                    resets.set_item(reason.name(), stats.resets(reason))?;
                }
                Ok(Stats { counters: stats, disconnects: disconnects.unbind(), resets: resets.unbind() })
            })
        })
    }

    /// Writes the counters as `OpenMetrics` text, which Prometheus scrapes.
    ///
    /// It is the body of a response whose ``Content-Type`` is
    /// ``application/openmetrics-text; version=1.0.0; charset=utf-8``. The names are the same in every language.
    fn metrics(&self, py: Python<'_>) -> Result<String> {
        entry(|| Ok(py.detach(|| self.hub.metrics())))
    }

    fn __repr__(&self) -> Result<String> {
        entry(|| {
            let hub = &self.hub;
            let stats = hub.stats();
            let closed = if hub.is_closed() { ", closed" } else { "" };
            Ok(format!("<Hub: {} topics, {} connections{closed}>", stats.topics, stats.connections))
        })
    }
}

/// What became of a publication.
#[pyclass(frozen, eq, hash, get_all, module = "ssecast")]
#[derive(PartialEq, Eq, Hash)]
pub struct Published {
    /// The event's id: the publisher's own, or `<epoch>-<sequence>`. None if the hub was closed, and nothing was
    /// published.
    id: Option<String>,
    /// The connections of this process that read the topic at that moment.
    subscribers: usize,
}

impl Published {
    /// What became of it. A timer that publishes need not know that the hub is closing.
    pub(crate) fn of(
        outcome: std::result::Result<ssecast::Published, Error>,
    ) -> std::result::Result<Self, Error> {
        match outcome {
            Ok(published) => Ok(Self { id: Some(published.id), subscribers: published.subscribers }),
            Err(error) if error.kind() == ErrorKind::Closed => Ok(Self { id: None, subscribers: 0 }),
            Err(error) => Err(error),
        }
    }
}

#[pymethods]
impl Published {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let id = match &self.id {
            Some(id) => PyString::new(py, id).repr()?.to_string(),
            None => "None".to_owned(),
        };
        Ok(format!("Published(id={id}, subscribers={})", self.subscribers))
    }
}

/// What a hub holds now and has done since it was made.
#[pyclass(frozen, module = "ssecast")]
pub struct Stats {
    counters: ssecast::Stats,
    /// Connections ended, by reason.
    #[pyo3(get)]
    disconnects: Py<PyDict>,
    /// Reset events sent, by reason.
    #[pyo3(get)]
    resets: Py<PyDict>,
}

#[pymethods]
impl Stats {
    /// Open connections.
    #[getter]
    fn connections(&self) -> u64 {
        self.counters.connections
    }

    /// Topics that have connections or a history.
    #[getter]
    fn topics(&self) -> u64 {
        self.counters.topics
    }

    /// Events published.
    #[getter]
    fn published(&self) -> u64 {
        self.counters.published
    }

    /// Events handed over to connections, each counted once for each of them.
    #[getter]
    fn delivered(&self) -> u64 {
        self.counters.delivered
    }

    /// Bytes handed over to connections, without the framing of HTTP.
    #[getter]
    fn bytes(&self) -> u64 {
        self.counters.bytes
    }

    /// Events in the history of all topics.
    #[getter]
    fn history_events(&self) -> u64 {
        self.counters.history_events
    }

    /// Bytes of memory that events cost: the history, and what slow clients still need.
    #[getter]
    fn held_bytes(&self) -> u64 {
        self.counters.held_bytes
    }

    /// Whether the store was used yet, and could be used last. None without a store.
    #[getter]
    fn store(&self) -> Option<&'static str> {
        self.counters.store.map(StoreState::name)
    }

    /// Connections that something waits for because they did not take it yet.
    #[getter]
    fn lagging(&self) -> u64 {
        self.counters.lagging
    }

    /// The bytes that wait for the slowest of them.
    #[getter]
    fn lag_bytes(&self) -> u64 {
        self.counters.lag_bytes
    }

    /// Bytes that were published or sent and that no thread or event loop has offered to its connections yet.
    #[getter]
    fn backlog_bytes(&self) -> u64 {
        self.counters.backlog_bytes
    }

    /// Clients that were told that they can have no stream for the moment.
    #[getter]
    fn refused(&self) -> u64 {
        self.counters.refused
    }

    fn __repr__(&self) -> String {
        let ssecast::Stats { connections, topics, published, delivered, .. } = &self.counters;
        format!(
            "<Stats: connections={connections}, topics={topics}, published={published}, delivered={delivered}>"
        )
    }
}
