use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyTuple};
use ssecast::process::Process;
use ssecast::{
    ConnectionId, Content, Delivery, Error, ErrorKind, Framing, LoopConnections, Reason, Replay, Sockets,
    Subscription, os_error,
};

use crate::call;
use crate::error::{Failure, Result, entry};
use crate::hub::Hub;
use crate::value::{Arguments, Fields, text, texts};

/// What is to be done for the connections of one event loop, or of one thread.
///
/// When there is something to do the descriptor becomes readable: a loop watches it, a thread waits for it. The thread
/// that makes it readable, a publisher's or the engine's, never waits for the interpreter.
#[pyclass(frozen, module = "ssecast._native")]
pub struct DeliveryQueue {
    connections: LoopConnections,
    sockets: Option<Sockets>,
    has_store: bool,
    /// With `paced`: the one connection that each `take` asks for, once it is there.
    asked: Option<OnceLock<ConnectionId>>,
    /// Readable while there is something to take.
    readable: UnixStream,
    waker: Arc<UnixStream>,
    /// The process that made the descriptors. A child of a fork shares them.
    process: Process,
}

/// Bytes of a stream, shared by all connections that are to get them.
#[pyclass(frozen, module = "ssecast._native")]
pub struct Batch {
    shared: ssecast::Batch,
    bytes: PyOnceLock<Py<PyBytes>>,
    chunk: PyOnceLock<Py<PyBytes>>,
}

/// A connection has ended. If it was `cut` not all that it was given may have arrived.
#[pyclass(frozen, get_all, module = "ssecast._native")]
pub struct End {
    reason: &'static str,
    cut: bool,
}

#[pymethods]
impl Batch {
    /// The bytes of the event stream, for a server that frames them itself.
    #[getter]
    fn bytes(&self, py: Python<'_>) -> &Py<PyBytes> {
        self.bytes.get_or_init(py, || PyBytes::new(py, &self.shared.bytes()).unbind())
    }

    /// The same bytes as one chunk of HTTP/1.1's chunked transfer coding.
    #[getter]
    fn chunk(&self, py: Python<'_>) -> &Py<PyBytes> {
        self.chunk.get_or_init(py, || PyBytes::new(py, &self.shared.chunk()).unbind())
    }
}

#[pymethods]
impl DeliveryQueue {
    // With `paced` it is for one connection, whose owner takes only when it wants more.
    #[new]
    #[pyo3(signature = (hub, *, paced = false))]
    fn new(hub: &Bound<'_, Hub>, paced: bool) -> Result<Self> {
        entry(|| {
            let failed = |error: io::Error| {
                Failure::from(os_error(&error, ErrorKind::Internal, "subscription", "can't be made"))
            };
            let (readable, waker) = UnixStream::pair().map_err(failed)?;
            waker.set_nonblocking(true).map_err(failed)?;
            readable.set_nonblocking(true).map_err(failed)?;
            let (hub, sockets) = (hub.get().hub(), hub.get().sockets().cloned());
            let waker = Arc::new(waker);
            let shared = Arc::clone(&waker);
            let wake = move || self::wake(&shared);
            let connections =
                if paced { LoopConnections::paced(hub, wake) } else { LoopConnections::new(hub, wake) };
            let has_store = hub.config().store.is_some();
            let asked = paced.then(OnceLock::new);
            Ok(Self { connections, sockets, has_store, asked, readable, waker, process: Process::current() })
        })
    }

    /// The descriptor that is readable when `take` has something to give.
    fn fileno(&self) -> RawFd {
        self.readable.as_raw_fd()
    }

    /// Makes the descriptor readable, though there may be nothing to take.
    fn wake(&self) {
        self::wake(&self.waker);
    }

