use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ssecast::{
    Cors, Error, ErrorKind, ListenerConfig, OriginDecision as Decision, Origins, QueryTopics, Refusal,
    Replay, Router,
};

use crate::call;
use crate::error::{Failure, Result, entry};
use crate::hub::Hub;
use crate::option::Given;
use crate::value::{text, texts};

/// An HTTP/1.1 endpoint of a hub, until it is closed. `ssecast.Listener` is what people see of it.
#[pyclass(frozen, module = "ssecast._native")]
pub struct Listener {
    /// It is locked only while the interpreter is attached and nothing of Python's is called: so no thread holds it
    /// when `os.fork` runs.
    listener: Mutex<Option<ssecast::Listener>>,
    address: SocketAddr,
}

#[pymethods]
impl Listener {
    /// Listens. `answer` is called with each request and its responder, on the listener's thread; `topics` and
    /// `query_topics` answer without it. `decide`, if there is one, is called there with each origin, its request and its
    /// decision.
    #[new]
    #[pyo3(
        signature = (
            hub, address, answer, decide, *, topics, query_topics, path, headers, origins, credentials, replay,
            max_head_bytes = Given::Default, max_headers = Given::Default, head_time = Given::Default,
            answer_time = Given::Default, max_pending = Given::Default
        ),
        text_signature = "(hub, address, answer, decide, *, topics, query_topics, path, headers, origins, credentials, replay, max_head_bytes=16384, max_headers=100, head_time=10.0, answer_time=30.0, max_pending=4096)"
    )]
    #[allow(clippy::too_many_arguments, reason = "each is an option with a name")]
    fn new(
        py: Python<'_>,
        hub: &Hub,
        address: (String, u16),
        answer: Py<PyAny>,
        decide: Option<Py<PyAny>>,
        topics: Option<&Bound<'_, PyTuple>>,
        query_topics: bool,
        path: Option<&Bound<'_, PyAny>>,
        headers: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
        origins: Option<&Bound<'_, PyTuple>>,
        credentials: bool,
        replay: usize,
        max_head_bytes: Given<'_>,
        max_headers: Given<'_>,
        head_time: Given<'_>,
        answer_time: Given<'_>,
        max_pending: Given<'_>,
    ) -> Result<Self> {
        entry(|| {
            let default = ListenerConfig::default();
            let time = |given: &Given<'_>, option, default| {
                Ok::<_, Failure>(given.time(option, Some(default))?.unwrap_or(Duration::MAX))
            };
            let string =
                |value, name| Ok::<_, Failure>(text(value, name, ErrorKind::InvalidOption)?.to_string());
            let path = path.map(|path| string(path, "path")).transpose()?;
            let headers = header_fields(&headers)?;
            let origins =
                origins.map(|origins| strings(origins, "cors", ErrorKind::InvalidOption)).transpose()?;
            let is_decided = decide.is_some();
            if credentials && origins.is_none() && !is_decided {
                let problem = "are for the pages of cors, which allows none";
                return Err(Error::new(ErrorKind::InvalidOption, "credentials", problem).into());
            }
            let origins = match origins {
                _ if is_decided => Some(Origins::Decided),
                Some(origins) if origins == ["*"] => Some(Origins::Any),
                origins => origins.map(Origins::List),
            };
            let cors = origins.map(|origins| Cors { origins, credentials, ..Cors::default() });
            let topics =
                topics.map(|topics| strings(topics, "topic", ErrorKind::InvalidTopic)).transpose()?;
            let config = ListenerConfig {
                path,
                cors,
                headers,
                max_head_bytes: max_head_bytes.limit("max_head_bytes", default.max_head_bytes)?,
                max_headers: max_headers.limit("max_headers", default.max_headers)?,
                head_time: time(&head_time, "head_time", default.head_time)?,
                answer_time: time(&answer_time, "answer_time", default.answer_time)?,
                max_pending: max_pending.limit("max_pending", default.max_pending)?,
                replay: Replay::Last(replay),
            };
            let topics = match topics {
                Some(topics) => {
                    topics.iter().try_for_each(|topic| ssecast::check_topic(topic))?;
                    Topics::Always(topics)
                }
                None if query_topics => Topics::Query,
                None => Topics::Asked(answer),
            };
            let routes = Routes { topics, decide };
            let hub = hub.hub();
            let (host, port) = address;
            // A name may have to be looked up, which takes time.
            let bind = || ssecast::Listener::bind(hub, (host.as_str(), port), config, routes);
            let listener = py.detach(bind)?;
            Ok(Self { address: listener.address(), listener: Mutex::new(Some(listener)) })
        })
    }

    /// Where it listens.
    #[getter]
    fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    /// Closes the listener. If it is to `wait`, its thread has ended when this returns.
    fn close(&self, py: Python<'_>, wait: bool) -> Result<()> {
        entry(|| {
            let mut slot = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(listener) = &*slot {
                listener.close();
            }
            let listener = if wait { slot.take() } else { None };
            drop(slot);
            // The thread may be in need of the interpreter.
            py.detach(|| drop(listener));
            Ok(())
        })
    }
}

impl Drop for Listener {
    /// Python drops it while the interpreter is attached, and its thread may be in need of that.
    fn drop(&mut self) {
        let listener = self.listener.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if listener.is_some() {
            let _ = Python::try_attach(|py| py.detach(|| drop(listener)));
        }
    }
}

/// A request for a stream.
#[pyclass(frozen, module = "ssecast")]
pub struct Request(ssecast::Request);

