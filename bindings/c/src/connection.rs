use std::ffi::{c_int, c_void};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ssecast::{
    Attachment, ConnectionId, ErrorKind, Framing, Host, OptionKey, Reason, Subscription, Transfer,
    is_finished,
};

use crate::entry::{entry, free, output, quiet, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::event::{self, ssecast_event};
use crate::hub::ssecast_hub;
use crate::slice::{self, ssecast_slice};
use crate::versioned::{self, Versioned};

use ssecast_reason::*;

/// A connection whose socket the engine writes to. Any thread may use it.
pub struct ssecast_connection {
    attachment: Attachment,
    /// It was told to end, and to end at once. A second caller gets `SSECAST_ENDED`.
    detached: AtomicBool,
    disconnected: AtomicBool,
}

/// How a stream is framed on the wire.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_framing {
    /// What the configuration says is its default.
    SSECAST_FRAMING_DEFAULT = 0,
    /// HTTP/1.1's chunked transfer coding. The last chunk, `0\r\n\r\n`, is the caller's to write, after the end.
    SSECAST_FRAMING_CHUNKED = 1,
    /// As it is: the end of the connection ends the body, or the caller frames it.
    SSECAST_FRAMING_RAW = 2,
}

/// Why a connection ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_reason {
    /// The client went away.
    SSECAST_REASON_CLIENT = 0,
    /// The server ended this one connection.
    SSECAST_REASON_SERVER = 1,
    /// The hub was closed.
    SSECAST_REASON_SHUTDOWN = 2,
    /// The client was too slow, and the policy is to disconnect.
    SSECAST_REASON_LAGGED = 3,
    /// Something on the server failed.
    SSECAST_REASON_ERROR = 4,
}

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
}

// SAFETY: integers, pointers, functions and a slice; the last of them is as wide as the alignment.
unsafe impl Versioned for ssecast_attach_config {
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

/// Lets a thread of the engine write a client's stream to a connected stream socket, from here on. The caller has
/// sent the response's head, all of it, or gives it in `head`; it writes nothing to the connection until `on_close`
/// has told of the end.
///
/// The library makes a duplicate of the descriptor: the caller's own stays the caller's. The caller reads from it,
/// and calls `ssecast_connection_disconnect` with `SSECAST_REASON_CLIENT` when the client is gone; or it sets
/// `released`. A client that does not answer for `slow_client_ms` and five seconds is given up by the system, also when its
/// network has vanished: the connection has `TCP_USER_TIMEOUT`, and keep-alive where no heartbeat asks, until the library lets go of
/// it, and then what it had before.
///
/// `connection` may be NULL if the handle is not wanted; otherwise give it back with `ssecast_connection_free`.
/// `on_close` may run before this function returns.
///
/// Fails with `SSECAST_INVALID_SOCKET`, `SSECAST_ATTACHED`, `SSECAST_TOO_MANY_DESCRIPTORS`,
/// `SSECAST_INVALID_TOPIC`, `SSECAST_TOO_MANY_TOPICS`, `SSECAST_TOO_MANY_CONNECTIONS`, `SSECAST_CLOSED` or
/// `SSECAST_INVALID_OPTION`; then nothing was written, and no callback is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_attach_socket(
    hub: *mut ssecast_hub,
    socket: c_int,
    config: *const ssecast_attach_config,
    connection: *mut *mut ssecast_connection,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub, and a configuration that is as its size says.
        let (hub, config) =
            unsafe { (required(hub, "hub")?, versioned::read(config, "config", "config.size")?) };
        let framing = framing(config.framing, Framing::Chunked)?;
        // SAFETY: the caller's texts are there until the call returns.
        let (topics, last_event_id, head) = unsafe {
            let topics = slice::texts(config.topics, config.topics_len, "topics", ErrorKind::InvalidTopic)?;
            (topics, last_event_id(config.last_event_id)?, config.head.bytes("head")?)
        };
        let head = head.map_or_else(Bytes::new, Bytes::copy_from_slice);
        if socket < 0 {
            return Err(Failure::new(ssecast_result::SSECAST_INVALID_SOCKET, "socket", "is closed"));
        }
        // SAFETY: it is borrowed for this call, and the caller does not close it meanwhile. One that is closed
        // already is refused by the system.
        let prepared = hub.sockets.prepare(unsafe { BorrowedFd::borrow_raw(socket) })?.with_head(head);
        // A reader of its own until the subscriber is handed over, so that attaching waits for no other thread.
        let mut reader = hub.hub.reader(Arc::new(|| {}));
        let subscriber = reader.subscribe(&Subscription { topics: &topics, last_event_id })?;
        let host =
            Callbacks { on_close: config.on_close, on_drain: config.on_drain, user_data: config.user_data };
        let transfer = Transfer {
            framing,
            released: config.released != 0,
            name: ConnectionId::from_number(0),
            host: Arc::new(host),
        };
        let attachment = prepared.attach(&hub.hub, subscriber, transfer);
        if !connection.is_null() {
            // SAFETY: not NULL.
            unsafe { connection.write(ssecast_connection::handle(attachment)) };
        }
        Ok(())
    })
}

