use std::ffi::c_char;
use std::sync::Mutex;
use std::time::Duration;

use ssecast::process::PerProcess;
use ssecast::{Close, ErrorKind, Hub, Sockets, check_topic, is_engine_thread};

use crate::entry::{entry, free, output, quiet, required};
use crate::error::{Failure, ssecast_error, ssecast_result, terminated};
use crate::event::{self, ssecast_event};
use crate::hub_config::ssecast_hub_config;
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// A hub: topics, their history, and the connections that read them. Any thread may use it.
pub struct ssecast_hub {
    pub(crate) hub: Hub,
    pub(crate) sockets: Sockets,
    /// Held while the hub is closed: of two threads that close it, one gets `SSECAST_CLOSED`.
    closing: PerProcess<Mutex<()>>,
}

/// What became of a publication.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_published {
    /// `sizeof(ssecast_published)`: set it before the call.
    pub size: usize,
    /// The connections of this process that read the topic at that moment.
    pub subscribers: u64,
    /// The id that the hub gave the event. Ends with a zero byte; empty if the event had an id of its own.
    pub id: [c_char; 56],
}

// SAFETY: integers; the last of them fill whole words.
unsafe impl Versioned for ssecast_published {
    fn defaults() -> Self {
        Self { size: size_of::<Self>(), subscribers: 0, id: [0; 56] }
    }
}

/// Makes a hub; `config` may be NULL for the defaults. Give it back with `ssecast_hub_free`.
///
/// Fails with `SSECAST_INVALID_OPTION`, and names the field that is out of its range. A store is not opened yet: what is wrong
/// with it is said by the first event and the first connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_new(
    config: *const ssecast_hub_config,
    hub: *mut *mut ssecast_hub,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        let hub = output(hub, "hub")?;
        let config = if config.is_null() {
            ssecast_hub_config::defaults()
        } else {
            // SAFETY: the caller's configuration is as its size says.
            unsafe { versioned::read(config, "config", "config.size") }?
        };
        // SAFETY: its slice is there until the call returns.
        let core = unsafe { config.core() }?;
        let made = ssecast_hub {
            hub: Hub::new(core)?,
            sockets: if config.threads == 0 {
                Sockets::shared()
            } else {
                Sockets::new(config.threads as usize)
            },
            closing: PerProcess::new(),
        };
        // SAFETY: not NULL.
        unsafe { hub.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

/// Frees a hub. If it is open it is closed first, with a grace of one second: every connection gets what was published.
/// It returns when the streams that the library writes have ended, which takes no longer than the grace, and when all
/// their callbacks have returned, however long those take: from then on no callback of this hub runs. So the caller holds
/// no lock that a callback needs. Called from a callback of the library it waits for nothing, and callbacks may still
/// come.
///
/// No other thread may use the hub from here on. Stop a thread that publishes first; or call `ssecast_hub_close`, which may
/// run beside every other call, and the thread gets `SSECAST_CLOSED`. Its connections, subscriptions and listeners may outlive
/// it, and are freed on their own; it does not wait for the streams of subscriptions, which the caller writes. A child
/// process leaves its parent's connections as they are. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_free(hub: *mut ssecast_hub) {
    // SAFETY: NULL, or the caller's hub.
    if let Some(hub) = unsafe { hub.as_ref() } {
        quiet((), || {
            // Without a last event there is nothing to refuse.
            let _ = hub.hub.close(&Close::default());
            if !is_engine_thread() {
                let _ = hub.hub.wait_released(Duration::MAX);
            }
        });
    }
    // SAFETY: NULL or from `ssecast_hub_new`, and not used again.
    unsafe { free(hub) };
}

/// Publishes an event to a topic. The time that it takes does not depend on the number of connections. Without an
/// id of its own the event gets one; `published`, which may be NULL, says which. Set `published->size` before.
///
/// Fails with `SSECAST_INVALID_TOPIC`, `SSECAST_INVALID_EVENT`, `SSECAST_INVALID_ID` (also when a retained event
/// has the id), `SSECAST_INVALID_DATA`, `SSECAST_EVENT_TOO_LARGE`, `SSECAST_TOO_MANY_TOPICS`, `SSECAST_TOPIC_ENDED`,
/// `SSECAST_BACKLOG_FULL` or `SSECAST_CLOSED`. With a store it returns when the store has the event, for which it waits
/// `publish_timeout_ms` at most, and fails with
/// `SSECAST_STORE_TIMED_OUT`, `SSECAST_STORE_UNAVAILABLE`, `SSECAST_STORE_FULL` or `SSECAST_STORE_FORMAT` too. When it fails,
/// nothing was published. A callback of the library that publishes to a store keeps the other streams of its thread waiting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_publish(
    hub: *mut ssecast_hub,
    topic: ssecast_slice,
    event: *const ssecast_event,
    published: *mut ssecast_published,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub, text and event are there until the call returns.
        let (hub, topic, event) =
            unsafe { (required(hub, "hub")?, required_topic(topic)?, event::read(event)?) };
        if published.is_null() {
            hub.hub.publish(topic, &event)?;
            return Ok(());
        }
        // SAFETY: the caller's structure says its size.
        let size = unsafe { versioned::stated(published, "published") }?;
        let done = hub.hub.publish(topic, &event)?;
        let id = if event.id.is_some() { "" } else { done.id.as_str() };
        let done = ssecast_published { size, subscribers: done.subscribers as u64, id: terminated(id) };
        // SAFETY: the caller has `size` bytes there.
        unsafe { versioned::write(published, done, "published", size) }
    })
}