#[pymethods]
impl Request {
    /// The method: "GET", or "HEAD", which is answered like it but for the stream.
    #[getter]
    fn method(&self) -> &str {
        self.0.method()
    }

    /// The path, decoded: an encoded slash is a slash here.
    #[getter]
    fn path(&self) -> &str {
        self.0.path()
    }

    /// The path as the client sent it.
    #[getter]
    fn raw_path(&self) -> &str {
        self.0.raw_path()
    }

    /// The query as the client sent it, without its question mark.
    #[getter]
    fn raw_query(&self) -> Option<&str> {
        self.0.raw_query()
    }

    /// The query's names and values, decoded, in their order.
    #[getter]
    fn query(&self) -> Vec<(&str, &str)> {
        self.0.query().collect()
    }

    /// The first value of a name in the query.
    fn query_value(&self, name: &str) -> Option<&str> {
        self.0.query_value(name)
    }

    /// The headers in their order, as the client wrote their names; values are Latin-1.
    #[getter]
    fn headers(&self) -> Vec<(&str, String)> {
        self.0.headers().map(|(name, value)| (name, latin_1(value))).collect()
    }

    /// The first value of a header, whatever the case of its name.
    fn header(&self, name: &str) -> Option<String> {
        self.0.header(name).map(latin_1)
    }

    /// The address and port of the client, or of the proxy in front of it.
    #[getter]
    fn peer(&self) -> (String, u16) {
        (self.0.peer().ip().to_string(), self.0.peer().port())
    }

    /// The id of the last event that the client has. The stream resumes there.
    #[getter]
    fn last_event_id(&self) -> Option<&str> {
        self.0.last_event_id()
    }

    fn __repr__(&self) -> String {
        format!("<Request: {} {}>", self.0.method(), self.0.raw_path())
    }
}

fn latin_1(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

/// Answers one request, once. One that is collected without an answer answers 500.
#[pyclass(frozen, module = "ssecast._native")]
pub struct Responder(ssecast::Responder);

#[pymethods]
impl Responder {
    /// Gives the client a stream of these topics.
    fn allow(&self, topics: &Bound<'_, PyTuple>) -> Result<()> {
        entry(|| {
            let topics = strings(topics, "topic", ErrorKind::InvalidTopic)?;
            Ok(self.0.allow(&borrowed(&topics)).map(drop)?)
        })
    }

    /// Answers with a status, headers and a body.
    #[pyo3(signature = (status, headers = Vec::new(), body = None))]
    fn refuse(
        &self,
        status: u16,
        headers: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
        body: Option<Vec<u8>>,
    ) -> Result<()> {
        entry(|| {
            let mut refusal = Refusal::new(status);
            (refusal.headers, refusal.body) = (header_fields(&headers)?, body);
            Ok(self.0.refuse_with(refusal).map(drop)?)
        })
    }
}

/// Says once whether pages of a request's origin may read the answer. One that is collected undecided answers 500.
#[pyclass(frozen, module = "ssecast._native")]
pub struct OriginDecision(Decision);

#[pymethods]
impl OriginDecision {
    /// Whether they may; None answers 500.
    #[pyo3(signature = (allowed, /))]
    fn decide(&self, allowed: Option<bool>) -> Result<()> {
        entry(|| {
            match allowed {
                Some(allowed) => self.0.decide(allowed),
                None => self.0.fail(),
            };
            Ok(())
        })
    }
}

/// The router of a listener.
struct Routes {
    topics: Topics,
    /// Decides on origins.
    decide: Option<Py<PyAny>>,
}

/// Which topics a client may read.
enum Topics {
    Always(Vec<String>),
    /// What the query names.
    Query,
    Asked(Py<PyAny>),
}

impl Router for Routes {
    fn route(&self, request: ssecast::Request, responder: ssecast::Responder) {
        match &self.topics {
            // They were checked when the listener was made.
            Topics::Always(topics) => drop(responder.allow(&borrowed(topics))),
            Topics::Query => QueryTopics.route(request, responder),
            // This thread only hears requests, and may wait for the interpreter; streams don't wait for it. Without
            // an interpreter the responder is dropped, and answers.
            Topics::Asked(answer) => drop(Python::try_attach(|py| {
                let answer = answer.bind(py);
                // It answers whatever happens, and logs that.
                drop(call::call(answer, (Request(request), Responder(responder))));
            })),
        }
    }

    fn allows_origin(&self, origin: &str, request: ssecast::Request, decision: Decision) {
        // As above.
        let Some(decide) = &self.decide else { return };
        let _ = Python::try_attach(|py| {
            drop(call::call(decide.bind(py), (origin, Request(request), OriginDecision(decision))));
        });
    }
}

fn header_fields(headers: &[(Bound<'_, PyAny>, Bound<'_, PyAny>)]) -> Result<Vec<(String, String)>> {
    let string = |value| Ok::<_, Failure>(text(value, "headers", ErrorKind::InvalidOption)?.to_string());
    headers.iter().map(|(name, value)| Ok((string(name)?, string(value)?))).collect()
}

fn strings(values: &Bound<'_, PyTuple>, name: &'static str, kind: ErrorKind) -> Result<Vec<String>> {
    Ok(texts(values, name, kind)?.iter().map(ToString::to_string).collect())
}

fn borrowed(topics: &[String]) -> Vec<&str> {
    topics.iter().map(String::as_str).collect()
}
