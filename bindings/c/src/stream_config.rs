use std::ffi::c_void;
use std::sync::Arc;

use ssecast::{Attachment, ConnectionId, ErrorKind, Host, Reason, StreamOptions};

use crate::attach_config::{ssecast_close_callback, ssecast_drain_callback};
use crate::callbacks::Callbacks;
use crate::connection::ssecast_connection;
use crate::error::{Failure, ssecast_result};
use crate::header::{self, ssecast_header};
use crate::number::SSECAST_ZERO;
use crate::replay::replay;
use crate::slice::{self, ssecast_slice};
use crate::versioned::{self, Versioned};

/// Hands out a stream that has begun, on a thread of the engine; it must return soon. The connection is the callback's, which
/// gives it back with `ssecast_connection_free`, now or later; the stream does not end by that.
pub type ssecast_open_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, connection: *mut ssecast_connection)>;

/// The stream that a request of a listener is given. All but the size may be zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_stream_config {
    /// `sizeof(ssecast_stream_config)`; `ssecast_stream_config_init` sets it.
    pub size: usize,
    /// The topics that this client may read, `topics_len` of them. None makes a private stream: only what is sent
    /// to it alone.
    pub topics: *const ssecast_slice,
    /// How many there are.
    pub topics_len: usize,
    /// What a client without a last event ID begins with: so many of the last events, of all its topics together, or
    /// `SSECAST_REPLAY_ALL`; `SSECAST_ZERO` begins live. Default 0: what the listener's configuration says.
    pub replay: u64,
    /// Headers of this response, `headers_len` of them, such as `Set-Cookie`. One takes the place of the listener's of the same
    /// name.
    pub headers: *const ssecast_header,
    /// How many there are.
    pub headers_len: usize,
    /// Hands out the connection of this stream. NULL leaves that to the listener's `on_open`.
    pub on_open: ssecast_open_callback,
    /// Is told of the end of this stream, once, also if it never began, on a thread of the engine; then `user_data` is not used
    /// any more. NULL leaves that to the listener's `on_close`.
    pub on_close: ssecast_close_callback,
    /// Is told that what was sent to this stream alone is out. NULL leaves that to the listener's `on_drain`.
    pub on_drain: ssecast_drain_callback,
    /// Who the client is: what these callbacks get, and `ssecast_connection_user_data` gives. NULL is the listener's.
    pub user_data: *mut c_void,
}

// SAFETY: integers, pointers and functions, as wide as the alignment each.
unsafe impl Versioned for ssecast_stream_config {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            topics: std::ptr::null(),
            topics_len: 0,
            replay: 0,
            headers: std::ptr::null(),
            headers_len: 0,
            on_open: None,
            on_close: None,
            on_drain: None,
            user_data: std::ptr::null_mut(),
        }
    }
}

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_stream_config)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_stream_config_init(
    config: *mut ssecast_stream_config,
    size: usize,
) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(config, "config", size) }
}

impl ssecast_stream_config {
    /// The topics.
    ///
    /// # Safety
    /// The texts stay for as long as the borrow lives.
    pub(crate) unsafe fn topics<'a>(&self) -> Result<Vec<&'a str>, Failure> {
        // SAFETY: the caller's promise.
        unsafe { slice::texts(self.topics, self.topics_len, "topics", ErrorKind::InvalidTopic) }
    }

    /// The rest of what the core needs. `listeners` are the callbacks for what this stream has none for.
    ///
    /// # Safety
    /// What it points to is there.
    pub(crate) unsafe fn core<'a>(
        &self,
        topics: &'a [&'a str],
        listeners: &Arc<Callbacks>,
    ) -> Result<StreamOptions<'a>, Failure> {
        let Self { on_open, on_close, on_drain, user_data, .. } = *self;
        let is_own = on_open.is_some() || on_close.is_some() || on_drain.is_some() || !user_data.is_null();
        let own = Own { on_open, on_close, on_drain, user_data, listeners: Arc::clone(listeners) };
        Ok(StreamOptions {
            topics,
            replay: (self.replay != 0)
                .then(|| if self.replay == SSECAST_ZERO { replay(0) } else { replay(self.replay) }),
            // SAFETY: the caller's promise.
            headers: unsafe { header::pairs(self.headers, self.headers_len) }?,
            host: is_own.then(|| Arc::new(own) as Arc<dyn Host>),
        })
    }
}

/// One stream's own callbacks, and the listener's for the others.
struct Own {
    on_open: ssecast_open_callback,
    on_close: ssecast_close_callback,
    on_drain: ssecast_drain_callback,
    user_data: *mut c_void,
    listeners: Arc<Callbacks>,
}

// SAFETY: the user data is only handed back to the caller's own functions, which the header says run on other
// threads.
unsafe impl Send for Own {}
// SAFETY: the same.
unsafe impl Sync for Own {}

impl Host for Own {
    fn opened(&self, stream: &Attachment) {
        let user_data = if self.user_data.is_null() { self.listeners.user_data } else { self.user_data };
        match self.on_open {
            // SAFETY: the caller's function and data; the connection is handed over.
            Some(on_open) => unsafe {
                on_open(user_data, ssecast_connection::handle(stream.clone(), user_data));
            },
            None => self.listeners.opened(stream.clone(), user_data),
        }
    }

    fn ended(&self, connection: ConnectionId, reason: Reason, cut: bool) {
        match self.on_close {
            // SAFETY: the caller's function and data, which live until it has returned.
            Some(on_close) => unsafe { on_close(self.user_data, reason.into(), cut) },
            None => self.listeners.ended(connection, reason),
        }
    }

    fn drained(&self, connection: ConnectionId) {
        match self.on_drain {
            // SAFETY: the caller's function and data, which live until the stream's end was told.
            Some(on_drain) => unsafe { on_drain(self.user_data) },
            None => self.listeners.drained(connection),
        }
    }
}
