use ssecast_hub::Reason;

use crate::attachment::Attachment;
use crate::connection::ConnectionId;

/// What a host is told of its attached connections, on an engine thread and outside every lock. Calls must return
/// soon.
pub trait Host: Send + Sync + 'static {
    /// The engine has taken the connection on: nothing of the stream was sent before, and its end is told after.
    fn opened(&self, attachment: &Attachment) {
        let _ = attachment;
    }

    /// The stream is over, and the engine has let go of the socket: not one byte follows. If it was `cut`, the
    /// last frame may be incomplete and the connection is of no further use; otherwise the host ends the response.
    fn ended(&self, connection: ConnectionId, reason: Reason, cut: bool);

    /// All that was sent to the connection alone has been handed to the system, after
    /// [`pending_bytes`](Attachment::pending_bytes) was asked and was not zero.
    fn drained(&self, connection: ConnectionId);
}