    /// Registers a connection and returns its number. It gets nothing before `resume` or `attach_socket`. Without a
    /// last event ID it begins with so many of the last events. A store may be waited for. Raises `TopicEndedError` for
    /// a client whose stream was finished, or that has all of topics that have ended.
    #[pyo3(signature = (topics, last_event_id, replay = 0))]
    fn open(
        &self,
        py: Python<'_>,
        topics: &Bound<'_, PyTuple>,
        last_event_id: Option<&Bound<'_, PyAny>>,
        replay: usize,
    ) -> Result<u64> {
        entry(|| {
            let topics = texts(topics, "topic", ErrorKind::InvalidTopic)?;
            let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
            let read = |id| text(id, "last_event_id", ErrorKind::InvalidId);
            let last_event_id = last_event_id.map(read).transpose()?;
            if last_event_id.as_deref().is_some_and(ssecast::is_finished) {
                let problem = "is finished: answer 204, by which an EventSource stays away";
                return Err(Error::new(ErrorKind::TopicEnded, "stream", problem).into());
            }
            let (last_event_id, replay) = (last_event_id.as_deref(), Replay::Last(replay));
            let subscription = Subscription { topics: &topics, last_event_id, replay };
            let open = || self.connections.open_paused(&subscription);
            let connection = if self.has_store { py.detach(open) } else { open() }?;
            if let Some(asked) = &self.asked {
                let _ = asked.set(connection);
            }
            Ok(connection.to_number())
        })
    }

    /// Hands a connection to an engine thread, which writes to a duplicate of the descriptor. Fails when it is not
    /// that of a connected stream socket, or is attached already, or the hub keeps engine threads out of it; the
    /// connection is then as it was.
    fn attach_socket(&self, connection: u64, descriptor: RawFd, chunked: bool, released: bool) -> Result<()> {
        entry(|| {
            let (sockets, socket) = (self.sockets()?, borrow(&descriptor)?);
            Ok(self.connections.attach_socket(sockets, id(connection), socket, framing(chunked), released)?)
        })
    }

    /// The same for a connection whose response's head has still to go out: it is sent before the stream. After
    /// that only the engine may write to the connection, and it looks after its end.
    fn hand_over(&self, connection: u64, descriptor: RawFd, chunked: bool, head: &[u8]) -> Result<()> {
        entry(|| {
            let (sockets, socket) = (self.sockets()?, borrow(&descriptor)?);
            let head = Bytes::copy_from_slice(head);
            Ok(self.connections.hand_over_socket(sockets, id(connection), socket, framing(chunked), head)?)
        })
    }

    /// Takes what is to be done, for at most `limit` connections: a list of pairs, each of what to do (write a
    /// `Batch`; an `End`; `None`, as what was sent to the connections alone is out) and a list of connections. And
    /// whether there is more.
    fn take<'py>(&self, py: Python<'py>, limit: usize) -> Result<(Bound<'py, PyList>, bool)> {
        entry(|| {
            // A child shares the descriptor with its parent, which would miss the wake-up that is read here.
            if !self.process.is_current() {
                let problem = "is that of a parent process; subscribe anew after a fork";
                return Err(Error::new(ErrorKind::Closed, "subscription", problem).into());
            }
            while matches!((&self.readable).read(&mut [0; 64]), Ok(64)) {}
            let mut deliveries = Vec::new();
            let asked = self.asked.as_ref().and_then(OnceLock::get);
            asked.iter().for_each(|connection| self.connections.ask_for(**connection));
            let more = py.detach(|| self.connections.take(limit, &mut deliveries));
            call::uncollected(py, || Ok((list(py, deliveries)?, more)))
        })
    }

    /// Notes that a connection's writer is full.
    fn pause(&self, connection: u64) -> Result<()> {
        entry(|| {
            self.connections.pause(id(connection));
            Ok(())
        })
    }

    /// Notes that a connection's writer has drained.
    fn resume(&self, connection: u64) -> Result<()> {
        entry(|| {
            self.connections.resume(id(connection));
            Ok(())
        })
    }

    /// Sends an event to one connection alone; returns whether it was taken. `None` as data is no data.
    #[pyo3(signature = (connection, data, *, event = None, id = None, retry = None, comment = None))]
    #[allow(clippy::too_many_arguments, reason = "each is a field with a name")]
    fn send(
        &self,
        py: Python<'_>,
        connection: u64,
        data: Option<&Bound<'_, PyAny>>,
        event: Option<&Bound<'_, PyAny>>,
        id: Option<&Bound<'_, PyAny>>,
        retry: Option<&Bound<'_, PyAny>>,
        comment: Option<&Bound<'_, PyAny>>,
    ) -> Result<bool> {
        entry(|| {
            let fields = Fields::read(data, &Arguments { event, id, retry, comment })?;
            let connection = self::id(connection);
            if fields.is_large() {
                Ok(py.detach(|| self.connections.send(connection, &fields.event()))?)
            } else {
                Ok(self.connections.send(connection, &fields.event())?)
            }
        })
    }

    /// How many bytes sent to this connection alone have not gone out. If it is not zero, a batch or `None` follows.
    fn pending_bytes(&self, connection: u64) -> Result<usize> {
        entry(|| Ok(self.connections.pending_bytes(id(connection))))
    }

    /// Adds and removes topics of a connection; returns whether it is still there.
    fn change_topics(
        &self,
        connection: u64,
        add: &Bound<'_, PyTuple>,
        remove: &Bound<'_, PyTuple>,
    ) -> Result<bool> {
        entry(|| {
            let add = texts(add, "topic", ErrorKind::InvalidTopic)?;
            let remove = texts(remove, "topic", ErrorKind::InvalidTopic)?;
            let add: Vec<&str> = add.iter().map(|topic| &**topic).collect();
            let remove: Vec<&str> = remove.iter().map(|topic| &**topic).collect();
            Ok(self.connections.change_topics(id(connection), &add, &remove)?)
        })
    }

    /// Ends a connection after all that was sent before; an `End` follows.
    fn end(&self, connection: u64, reason: &Bound<'_, PyAny>) -> Result<()> {
        entry(|| {
            self.connections.end(id(connection), parse_reason(reason)?);
            Ok(())
        })
    }

    /// Ends a connection in the same way, and for good: the client's next request has a last event ID that
    /// `is_finished`.
    fn finish(&self, connection: u64) -> Result<()> {
        entry(|| {
            self.connections.finish(id(connection), Reason::Server);
            Ok(())
        })
    }

    /// Removes a connection that is gone. Returns whether it is removed by now; otherwise an `End` follows.
    fn remove(&self, connection: u64, reason: &Bound<'_, PyAny>) -> Result<bool> {
        entry(|| Ok(self.connections.remove(id(connection), parse_reason(reason)?)))
    }
}

