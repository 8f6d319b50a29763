use std::sync::Arc;

use ssecast::{ErrorKind, Responder};

use crate::callbacks::Callbacks;
use crate::connection::ended;
use crate::entry::{entry, free, output, required};
use crate::error::{ssecast_error, ssecast_result};
use crate::refusal::ssecast_refusal;
use crate::replay;
use crate::slice::{self, ssecast_slice};
use crate::stream_config::ssecast_stream_config;
use crate::versioned;

/// Answers one request of a listener, once, from any thread, at once or later. The callback owns it,
/// and gives it back with `ssecast_responder_free`. A request without an answer by then is answered 500.
pub struct ssecast_responder {
    responder: Responder,
    /// Those of the listener.
    callbacks: Arc<Callbacks>,
}

impl ssecast_responder {
    pub(crate) fn new(responder: Responder, callbacks: &Arc<Callbacks>) -> Self {
        Self { responder, callbacks: Arc::clone(callbacks) }
    }
}

/// Gives the client a stream of these topics, `topics_len` of them; none makes a private stream. If the hub takes
/// no connection or no topic more, the listener answers 503.
///
/// Fails with `SSECAST_ENDED` if the request is over: it was answered before, the client has left, `answer_ms` have
/// passed, or the hub is closed; with `SSECAST_INVALID_TOPIC`, and then the request waits for another answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_responder_allow(
    responder: *mut ssecast_responder,
    topics: *const ssecast_slice,
    topics_len: usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's responder and texts are there until the call returns.
        let (responder, topics) = unsafe {
            (
                required(responder, "responder")?,
                slice::texts(topics, topics_len, "topics", ErrorKind::InvalidTopic)?,
            )
        };
        if responder.responder.allow(&topics)? { Ok(()) } else { Err(ended("request")) }
    })
}

/// Gives the client a stream as `ssecast_responder_allow` does; if it has no last event ID, the stream begins with so many of
/// the last events, of all its topics together, or with all (`SSECAST_REPLAY_ALL`), whatever the listener's `replay` is.
///
/// Fails as `ssecast_responder_allow` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_responder_allow_with_replay(
    responder: *mut ssecast_responder,
    topics: *const ssecast_slice,
    topics_len: usize,
    replay: u64,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's responder and texts are there until the call returns.
        let (responder, topics) = unsafe {
            (
                required(responder, "responder")?,
                slice::texts(topics, topics_len, "topics", ErrorKind::InvalidTopic)?,
            )
        };
        let replay = replay::replay(replay);
        if responder.responder.allow_with_replay(&topics, replay)? { Ok(()) } else { Err(ended("request")) }
    })
}

/// Gives the client a stream as `ssecast_responder_allow` does, with what `config` says: a replay, headers of this response,
/// callbacks of this stream's own, and user data that say who the client is.
///
/// Fails as `ssecast_responder_allow` does, and with `SSECAST_INVALID_OPTION` for headers that can't be sent; then the request
/// waits for another answer, and none of the callbacks is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_responder_allow_stream(
    responder: *mut ssecast_responder,
    config: *const ssecast_stream_config,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's responder, and a configuration that is as its size says.
        let (responder, config) =
            unsafe { (required(responder, "responder")?, versioned::read(config, "config", "config.size")?) };
        // SAFETY: the caller's texts are there until the call returns.
        let topics = unsafe { config.topics() }?;
        // SAFETY: the same.
        let stream = unsafe { config.core(&topics, &responder.callbacks) }?;
        if responder.responder.allow_with(stream)? { Ok(()) } else { Err(ended("request")) }
    })
}

/// Answers with a status from 400 to 599, or with 204, by which an `EventSource` does not come back.
///
/// Fails with `SSECAST_ENDED` as `ssecast_responder_allow` does; with `SSECAST_INVALID_OPTION` for another status,
/// and then the request waits for another answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_responder_refuse(
    responder: *mut ssecast_responder,
    status: u16,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's responder.
        let responder = unsafe { required(responder, "responder") }?;
        if responder.responder.refuse(status)? { Ok(()) } else { Err(ended("request")) }
    })
}

/// Answers with a status, headers and a body.
///
/// Fails with `SSECAST_ENDED` as `ssecast_responder_allow` does; with `SSECAST_INVALID_OPTION` for a field that can't be sent,
/// which it names, and then the request waits for another answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_responder_refuse_with(
    responder: *mut ssecast_responder,
    refusal: *const ssecast_refusal,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's responder, and a structure that is as its size says.
        let (responder, refusal) = unsafe {
            (required(responder, "responder")?, versioned::read(refusal, "refusal", "refusal.size")?)
        };
        // SAFETY: the caller's texts are there until the call returns.
        let refusal = unsafe { refusal.core() }?;
        if responder.responder.refuse_with(refusal)? { Ok(()) } else { Err(ended("request")) }
    })
}

/// Gives the number that the stream will have in the listener's callbacks. No other stream of the process ever has
/// it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_responder_stream(
    responder: *const ssecast_responder,
    stream: *mut u64,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's responder.
        let responder = unsafe { required(responder, "responder") }?;
        let stream = output(stream, "stream")?;
        // SAFETY: not NULL.
        unsafe { stream.write(responder.responder.connection().to_number()) };
        Ok(())
    })
}

/// Frees a responder. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_responder_free(responder: *mut ssecast_responder) {
    // SAFETY: NULL or what a route callback got, and not used again.
    unsafe { free(responder) };
}
