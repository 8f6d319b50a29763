use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ssecast::{Attachment, ConnectionId, ErrorKind, Framing, OptionKey, Reason, Subscription, Transfer};

use crate::attach_config::ssecast_attach_config;
use crate::entry::{entry, free, output, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::event::{self, ssecast_event};
use crate::framing::framing;
use crate::hub::ssecast_hub;
use crate::last_event_id;
use crate::reason::host_reason;
use crate::replay::replay;
use crate::slice::{self, ssecast_slice};
use crate::socket::ssecast_socket;
use crate::versioned;

/// A connection whose socket the engine writes to. Any thread may use it.
pub struct ssecast_connection {
    attachment: Attachment,
    /// It was told to end, and to end at once. A second caller gets `SSECAST_ENDED`.
    detached: AtomicBool,
    disconnected: AtomicBool,
    /// Whom it is for, as its configuration says.
    user_data: *mut c_void,
}

// SAFETY: the user data is only handed back to the caller, on the thread that asks.
unsafe impl Send for ssecast_connection {}
// SAFETY: the same; the rest is for any thread.
unsafe impl Sync for ssecast_connection {}

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
/// `SSECAST_INVALID_TOPIC`, `SSECAST_TOO_MANY_TOPICS`, `SSECAST_TOO_MANY_CONNECTIONS`, `SSECAST_CLOSED`,
/// `SSECAST_INVALID_OPTION`, the errors of a store, or `SSECAST_TOPIC_ENDED`, which is to be answered 204; then nothing was
/// written, and no callback is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_attach_socket(
    hub: *mut ssecast_hub,
    socket: ssecast_socket,
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
            (topics, last_event_id::read(config.last_event_id)?, config.head.bytes("head")?)
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
        let replay = replay(config.replay);
        let subscriber = reader.subscribe(&Subscription { topics: &topics, last_event_id, replay })?;
        let transfer = Transfer {
            framing,
            released: config.released != 0,
            name: ConnectionId::unique(),
            host: Arc::new(config.callbacks()),
        };
        let attachment = prepared.attach(&hub.hub, subscriber, transfer);
        if !connection.is_null() {
            // SAFETY: not NULL.
            unsafe { connection.write(ssecast_connection::handle(attachment, config.user_data)) };
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

/// Gives the number of a connection's stream: for one of a listener that which its callbacks and `ssecast_responder_stream` have.
/// No other connection of the process ever has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_stream(
    connection: *const ssecast_connection,
    stream: *mut u64,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's connection.
        let connection = unsafe { required(connection, "connection") }?;
        let stream = output(stream, "stream")?;
        // SAFETY: not NULL.
        unsafe { stream.write(connection.attachment.connection().to_number()) };
        Ok(())
    })
}

/// Gives the `user_data` of a connection: those of its `ssecast_stream_config` or `ssecast_attach_config`, or else of its listener.
/// NULL for NULL. What they point to is the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_connection_user_data(connection: *const ssecast_connection) -> *mut c_void {
    // SAFETY: the caller's connection.
    unsafe { connection.as_ref() }.map_or(ptr::null_mut(), |connection| connection.user_data)
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

impl ssecast_connection {
    /// Makes a handle, which its owner gives back.
    pub(crate) fn handle(attachment: Attachment, user_data: *mut c_void) -> *mut Self {
        let [detached, disconnected] = [const { AtomicBool::new(false) }; 2];
        Box::into_raw(Box::new(Self { attachment, detached, disconnected, user_data }))
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

pub(crate) fn ended(field: &'static str) -> Failure {
    Failure::new(ssecast_result::SSECAST_ENDED, field, "has ended, or is ending")
}

pub(crate) fn too_much(field: &'static str) -> Failure {
    let problem = "has more waiting than its limit allows: the event was not taken";
    Failure::new(ssecast_result::SSECAST_TOO_MUCH_PENDING, field, problem).about(OptionKey::SlowClientBytes)
}
