use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use ssecast_hub::{Error, Hub, Subscriber};

use crate::attachment::{Attachment, Host, Link};
use crate::connection::ConnectionId;
use crate::descriptor::Descriptor;
use crate::shard::Shard;
use crate::writer::Sink;

/// The most threads by default: more gain nothing, because the kernel does nearly all of the work.
const MAX_THREADS: usize = 4;

/// How a response's body is framed on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// HTTP/1.1's chunked transfer coding.
    Chunked,
    /// As it is: the end of the connection ends the body.
    Raw,
}

/// Socket delivery: threads that write streams to duplicates of the host's sockets.
///
/// Clones are handles of the same threads. The threads start with the first connection, and serve any number of
/// hubs. After a fork the child starts its own; it writes nothing to connections of the parent.
#[derive(Clone)]
pub struct Sockets(Arc<Threads>);

struct Threads {
    count: usize,
    /// The threads, and the process that they are in.
    shards: Mutex<(u32, Vec<Arc<Shard>>)>,
}

/// The threads that everybody shares who does not ask for others.
static SHARED: Mutex<Option<Sockets>> = Mutex::new(None);

impl Sockets {
    /// Makes a set of threads: at least one.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self(Arc::new(Threads { count: threads.max(1), shards: Mutex::default() }))
    }

    /// The threads of this process that are shared: one per core, at most four.
    #[must_use]
    pub fn shared() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = || thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_THREADS));
        shared.get_or_insert_with(|| Self::new(threads())).clone()
    }

    /// Duplicates a connection's descriptor, and sees to it that there is a thread for it.
    ///
    /// # Errors
    /// [`InvalidSocket`](ssecast_hub::ErrorKind::InvalidSocket), [`Attached`](ssecast_hub::ErrorKind::Attached),
    /// [`TooManyDescriptors`](ssecast_hub::ErrorKind::TooManyDescriptors); nothing has changed then.
    pub fn prepare(&self, socket: BorrowedFd<'_>) -> Result<Socket, Error> {
        Ok(Socket { descriptor: Descriptor::duplicate(socket)?, shard: self.shard()? })
    }

    /// The thread with the fewest connections.
    fn shard(&self) -> Result<Arc<Shard>, Error> {
        let process = std::process::id();
        let mut shards = self.0.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if shards.0 != process {
            // The parent's threads did not come along, and its connections are none of ours.
            std::mem::forget(std::mem::take(&mut shards.1));
            shards.0 = process;
        }
        if shards.1.len() < self.0.count {
            let shard = Shard::start(shards.1.len())?;
            shards.1.push(shard);
        }
        let connections = |shard: &&Arc<Shard>| shard.connections.load(Ordering::Relaxed);
        let fewest = shards.1.iter().min_by_key(connections).map(Arc::clone);
        fewest.map_or_else(|| Shard::start(0), Ok)
    }
}

/// A duplicate of a connection's descriptor, ready to be written to.
pub struct Socket {
    descriptor: Descriptor,
    shard: Arc<Shard>,
}

impl Socket {
    /// Hands a connection over to its thread, which writes the subscriber's stream to it.
    ///
    /// Until the host is told that the stream has [`ended`](Host::ended) nobody else may write to the connection.
    /// The host keeps its own descriptor, reads from it, and [`abandon`](Attachment::abandon)s the stream when the
    /// peer is gone. If the connection is `released` the host closes its descriptor instead, and the thread sees
    /// to the end of the connection.
    #[must_use]
    pub fn attach(self, hub: &Hub, subscriber: Subscriber, transfer: Transfer) -> Attachment {
        let Self { descriptor, shard } = self;
        let Transfer { framing, released, name, host } = transfer;
        let own_bytes = subscriber.own_bytes();
        let link = Arc::new(Link {
            shard: Arc::clone(&shard),
            name,
            hub: hub.key(),
            place: AtomicU64::new(u64::MAX),
            host,
            ending: AtomicBool::new(false),
            own_bytes: AtomicUsize::new(own_bytes),
            awaited: AtomicBool::new(false),
        });
        let sink = Sink {
            descriptor,
            framing,
            released,
            link: Arc::clone(&link),
            rest: Bytes::new(),
            own_bytes,
            polled: None,
        };
        shard.attach(hub, subscriber, sink);
        Attachment { link, hub: hub.clone() }
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
    /// Who is told of its end.
    pub host: Arc<dyn Host>,
}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets").field("threads", &self.0.count).finish()
    }
}
