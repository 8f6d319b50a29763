use std::ffi::c_void;

use ssecast::{Attachment, ConnectionId, Reason};

use crate::connection::ssecast_connection;
use crate::reason::ssecast_reason;

/// Hands out a stream that has begun, on a thread of the engine; it must return soon. The connection is the
/// callback's, which gives it back with `ssecast_connection_free`, now or later; the stream does not end by that.
pub type ssecast_stream_open_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, stream: u64, connection: *mut ssecast_connection)>;

/// Tells of the end of a stream, on a thread of the engine; it must return soon. It is called once for each request
/// that was allowed, also if its stream never began.
pub type ssecast_stream_close_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, stream: u64, reason: ssecast_reason)>;

/// Tells that all that was sent to one stream alone has been handed to the system, as `ssecast_drain_callback` does.
pub type ssecast_stream_drain_callback = Option<unsafe extern "C" fn(user_data: *mut c_void, stream: u64)>;

/// The caller's functions for all streams of a listener.
pub(crate) struct Callbacks {
    pub(crate) on_open: ssecast_stream_open_callback,
    pub(crate) on_close: ssecast_stream_close_callback,
    pub(crate) on_drain: ssecast_stream_drain_callback,
    pub(crate) user_data: *mut c_void,
}

// SAFETY: the user data is only handed back to the caller's own functions, which the header says run on other
// threads.
unsafe impl Send for Callbacks {}
// SAFETY: the same.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    /// Hands out a stream, whose own user data are these.
    pub(crate) fn opened(&self, stream: Attachment, own: *mut c_void) {
        if let Some(on_open) = self.on_open {
            let number = stream.connection().to_number();
            // SAFETY: the caller's function and data; the connection is handed over.
            unsafe { on_open(self.user_data, number, ssecast_connection::handle(stream, own)) };
        }
    }

    pub(crate) fn ended(&self, connection: ConnectionId, reason: Reason) {
        if let Some(on_close) = self.on_close {
            // SAFETY: the caller's function and data.
            unsafe { on_close(self.user_data, connection.to_number(), reason.into()) };
        }
    }

    pub(crate) fn drained(&self, connection: ConnectionId) {
        if let Some(on_drain) = self.on_drain {
            // SAFETY: the caller's function and data.
            unsafe { on_drain(self.user_data, connection.to_number()) };
        }
    }
}