/// Frees the handle of a connection, and nothing else: the stream goes on until it ends. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_free(connection: *mut ssecast_connection) {
    // SAFETY: NULL or from `ssecast_hub_attach_socket`, and not used again.
    unsafe { free(connection) };
}

/// Sends an event to one connection alone, behind everything that was published before.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_TOO_MUCH_PENDING`, `SSECAST_EVENT_TOO_LARGE`, or as `ssecast_event_encode`
/// does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_send(
    connection: *mut ssecast_connection,
    event: *const ssecast_event,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's connection and event are there until the call returns.
        let (connection, event) = unsafe { (required(connection, "connection")?, event::read(event)?) };
        if connection.attachment.send(&event)? { Ok(()) } else { Err(connection.not_taken()) }
    })
}

/// Counts the bytes that were sent to this connection alone and that the system has not taken yet: 0 once it has
/// ended. When it is not 0, `on_drain` is called once it is, or `on_close`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_pending_bytes(
    connection: *const ssecast_connection,
    bytes: *mut usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's connection.
        let connection = unsafe { required(connection, "connection") }?;
        let bytes = output(bytes, "bytes")?;
        // SAFETY: not NULL.
        unsafe { bytes.write(connection.attachment.pending_bytes()) };
        Ok(())
    })
}

/// Adds and removes topics of a connection: what is published from here on counts. Either array may be NULL with the
/// length 0.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_INVALID_TOPIC` or `SSECAST_TOO_MANY_TOPICS`; then nothing changes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_change_topics(
    connection: *mut ssecast_connection,
    add: *const ssecast_slice,
    add_len: usize,
    remove: *const ssecast_slice,
    remove_len: usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's connection and texts are there until the call returns.
        let (connection, add, remove) = unsafe {
            (
                required(connection, "connection")?,
                slice::texts(add, add_len, "add", ErrorKind::InvalidTopic)?,
                slice::texts(remove, remove_len, "remove", ErrorKind::InvalidTopic)?,
            )
        };
        if connection.attachment.change_topics(&add, &remove)? { Ok(()) } else { Err(ended("connection")) }
    })
}

/// Ends a connection's stream after everything that was published and sent before, finishes the frame under way,
/// lets go of the socket, and then calls `on_close` with the reason `SSECAST_REASON_SERVER`. It does not wait for
/// that.
///
/// Fails with `SSECAST_ENDED` if the stream has ended, or is ending.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_detach(
    connection: *mut ssecast_connection,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's connection.
        let connection = unsafe { required(connection, "connection") }?;
        connection.begin_detach()?;
        connection.attachment.detach(Reason::Server);
        Ok(())
    })
}

/// Ends a connection's stream as `ssecast_connection_detach` does, and for good: an `EventSource` comes back after every
/// other end, and would get a finished answer once more. The client's next request has a last event ID that
/// `ssecast_is_finished` knows. A listener answers it with 204; a caller that attaches sockets does so itself.
///
/// Fails with `SSECAST_ENDED` if the stream has ended, or is ending; with `SSECAST_TOO_MUCH_PENDING` if the client can't be
/// told, because more waits for it than its limit allows or the hub is closed: then the stream ends as with
/// `ssecast_connection_detach`, and the client comes back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_finish(
    connection: *mut ssecast_connection,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's connection.
        let connection = unsafe { required(connection, "connection") }?;
        connection.begin_detach()?;
        if connection.attachment.finish(Reason::Server) { Ok(()) } else { Err(too_much("connection")) }
    })
}

