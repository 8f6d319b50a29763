use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use ssecast::ErrorKind;
use ssecast_client::{Cause, Options, Response, Source as Machine, State as SourceState, Step};

use crate::call;
use crate::error::{Failure, Result, entry, wrong_type};
use crate::event::Event;
use crate::option::Given;
use crate::parser::{LastEventId, Names};
use crate::value::{number, text};

/// How long a source waits before it connects again, and after which answers it does.
///
/// The first wait is the stream's own reconnection time, or `first`; never less than 0.1 s. Each further one is longer by
/// `growth`, up to `longest`, until an event comes. `jitter` is the part of a wait by which it may be longer at random, from
/// 0 to 1. After an answer with one of `statuses` the source tries again, and honours `Retry-After`; by default after none,
/// as browsers do. Times are in seconds.
///
/// >>> import ssecast
/// >>> ssecast.Retry(first=1, statuses=[502, 503, 504])
/// Retry(first=1.0, longest=30.0, growth=2.0, jitter=0.5, statuses=(502, 503, 504))
#[pyclass(frozen, eq, module = "ssecast")]
#[derive(Clone, PartialEq)]
pub struct Retry(ssecast_client::Retry);

#[pymethods]
impl Retry {
    #[new]
    #[pyo3(
        signature = (*, first = Given::Default, longest = Given::Default, growth = Given::Default, jitter = Given::Default, statuses = Given::Default),
        text_signature = "(*, first=2.0, longest=30.0, growth=2.0, jitter=0.5, statuses=())"
    )]
    fn new(
        first: Given<'_>,
        longest: Given<'_>,
        growth: Given<'_>,
        jitter: Given<'_>,
        statuses: Given<'_>,
    ) -> Result<Self> {
        entry(|| {
            let mut retry = ssecast_client::Retry::default();
            retry.first = seconds("retry.first", &first, retry.first)?;
            retry.longest = seconds("retry.longest", &longest, retry.longest)?;
            retry.growth = factor("retry.growth", &growth, retry.growth)?;
            retry.jitter = factor("retry.jitter", &jitter, retry.jitter)?;
            if let Given::Value(value) = &statuses {
                retry.statuses = value.extract().map_err(|_| {
                    wrong_type("retry.statuses", "a sequence of ints, such as [502, 503]", value)
                })?;
            }
            // What can't work is refused here and not later, when a source is made.
            let mut options = Options::default();
            options.retry = retry.clone();
            Machine::new("http://localhost", options)?;
            Ok(Self(retry))
        })
    }

    /// The wait while the stream has set no reconnection time, in seconds.
    #[getter]
    fn first(&self) -> f64 {
        self.0.first.as_secs_f64()
    }

    /// What waits grow to, in seconds; a longer reconnection time of the stream's still holds.
    #[getter]
    fn longest(&self) -> f64 {
        self.0.longest.as_secs_f64()
    }

    /// By how much each wait is longer than the one before.
    #[getter]
    fn growth(&self) -> f64 {
        self.0.growth
    }

    /// The part of a wait by which it may be longer at random.
    #[getter]
    fn jitter(&self) -> f64 {
        self.0.jitter
    }

    /// The statuses after which the source tries again.
    #[getter]
    fn statuses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
        pyo3::types::PyTuple::new(py, &self.0.statuses)
    }

    fn __repr__(&self) -> String {
        let ssecast_client::Retry { first, longest, growth, jitter, statuses, .. } = &self.0;
        let comma = if statuses.len() == 1 { "," } else { "" };
        let statuses: Vec<_> = statuses.iter().map(u16::to_string).collect();
        format!(
            "Retry(first={:?}, longest={:?}, growth={growth:?}, jitter={jitter:?}, statuses=({}{comma}))",
            first.as_secs_f64(),
            longest.as_secs_f64(),
            statuses.join(", ")
        )
    }
}

/// Why a source has no connection, or no longer one. As text it is a sentence.
#[pyclass(frozen, module = "ssecast")]
pub struct Loss {
    loss: ssecast_client::Loss,
}

#[pymethods]
impl Loss {
    /// Why: "status", "content-type", "network", "ended", "too-large", or "idle", a silence.
    #[getter]
    fn cause(&self) -> &'static str {
        self.loss.cause.name()
    }

    /// The status of the answer, if that is the cause.
    #[getter]
    fn status(&self) -> Option<u16> {
        if let Cause::Status(status) = self.loss.cause { Some(status) } else { None }
    }

    /// The content type of the answer, if that is the cause; empty if it had none.
    #[getter]
    fn content_type(&self) -> Option<&str> {
        if let Cause::ContentType(found) = &self.loss.cause { Some(found) } else { None }
    }

    /// The seconds until the source connects again; None if it does not, and is closed.
    #[getter]
    fn retry_in(&self) -> Option<f64> {
        self.loss.retry_in.map(|wait| wait.as_secs_f64())
    }

    fn __str__(&self) -> String {
        self.loss.cause.to_string()
    }

    fn __repr__(&self) -> String {
        let retry_in = self.retry_in().map_or_else(|| "None".to_owned(), |wait| format!("{wait:?}"));
        format!("<Loss: {}; retry_in={retry_in}>", self.__str__())
    }
}

/// The state machine of `EventSource`: it says what to request, what an answer means and how long to wait. It does no I/O.
#[pyclass(frozen, module = "ssecast")]
pub struct Source(Mutex<State>);

struct State {
    source: Machine,
    names: Names,
    last_event_id: LastEventId,
}