/// Ends a topic: nothing is published to it any more (`SSECAST_TOPIC_ENDED`). Its connections get what is left, and those
/// whose topics have all ended then end for good, with `SSECAST_REASON_SERVER`: their clients do not come back. One that
/// comes for it later gets what the history has of it, and the same end; one that has all of it is answered 204: by a
/// listener, or by the caller, who is told so by `SSECAST_TOPIC_ENDED`. With a store this is so in all processes. After
/// `keep_ended_ms` the topic is forgotten. Ending it twice changes nothing, and a topic that was not there is an empty one
/// that has ended.
///
/// Fails with `SSECAST_INVALID_TOPIC`, `SSECAST_TOO_MANY_TOPICS` or `SSECAST_CLOSED`, and with the errors of the store, for
/// which it waits as `ssecast_hub_publish` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_end_topic(
    hub: *mut ssecast_hub,
    topic: ssecast_slice,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub and text are there until the call returns.
        let (hub, topic) = unsafe { (required(hub, "hub")?, required_topic(topic)?) };
        Ok(hub.hub.end_topic(topic)?)
    })
}

/// Closes a hub: it takes no publications and connections from now on, and returns at once. Every connection gets
/// what is pending for it, then `event`, which may be NULL, then a reconnection time of its own, and ends; what is
/// not out after `grace_ms` milliseconds is given up.
///
/// Fails with `SSECAST_CLOSED` if it is closed already, and as `ssecast_event_encode` does; it then is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_close(
    hub: *mut ssecast_hub,
    event: *const ssecast_event,
    grace_ms: u64,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub and event are there until the call returns.
        let (hub, event) = unsafe { (required(hub, "hub")?, event::read_optional(event)?) };
        let closing = hub.closing.get_or_init(Mutex::default).lock();
        if hub.hub.is_closed() {
            return Err(Failure::new(ssecast_result::SSECAST_CLOSED, "hub", "is closed already"));
        }
        hub.hub.close(&Close { event, grace: Duration::from_millis(grace_ms) })?;
        drop(closing);
        Ok(())
    })
}

/// Waits until a hub was closed and all is over, for at most `timeout_ms` milliseconds, and writes to `*over` whether that
/// is so: every connection has ended, all that it had to get was written, and every callback (`on_close` and the
/// others) has returned. The connections of subscriptions are among them: their owners take their ends by
/// `ssecast_subscription_next`, or free them, on other threads.
///
/// This is how a program ends: `ssecast_hub_close`, which says how long clients may take; this with a little more; then
/// `ssecast_hub_free`.
///
/// Fails with `SSECAST_BUSY` in a callback of the library, which would wait for itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_wait_closed(
    hub: *mut ssecast_hub,
    timeout_ms: u64,
    over: *mut bool,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub.
        let hub = unsafe { required(hub, "hub") }?;
        let over = output(over, "over")?;
        if is_engine_thread() {
            let problem = "can't be waited for in one of its callbacks; wait on another thread";
            return Err(Failure::new(ssecast_result::SSECAST_BUSY, "hub", problem));
        }
        let is_over = hub.hub.wait_closed(Duration::from_millis(timeout_ms));
        // SAFETY: not NULL.
        unsafe { over.write(is_over) };
        Ok(())
    })
}

/// Whether a hub was closed. NULL counts as closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_is_closed(hub: *const ssecast_hub) -> bool {
    // SAFETY: the caller's hub.
    quiet(true, || unsafe { hub.as_ref() }.is_none_or(|hub| hub.hub.is_closed()))
}

/// Checks a topic without using it: 1 to 256 bytes of UTF-8. Fails with `SSECAST_INVALID_TOPIC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_topic_check(
    topic: ssecast_slice,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's text is there until the call returns.
        Ok(check_topic(unsafe { required_topic(topic) }?)?)
    })
}

/// Borrows a topic of the caller's.
///
/// # Safety
/// It stays for as long as the borrow lives.
pub(crate) unsafe fn required_topic<'a>(topic: ssecast_slice) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    unsafe { topic.text("topic", ErrorKind::InvalidTopic) }?.ok_or_else(|| Failure::null("topic"))
}