/// Whether a client's last event ID says that its stream was finished for good: answer 204, and open no stream. A listener
/// does so by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_is_finished(last_event_id: ssecast_slice) -> bool {
    // SAFETY: the caller's text is there until the call returns.
    quiet(false, || unsafe { self::last_event_id(last_event_id) }.ok().flatten().is_some_and(is_finished))
}

/// Ends a connection at once, also while it is being detached: it shuts the socket down, lets go of it, and then
/// calls `on_close`. It does not wait for that. `reason` is what the hub counts it under: `SSECAST_REASON_CLIENT`
/// when the client is gone, `SSECAST_REASON_SERVER` to throw it out, `SSECAST_REASON_ERROR` when something failed.
///
/// Fails with `SSECAST_ENDED` if it has ended, or was disconnected; with `SSECAST_INVALID_OPTION` for another reason.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_disconnect(
    connection: *mut ssecast_connection,
    reason: u32,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's connection.
        let connection = unsafe { required(connection, "connection") }?;
        let reason = host_reason(reason)?;
        if connection.attachment.is_ended() || connection.disconnected.swap(true, Ordering::AcqRel) {
            return Err(ended("connection"));
        }
        connection.attachment.abandon(reason);
        Ok(())
    })
}

/// The caller's functions that the engine calls for a connection.
struct Callbacks {
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

impl ssecast_connection {
    /// Makes a handle, which its owner gives back.
    pub(crate) fn handle(attachment: Attachment) -> *mut Self {
        let [detached, disconnected] = [const { AtomicBool::new(false) }; 2];
        Box::into_raw(Box::new(Self { attachment, detached, disconnected }))
    }

    /// Takes the one permission to end the stream after what was sent before.
    fn begin_detach(&self) -> Result<(), Failure> {
        if self.attachment.is_ending() || self.detached.swap(true, Ordering::AcqRel) {
            return Err(ended("connection"));
        }
        Ok(())
    }

    fn not_taken(&self) -> Failure {
        if self.attachment.is_ending() { ended("connection") } else { too_much("connection") }
    }
}

impl From<Reason> for ssecast_reason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Client => SSECAST_REASON_CLIENT,
            Reason::Server => SSECAST_REASON_SERVER,
            Reason::Shutdown => SSECAST_REASON_SHUTDOWN,
            Reason::Lagged => SSECAST_REASON_LAGGED,
            Reason::Error => SSECAST_REASON_ERROR,
        }
    }
}

/// A reason that a caller may end a connection for.
fn host_reason(number: u32) -> Result<Reason, Failure> {
    [Reason::Client, Reason::Server, Reason::Error]
        .into_iter()
        .find(|reason| ssecast_reason::from(*reason) as u32 == number)
        .ok_or_else(|| {
            let problem = format!("must be that of the client, the server or an error, and is {number}");
            Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "reason", problem)
        })
}

pub(crate) fn framing(number: u32, default: Framing) -> Result<Framing, Failure> {
    match number {
        number if number == ssecast_framing::SSECAST_FRAMING_DEFAULT as u32 => Ok(default),
        number if number == ssecast_framing::SSECAST_FRAMING_CHUNKED as u32 => Ok(Framing::Chunked),
        number if number == ssecast_framing::SSECAST_FRAMING_RAW as u32 => Ok(Framing::Raw),
        other => {
            let problem = format!("must be an ssecast_framing, and is {other}");
            Err(Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "framing", problem))
        }
    }
}

/// Borrows a client's last event ID. One that is not UTF-8 is an unknown id, and the client gets a reset.
///
/// # Safety
/// It stays for as long as the borrow lives.
pub(crate) unsafe fn last_event_id<'a>(slice: ssecast_slice) -> Result<Option<&'a str>, Failure> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice.bytes("last_event_id") }?;
    Ok(bytes.map(|bytes| std::str::from_utf8(bytes).unwrap_or("\u{fffd}")))
}

pub(crate) fn ended(field: &'static str) -> Failure {
    Failure::new(ssecast_result::SSECAST_ENDED, field, "has ended, or is ending")
}

pub(crate) fn too_much(field: &'static str) -> Failure {
    let problem = "has more waiting than slow_client_bytes allows; the event was not taken";
    Failure::new(ssecast_result::SSECAST_TOO_MUCH_PENDING, field, problem).about(OptionKey::SlowClientBytes)
}