/// A request's URL, method, whether the body and the credentials go with it, and headers.
type Request = (String, String, bool, bool, Vec<(&'static str, String)>);

#[pymethods]
impl Source {
    #[new]
    #[pyo3(
        signature = (url, *, method, last_event_id, retry, idle, max_event_bytes),
        text_signature = "(url, *, method, last_event_id, retry, idle, max_event_bytes)"
    )]
    fn new(
        url: &Bound<'_, PyAny>,
        method: &Bound<'_, PyAny>,
        last_event_id: &Bound<'_, PyAny>,
        retry: &Bound<'_, PyAny>,
        idle: Given<'_>,
        max_event_bytes: Given<'_>,
    ) -> Result<Self> {
        entry(|| {
            let mut options = Options::default();
            options.method = text(method, "method", ErrorKind::InvalidOption)?.to_string();
            options.last_event_id = text(last_event_id, "last_event_id", ErrorKind::InvalidId)?.to_string();
            if !retry.is_none() {
                let retry = retry.cast::<Retry>().map_err(|_| wrong_type("retry", "a Retry", retry))?;
                options.retry = retry.get().0.clone();
            }
            options.idle = idle.time("idle", None)?;
            let limit = max_event_bytes.cap("max_event_bytes", Some(options.max_event_bytes))?;
            options.max_event_bytes = limit.unwrap_or(usize::MAX);
            let url = text(url, "url", ErrorKind::InvalidOption)?;
            let source = Machine::new(&url, options)?;
            Ok(Self(Mutex::new(State {
                source,
                names: Names::default(),
                last_event_id: LastEventId::default(),
            })))
        })
    }

    /// What to send now: the URL, the method, whether the body and the credentials go with it, and headers.
    fn request(&self) -> Result<Request> {
        entry(|| {
            let state = self.state()?;
            let request = state.source.request();
            let headers = request.headers().map(|(name, value)| (name, value.to_owned())).collect();
            Ok((request.url.into(), request.method.into(), request.body, request.credentials, headers))
        })
    }

    /// Takes the head of the answer. Returns True if the body is to be fed, False if it is a redirect, or the loss.
    fn respond<'py>(
        &self,
        py: Python<'py>,
        status: u16,
        content_type: Option<&str>,
        location: Option<&str>,
        retry_after: Option<&str>,
        date: Option<&str>,
    ) -> Result<Bound<'py, PyAny>> {
        entry(|| {
            let response = Response { status, content_type, location, retry_after, date };
            let step = self.state()?.source.respond(&response);
            Ok(match step {
                Step::Read => true.into_pyobject(py).map_err(PyErr::from)?.to_owned().into_any(),
                Step::Redirect => false.into_pyobject(py).map_err(PyErr::from)?.to_owned().into_any(),
                Step::Lost(loss) => Bound::new(py, Loss { loss })?.into_any(),
            })
        })
    }

    /// Takes a chunk of the body. Returns the events that it completes, and the loss if one was too large.
    fn feed<'py>(
        &self,
        py: Python<'py>,
        chunk: &Bound<'py, PyBytes>,
    ) -> Result<(Bound<'py, PyList>, Option<Loss>)> {
        entry(|| {
            let mut events = Vec::new();
            let fed = {
                let State { source, names, last_event_id } = &mut *self.state()?;
                source.feed(chunk.as_bytes(), |message| {
                    events.push(Event::parsed(py, &message, names, last_event_id));
                })
            };
            let events = call::uncollected(py, || PyList::new(py, events))?;
            Ok((events, fed.err().map(|loss| Loss { loss })))
        })
    }

    /// Notes that there is no connection, or no longer one: "ended", "idle", or "network" with what is known of it.
    fn lose(&self, cause: &str, problem: &str) -> Result<Loss> {
        entry(|| {
            let cause = match cause {
                "ended" => Cause::Ended,
                "idle" => Cause::Idle,
                _ => Cause::Network(problem.into()),
            };
            Ok(Loss { loss: self.state()?.source.lose(cause) })
        })
    }

    /// Closes the source for good.
    fn close(&self) -> Result<()> {
        entry(|| {
            self.state()?.source.close();
            Ok(())
        })
    }

    /// Where it is: "connecting", "open" or "closed" for good.
    #[getter(state)]
    fn state_name(&self) -> Result<&'static str> {
        entry(|| {
            Ok(match self.state()?.source.state() {
                SourceState::Connecting => "connecting",
                SourceState::Open => "open",
                SourceState::Closed => "closed",
            })
        })
    }

    /// The URL that every reconnect begins at.
    #[getter]
    fn url(&self) -> Result<String> {
        entry(|| Ok(self.state()?.source.url().to_owned()))
    }

    /// The last event ID: what the next connection resumes from. Empty if there is none.
    #[getter]
    fn last_event_id<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyString>> {
        entry(|| Ok(PyString::new(py, self.state()?.source.last_event_id())))
    }
}

impl Source {
    /// It is locked only while the interpreter is attached, and meanwhile nothing of Python's runs: see `Parser`.
    fn state(&self) -> Result<MutexGuard<'_, State>> {
        self.0.try_lock().or_else(|error| match error {
            TryLockError::Poisoned(poisoned) => Ok(poisoned.into_inner()),
            TryLockError::WouldBlock => {
                Err(Failure::Python(PyRuntimeError::new_err("the source is in use by another call")))
            }
        })
    }
}

/// Seconds that can't be turned off.
fn seconds(option: &'static str, given: &Given<'_>, default: Duration) -> Result<Duration> {
    match given {
        Given::Default => Ok(default),
        Given::Value(value) => crate::option::seconds(option, value, "a number of seconds"),
    }
}

fn factor(option: &'static str, given: &Given<'_>, default: f64) -> Result<f64> {
    match given {
        Given::Default => Ok(default),
        Given::Value(value) => number(value).ok_or_else(|| wrong_type(option, "a number", value)),
    }
}
