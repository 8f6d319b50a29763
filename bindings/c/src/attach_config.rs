use std::ffi::c_void;
use std::mem::offset_of;

use ssecast::{ConnectionId, Host, Reason};

use crate::error::ssecast_result;
use crate::framing::ssecast_framing;
use crate::reason::ssecast_reason;
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// Tells of the end of a connection's stream, exactly once for each connection that was attached, on a thread of the
/// engine. It must return soon. The library has let go of its duplicate by then, and writes nothing any more.
///
/// If `cut` is false the caller ends the response: with framing chunked it writes `0\r\n\r\n`, and the connection
/// can serve its next request. If `cut` is true the last event may be incomplete: the connection is of no further
/// use.
pub type ssecast_close_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, reason: ssecast_reason, cut: bool)>;

/// Tells that all that was sent to one connection alone has been handed to the system, after
/// `ssecast_connection_pending_bytes` was asked and was not 0. On a thread of the engine; it must return soon.
pub type ssecast_drain_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// How a socket is attached.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_attach_config {
    /// `sizeof(ssecast_attach_config)`; `ssecast_attach_config_init` sets it.
    pub size: usize,
    /// The topics that this client may read, `topics_len` of them. None makes a private stream: only what is sent
    /// to it alone.
    pub topics: *const ssecast_slice,
    /// How many there are.
    pub topics_len: usize,
    /// The client's `Last-Event-ID`, if it sent one.
    pub last_event_id: ssecast_slice,
    /// The response's head, which is sent before the stream; left out if the caller has sent it. A socket that is
    /// refused has then been sent nothing, and the caller can answer 503. Default left out.
    pub head: ssecast_slice,
    /// An `ssecast_framing`: what the response's head has announced. Default `SSECAST_FRAMING_CHUNKED`.
    pub framing: u32,
    /// Not 0: the caller closes its own descriptor now, and keeps nothing. The engine then sees the client leave,
    /// ends the body itself and closes the connection. A client that half-closes, as `curl` does when it reads its
    /// request from a pipe, has its stream until it leaves. Default 0.
    ///
    /// The caller calls `close`, and nothing else: `shutdown` would end the connection for every descriptor of it, and
    /// `on_close` then tells of `SSECAST_REASON_ERROR`. A server whose own connection object shuts the socket down when it
    /// is freed, as `evhttp_connection_free` of libevent does, keeps that object until `on_close`, without `released`: it
    /// stops reading and writing there, and calls `ssecast_connection_disconnect` when it is told that the client has
    /// left. `SSL_shutdown` and a timeout of the server's that closes idle connections are of the same kind.
    pub released: u32,
    /// Is told of the end. May be NULL.
    pub on_close: ssecast_close_callback,
    /// Is told that what was sent to it alone is out. May be NULL.
    pub on_drain: ssecast_drain_callback,
    /// What the callbacks get. It must live until `on_close` has returned.
    pub user_data: *mut c_void,
    /// What a client without a last event ID begins with: so many of the last events, of all its topics together, or
    /// `SSECAST_REPLAY_ALL`. The stream goes on live behind them, without a gap. Default 0: it begins live.
    pub replay: u64,
}

// SAFETY: integers, pointers, functions and a slice; the last of them is as wide as the alignment.
unsafe impl Versioned for ssecast_attach_config {
    const FIRST: usize = offset_of!(Self, replay);

    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            topics: std::ptr::null(),
            topics_len: 0,
            last_event_id: ssecast_slice::NONE,
            head: ssecast_slice::NONE,
            framing: ssecast_framing::SSECAST_FRAMING_DEFAULT as u32,
            released: 0,
            on_close: None,
            on_drain: None,
            user_data: std::ptr::null_mut(),
            replay: 0,
        }
    }
}

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_attach_config)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_attach_config_init(
    config: *mut ssecast_attach_config,
    size: usize,
) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(config, "config", size) }
}

/// The caller's functions that the engine calls for a connection.
pub(crate) struct Callbacks {
    on_close: ssecast_close_callback,
    on_drain: ssecast_drain_callback,
    user_data: *mut c_void,
}

// SAFETY: the user data is only handed back to the caller's own functions, which the header says run on other
// threads.
unsafe impl Send for Callbacks {}
// SAFETY: the same.
unsafe impl Sync for Callbacks {}

impl Host for Callbacks {
    fn ended(&self, _: ConnectionId, reason: Reason, cut: bool) {
        if let Some(on_close) = self.on_close {
            // SAFETY: the caller's function and data, which live until it has returned.
            unsafe { on_close(self.user_data, reason.into(), cut) };
        }
    }

    fn drained(&self, _: ConnectionId) {
        if let Some(on_drain) = self.on_drain {
            // SAFETY: the caller's function and data, which live until the connection's end was told.
            unsafe { on_drain(self.user_data) };
        }
    }
}

impl ssecast_attach_config {
    pub(crate) fn callbacks(&self) -> Callbacks {
        Callbacks { on_close: self.on_close, on_drain: self.on_drain, user_data: self.user_data }
    }
}
