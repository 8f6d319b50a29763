use ssecast_hub::{Batch, Reason};

use crate::connection::ConnectionId;

/// Something that the host does for one connection.
#[derive(Debug)]
pub struct Delivery {
    /// The connection that it is for.
    pub connection: ConnectionId,
    /// What to do.
    pub content: Content,
}

/// What a host does for a connection.
#[derive(Debug)]
pub enum Content {
    /// Write these bytes. They are shared with the other connections at the same place.
    Batch(Batch),
    /// End the response: the connection is gone from the hub.
    End(Reason),
    /// Cut the connection: it is gone from the hub, and did not take all that it was given.
    Cut(Reason),
    /// What was sent to this connection alone is out: a source that waited for it may go on.
    Drained,
}
