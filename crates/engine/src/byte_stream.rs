use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use ssecast_hub::{Error, Hub, Reason, Subscription};

use crate::batch_queue::BatchQueue;
use crate::connection::ConnectionId;
use crate::stream_handle::StreamHandle;
use crate::task_connections::TaskConnections;

/// The bytes of one connection's stream, for a task that polls it: the body of a response, or what a parser reads in this
/// process. Dropping it ends the connection.
///
/// Publishing wakes one thread of the engine, which wakes the tasks: its cost does not depend on how many streams there are.
/// A task that does not poll is a slow client ([`SlowClient`](ssecast_hub::SlowClient)). Any runtime will do.
///
/// ```
/// use ssecast_engine::{ByteStream, Config, Event, Hub, Subscription};
/// # #[cfg(feature = "stream")]
/// # fn main() -> Result<(), ssecast_engine::Error> {
/// use futures_util::StreamExt;
/// let hub = Hub::new(Config { retry: None, ..Config::default() })?;
/// let mut stream = ByteStream::open(&hub, &Subscription { topics: &["ticks"], ..Subscription::default() })?;
/// hub.publish("ticks", &Event::data("1"))?;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut seen = Vec::new();
/// while !seen.ends_with(b"data: 1\n\n") {
///     seen.extend_from_slice(&stream.next().await.expect("it has not ended").expect("it was not cut"));
/// }
/// # });
/// # Ok(()) }
/// # #[cfg(not(feature = "stream"))]
/// # fn main() {}
/// ```
pub struct ByteStream {
    connections: Arc<TaskConnections>,
    queue: Arc<BatchQueue>,
    id: ConnectionId,
}

/// A stream ended before its client had everything: it was too slow, or what it belonged to failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut(pub Reason);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stream was cut: {}", self.0)
    }
}

impl std::error::Error for Cut {}

impl ByteStream {
    /// Registers a connection. What is published from here on is for it.
    ///
    /// # Errors
    /// Those of [`Reader::subscribe`](ssecast_hub::Reader::subscribe), and [`ErrorKind::Internal`](ssecast_hub::ErrorKind::Internal) if the system has no thread for the first stream.
    pub fn open(hub: &Hub, subscription: &Subscription<'_>) -> Result<Self, Error> {
        Self::open_in(TaskConnections::of(hub)?, subscription)
    }

    pub(crate) fn open_in(
        connections: Arc<TaskConnections>,
        subscription: &Subscription<'_>,
    ) -> Result<Self, Error> {
        let (id, queue) = connections.open(subscription)?;
        Ok(Self { connections, queue, id })
    }

    /// Takes the next bytes, or leaves the task's waker for when there are some. After [`Cut`] nothing follows.
    ///
    /// In a child of the process that opened it the stream is cut.
    pub fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let Self { connections: tasks, queue, id } = self;
        if !tasks.connections.is_here() {
            return Poll::Ready(Some(Err(Cut(Reason::Error))));
        }
        queue.poll(context, || tasks.connections.resume(*id)).map(|next| next.map(|next| next.map_err(Cut)))
    }

    /// What sends to this connection alone, changes its topics and ends it, from any thread.
    #[must_use]
    pub fn handle(&self) -> StreamHandle {
        StreamHandle { connections: Arc::clone(&self.connections), id: self.id }
    }
}

#[cfg(feature = "stream")]
impl futures_core::Stream for ByteStream {
    type Item = Result<Bytes, Cut>;

    fn poll_next(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_bytes(context)
    }
}

impl Drop for ByteStream {
    fn drop(&mut self) {
        if !self.connections.connections.is_here() {
            // Threads of the parent's may have been changing it during the fork: it is not even taken apart.
            std::mem::forget((Arc::clone(&self.connections), Arc::clone(&self.queue)));
            return;
        }
        self.connections.forget(self.id);
        self.connections.connections.remove(self.id, Reason::Client);
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").field("id", &self.id).finish_non_exhaustive()
    }
}