fn wake(waker: &UnixStream) {
    // A write fails only where earlier wake-ups fill the buffer: then the descriptor is readable already.
    let _ = (&*waker).write(&[1]);
}

impl DeliveryQueue {
    fn sockets(&self) -> Result<&Sockets> {
        self.sockets.as_ref().ok_or_else(|| invalid("is not wanted: delivery is 'pull'"))
    }
}

/// Borrows a descriptor for one call.
pub(crate) fn borrow(descriptor: &RawFd) -> Result<BorrowedFd<'_>> {
    if *descriptor < 0 {
        return Err(invalid("is closed"));
    }
    // SAFETY: the descriptor is borrowed only for this call, during which the interpreter stays attached, so that no
    // other code of Python's closes it; one that is closed already is refused by the system.
    Ok(unsafe { BorrowedFd::borrow_raw(*descriptor) })
}

fn framing(chunked: bool) -> Framing {
    if chunked { Framing::Chunked } else { Framing::Raw }
}

fn invalid(problem: &'static str) -> Failure {
    Error::new(ErrorKind::InvalidSocket, "socket", problem).into()
}

fn parse_reason(name: &Bound<'_, PyAny>) -> Result<Reason> {
    Ok(text(name, "reason", ErrorKind::InvalidOption)?.parse()?)
}

/// Deliveries as pairs of what is to be done and a list of connections.
fn list(py: Python<'_>, deliveries: Vec<Delivery>) -> PyResult<Bound<'_, PyList>> {
    let taken = PyList::empty(py);
    let mut last: Option<(ssecast::Batch, Bound<'_, PyList>)> = None;
    for delivery in deliveries {
        let connection = delivery.connection.to_number();
        let content = match delivery.content {
            Content::Batch(batch) => {
                // Connections at the same place come with the same batch, mostly one after the other.
                if let Some((same, connections)) = &last
                    && same.is_same(&batch)
                {
                    connections.append(connection)?;
                    continue;
                }
                let connections = PyList::new(py, [connection])?;
                last = Some((batch.clone(), connections.clone()));
                let batch = Batch { shared: batch, bytes: PyOnceLock::new(), chunk: PyOnceLock::new() };
                taken.append((batch, connections))?;
                continue;
            }
            Content::End(reason) => Some(End { reason: reason.name(), cut: false }),
            Content::Cut(reason) => Some(End { reason: reason.name(), cut: true }),
            Content::Drained => None,
        };
        taken.append((content, [connection]))?;
    }
    Ok(taken)
}

fn id(connection: u64) -> ConnectionId {
    ConnectionId::from_number(connection)
}
