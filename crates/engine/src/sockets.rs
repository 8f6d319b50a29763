use std::num::NonZero;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use ssecast_hub::process::PerProcess;
use ssecast_hub::{Error, ErrorKind, Hub, Subscriber};

use crate::attachment::Attachment;
use crate::connection::ConnectionId;
use crate::connection_state::ConnectionState;
use crate::descriptor::Descriptor;
use crate::framing::Framing;
use crate::host::Host;
use crate::socket_buffer::SocketBuffer;
use crate::socket_options::SocketOptions;
use crate::sync::{Mutex, lock};
use crate::worker_handle::WorkerHandle;

/// The most threads by default: more gain nothing, because the kernel does nearly all of the work.
const MAX_THREADS: usize = 4;

/// How many threads all hosts share: a core is left to the host, whose loop would otherwise wait for ours. On two cores one thread
/// delivers 150 bytes to 2,000 clients 1.2 times as fast as two do, and 4 KB 1.6 times, with less delay
/// (tests/bench/README.md).
fn shared_threads(cores: usize) -> usize {
    cores.saturating_sub(1).clamp(1, MAX_THREADS)
}

/// Socket delivery: threads that write streams to duplicates of the host's sockets.
///
/// Clones are handles of the same threads. The threads start with the first connection, and serve any number of
/// hubs; they end with the last handle and the last connection. After a fork the child starts its own; it writes
/// nothing to connections of the parent.
#[derive(Clone)]
pub struct Sockets(Arc<Threads>);

struct Threads {
    count: usize,
    workers: PerProcess<Mutex<Vec<Arc<WorkerHandle>>>>,
}

/// The threads of every host that did not make threads of its own.
static SHARED: PerProcess<Sockets> = PerProcess::new();

impl Sockets {
    /// Makes a set of threads: at least one.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self(Arc::new(Threads { count: threads.max(1), workers: PerProcess::new() }))
    }

    /// The threads of this process that are shared: one fewer than there are cores, at least one and at most four.
    #[must_use]
    pub fn shared() -> Self {
        let threads = || shared_threads(thread::available_parallelism().map_or(1, NonZero::get));
        SHARED.get_or_init(|| Self::new(threads())).clone()
    }

    /// Duplicates a connection's descriptor, and sees to it that there is a thread for it.
    ///
    /// # Errors
    /// [`InvalidSocket`](ssecast_hub::ErrorKind::InvalidSocket), [`Attached`](ssecast_hub::ErrorKind::Attached),
    /// [`TooManyDescriptors`](ssecast_hub::ErrorKind::TooManyDescriptors); nothing has changed then.
    pub fn prepare(&self, socket: BorrowedFd<'_>) -> Result<Socket, Error> {
        Ok(Socket { descriptor: Descriptor::duplicate(socket)?, worker: self.worker()?, head: Bytes::new() })
    }

    /// The same for a host that keeps its own descriptor, and writes itself where there is no duplicate: none is made
    /// unless three quarters of the process's descriptors are free.
    pub(crate) fn prepare_spare(&self, socket: BorrowedFd<'_>) -> Result<Socket, Error> {
        let descriptor = Descriptor::duplicate(socket)?.spare()?;
        Ok(Socket { descriptor, worker: self.worker()?, head: Bytes::new() })
    }

    /// The thread with the fewest connections.
    ///
    /// # Errors
    /// [`TooManyDescriptors`](ssecast_hub::ErrorKind::TooManyDescriptors), [`Internal`](ssecast_hub::ErrorKind::Internal):
    /// there is no thread, and none can be started.
    pub fn worker(&self) -> Result<Arc<WorkerHandle>, Error> {
        let mut workers = lock(self.0.workers.get_or_init(Mutex::default));
        if workers.len() < self.0.count {
            match WorkerHandle::start(workers.len()) {
                Ok(worker) => workers.push(worker),
                Err(error) if workers.is_empty() => return Err(error),
                // The threads that there are do as well.
                Err(_) => {}
            }
        }
        let connections = |worker: &&Arc<WorkerHandle>| worker.connections();
        let fewest = workers.iter().min_by_key(connections).map(Arc::clone);
        fewest.ok_or_else(|| Error::new(ErrorKind::Internal, "engine", "has no thread"))
    }
}

/// A duplicate of a connection's descriptor, ready to be written to.
pub struct Socket {
    descriptor: Descriptor,
    worker: Arc<WorkerHandle>,
    /// What is sent before the stream.
    head: Bytes,
}

impl Socket {
    /// Takes ownership of a connection whose response's head is still to be sent.
    ///
    /// # Errors
    /// [`InvalidSocket`](ssecast_hub::ErrorKind::InvalidSocket).
    pub fn take(socket: OwnedFd, worker: Arc<WorkerHandle>, head: Bytes) -> Result<Self, Error> {
        Ok(Self { descriptor: Descriptor::take(socket)?, worker, head })
    }

    /// Has the response's head sent before the stream.
    #[must_use]
    pub fn with_head(self, head: Bytes) -> Self {
        Self { head, ..self }
    }

    /// Hands a connection over to its thread, which writes the subscriber's stream to it.
    ///
    /// Until the host is told that the stream has [`ended`](Host::ended) nothing else may write to the connection.
    /// The host keeps its own descriptor, reads from it, and [`abandon`](Attachment::abandon)s the stream when the
    /// peer is gone. If the connection is `released` the host closes its descriptor instead, and the thread sees
    /// to the end of the connection. It must close it and nothing else: a `shutdown` ends the connection for all.
    ///
    /// A peer that does not answer for the time of the slow client is given up ([`PeerTimeout`](crate::PeerTimeout)), and the
    /// system keeps no more than a batch of bytes that can't leave yet (Linux), by options of the connection that are
    /// set back before a host goes on with it.
    #[must_use]
    pub fn attach(self, hub: &Hub, subscriber: Subscriber, transfer: Transfer) -> Attachment {
        let Self { descriptor, worker, head } = self;
        let Transfer { framing, released, name, host } = transfer;
        let state = Arc::new(ConnectionState::new(name, hub.key(), subscriber.private_bytes()));
        let options = SocketOptions::set(&descriptor, hub.config());
        let mut buffer =
            SocketBuffer::new(descriptor, framing, released, options, subscriber.hold(), state, host);
        buffer.load_head(head);
        worker.attach(hub, subscriber, buffer)
    }
}

/// How a connection is handed over.
pub struct Transfer {
    /// The framing of the body, which the response's head has announced.
    pub framing: Framing,
    /// The host closes its own descriptor.
    pub released: bool,
    /// The host's name for the connection.
    pub name: ConnectionId,
    /// It is told of the connection's end.
    pub host: Arc<dyn Host>,
}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets").field("threads", &self.0.count).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::shared_threads;

    #[test]
    fn a_core_is_left_to_the_host() {
        assert_eq!([1, 2, 3, 5, 64].map(shared_threads), [1, 1, 2, 4, 4]);
    }
}
