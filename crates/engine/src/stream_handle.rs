use std::fmt;
use std::sync::Arc;

use ssecast_hub::{Error, Event, Reason};

use crate::connection::ConnectionId;
use crate::task_connections::TaskConnections;

/// One stream of a [`ByteStream`](crate::ByteStream), for those who do not poll it. It does not keep the stream open: when that
/// is over its calls do nothing. Clones are handles of the same stream.
///
/// ```
/// use ssecast_engine::{ByteStream, Config, Event, Hub, Reason, Subscription};
/// let hub = Hub::new(Config::default())?;
/// let stream = ByteStream::open(&hub, &Subscription::default())?;
/// let handle = stream.handle();
/// assert!(handle.send(&Event::data("for you alone"))?);
/// handle.end(Reason::Server);
/// drop(stream);
/// assert!(!handle.send(&Event::data("late"))?);
/// # Ok::<(), ssecast_engine::Error>(())
/// ```
#[derive(Clone)]
pub struct StreamHandle {
    pub(crate) connections: Arc<TaskConnections>,
    pub(crate) id: ConnectionId,
}

impl StreamHandle {
    /// The stream's name, which no other open one of its hub has.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.id
    }

    /// Sends an event to this stream alone, behind everything that was published before. Returns whether it was taken: not
    /// when the stream is over, or ending.
    ///
    /// # Errors
    /// Those of [`Hub::private`](ssecast_hub::Hub::private); then nothing is sent.
    pub fn send(&self, event: &Event<'_>) -> Result<bool, Error> {
        self.connections.connections.send(self.id, event)
    }

    /// Adds and removes topics. Returns whether the stream is still there.
    ///
    /// # Errors
    /// Those of [`Registrar::change_topics`](ssecast_hub::Registrar::change_topics); then nothing changes.
    pub fn change_topics(&self, add: &[&str], remove: &[&str]) -> Result<bool, Error> {
        self.connections.connections.change_topics(self.id, add, remove)
    }

    /// Ends the stream after everything that was published and sent before. Its client comes back.
    pub fn end(&self, reason: Reason) {
        self.connections.connections.end(self.id, reason);
    }

    /// Ends the stream as [`end`](Self::end) does, and for good: its client's next request is answered 204. Returns whether
    /// the client will be told.
    #[allow(clippy::must_use_candidate, reason = "not every host asks")]
    pub fn finish(&self, reason: Reason) -> bool {
        self.connections.connections.finish(self.id, reason)
    }
}

impl fmt::Debug for StreamHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
