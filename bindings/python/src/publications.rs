use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;
use ssecast::{Error, ErrorKind, os_error};

use crate::call;
use crate::error::{Failure, Result, entry};
use crate::hub::{Hub, Published};
use crate::value::{Arguments, Fields, text};

/// What an event loop publishes without waiting for it, and what has become of that.
///
/// When there is something to take the descriptor becomes readable. The thread that makes it readable, the hub's, never
/// waits for the interpreter.
#[pyclass(frozen, module = "ssecast._native")]
pub struct Publications {
    hub: ssecast::Hub,
    outcomes: Arc<Outcomes>,
    /// Readable while there is something to take.
    readable: UnixStream,
}

type Outcome = std::result::Result<ssecast::Published, Error>;

/// What the event loop has not taken yet.
struct Outcomes {
    list: Mutex<Vec<(u64, Outcome)>>,
    waker: UnixStream,
}

impl Outcomes {
    /// Adds one. One wake-up serves all that are there when the loop comes.
    fn add(&self, number: u64, outcome: Outcome) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push((number, outcome));
        let is_first = list.len() == 1;
        drop(list);
        if is_first {
            // The buffer is full only if wake-ups fill it: then the descriptor is readable already.
            let _ = (&self.waker).write(&[1]);
        }
    }
}

#[pymethods]
impl Publications {
    #[new]
    fn new(hub: &Bound<'_, Hub>) -> Result<Self> {
        entry(|| {
            let failed = |error: io::Error| {
                Failure::from(os_error(&error, ErrorKind::Internal, "hub", "can't be published to"))
            };
            let (readable, waker) = UnixStream::pair().map_err(failed)?;
            waker.set_nonblocking(true).map_err(failed)?;
            readable.set_nonblocking(true).map_err(failed)?;
            let outcomes = Arc::new(Outcomes { list: Mutex::default(), waker });
            Ok(Self { hub: hub.get().hub().clone(), outcomes, readable })
        })
    }

    /// The descriptor that is readable when `take` has something to give.
    fn fileno(&self) -> RawFd {
        self.readable.as_raw_fd()
    }

    /// Publishes an event behind those before. What becomes of it is told under the number, once, unless this raises.
    #[pyo3(signature = (number, topic, data, event = None, id = None, retry = None, comment = None, /))]
    #[allow(clippy::too_many_arguments, reason = "each is a field")]
    fn publish(
        &self,
        py: Python<'_>,
        number: u64,
        topic: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        event: Option<&Bound<'_, PyAny>>,
        id: Option<&Bound<'_, PyAny>>,
        retry: Option<&Bound<'_, PyAny>>,
        comment: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        entry(|| {
            let topic = text(topic, "topic", ErrorKind::InvalidTopic)?;
            let fields = Fields::read(Some(data), &Arguments { event, id, retry, comment })?;
            let outcomes = Arc::clone(&self.outcomes);
            let done = move |outcome| outcomes.add(number, outcome);
            let publish = || self.hub.publish_then(&topic, &fields.event(), done);
            Ok(if fields.is_large() { py.detach(publish) } else { publish() }?)
        })
    }

    /// Ends a topic, behind what was published before.
    fn end_topic(&self, py: Python<'_>, number: u64, topic: &Bound<'_, PyAny>) -> Result<()> {
        entry(|| {
            let topic = text(topic, "topic", ErrorKind::InvalidTopic)?;
            let outcomes = Arc::clone(&self.outcomes);
            let nothing = |()| ssecast::Published::default();
            let done =
                move |outcome: std::result::Result<(), Error>| outcomes.add(number, outcome.map(nothing));
            Ok(py.detach(|| self.hub.end_topic_then(&topic, done))?)
        })
    }

    /// Takes what has become of publications, each with its number, in the order of the calls.
    fn take<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>> {
        entry(|| {
            // Cleared before it is looked for: what comes meanwhile is told anew.
            while matches!((&self.readable).read(&mut [0; 64]), Ok(64)) {}
            let list = {
                let mut list = self.outcomes.list.lock().unwrap_or_else(PoisonError::into_inner);
                mem::take(&mut *list)
            };
            call::uncollected(py, || {
                let taken = PyList::empty(py);
                for (number, outcome) in list {
                    match Published::of(outcome) {
                        Ok(published) => taken.append((number, published))?,
                        Err(error) => taken.append((number, PyErr::from(Failure::Core(error))))?,
                    }
                }
                Ok(taken)
            })
        })
    }
}
