use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use ssecast::{Batch, ConnectionId, Content, ErrorKind, Framing, LoopConnections, Reason};

use crate::connection::{ended, too_much};
use crate::entry::{entry, exclusive, free, output, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::event::{self, ssecast_event};
use crate::framing::framing;
use crate::hub::ssecast_hub;
use crate::last_event_id;
use crate::poller::{Handle, Poller, Taken};
use crate::reason::ssecast_reason;
use crate::replay::replay;
use crate::signal::Signal;
use crate::slice::{self, ssecast_slice};
use crate::socket::ssecast_socket;
use crate::subscription_config::ssecast_subscription_config;
use crate::versioned;

/// One client's stream, for a server that writes by itself: over TLS, HTTP/2, or another event loop's sockets.
///
/// It has a descriptor that is readable while `ssecast_subscription_next` has something to give, or is to be asked; or it has
/// an `ssecast_poller` in common with others, which tells so. Any thread may use it, and one at a time may ask for what is next.
pub struct ssecast_subscription {
    source: Source,
    connection: ConnectionId,
    framing: Framing,
    output: Mutex<Output>,
    /// It was ended.
    ending: AtomicBool,
    /// Whom it is for, as its configuration says.
    user_data: *mut c_void,
}

// SAFETY: the user data is only handed back to the caller, on the thread that asks.
unsafe impl Send for ssecast_subscription {}
// SAFETY: the same; the rest is for any thread.
unsafe impl Sync for ssecast_subscription {}

/// Where its bytes come from.
enum Source {
    Own { pull: LoopConnections, signal: Arc<Signal> },
    Polled(Arc<Poller>),
}

/// What was handed out, and what is known of the end.
#[derive(Default)]
struct Output {
    /// The bytes that the caller has now.
    lent: Bytes,
    reason: Option<Reason>,
}

/// Subscribes a client whose stream the caller writes. Give it back with `ssecast_subscription_free`.
///
/// A subscription that does not ask for what is next is a slow client: it holds back no more than `slow_client_bytes`, and
/// past a limit the hub's policy takes effect when it asks again.
///
/// A subscription without a `poller` has a descriptor of its own, which a publication makes readable: what it costs to publish
/// grows with the number of those that wait. With a poller it does not. Where the sockets are plain, `ssecast_hub_attach_socket`
/// costs less.
///
/// Fails with `SSECAST_INVALID_TOPIC`, `SSECAST_TOO_MANY_TOPICS`, `SSECAST_TOO_MANY_CONNECTIONS`,
/// `SSECAST_TOO_MANY_DESCRIPTORS`, `SSECAST_CLOSED`, `SSECAST_INVALID_OPTION` (also for the poller of another hub), the errors of a
/// store, or `SSECAST_TOPIC_ENDED`, which is to be answered 204.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_subscribe(
    hub: *mut ssecast_hub,
    config: *const ssecast_subscription_config,
    subscription: *mut *mut ssecast_subscription,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub, and a configuration that is as its size says.
        let (hub, config) =
            unsafe { (required(hub, "hub")?, versioned::read(config, "config", "config.size")?) };
        let subscription = output(subscription, "subscription")?;
        let framing = framing(config.framing, Framing::Raw)?;
        // SAFETY: the caller's texts are there until the call returns.
        let (topics, last_event_id) = unsafe {
            let topics = slice::texts(config.topics, config.topics_len, "topics", ErrorKind::InvalidTopic)?;
            (topics, last_event_id::read(config.last_event_id)?)
        };
        let wanted = ssecast::Subscription { topics: &topics, last_event_id, replay: replay(config.replay) };
        // SAFETY: the caller's poller, or NULL.
        let (source, connection) = if let Some(poller) = unsafe { config.poller.as_ref() } {
            let poller = poller.shared(hub)?;
            let connection = poller.open(&wanted)?;
            (Source::Polled(poller), connection)
        } else {
            let signal = Arc::new(Signal::new()?);
            let woken = Arc::clone(&signal);
            let pull = LoopConnections::paced(&hub.hub, move || woken.set());
            let connection = pull.open(&wanted)?;
            (Source::Own { pull, signal }, connection)
        };
        let made = Box::into_raw(Box::new(ssecast_subscription {
            source,
            connection,
            framing,
            output: Mutex::default(),
            ending: AtomicBool::new(false),
            user_data: config.user_data,
        }));
        // SAFETY: not NULL, both.
        unsafe {
            subscription.write(made);
            (*made).begin(Handle(made.cast()));
        }
        Ok(())
    })
}

/// Frees a subscription, and its descriptor and the bytes that it lent. If its stream goes on, the hub counts it as
/// a client that went away. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_free(subscription: *mut ssecast_subscription) {
    // SAFETY: NULL or from `ssecast_hub_subscribe`, and not used again.
    unsafe { free(subscription) };
}

/// Gives the descriptor to poll for reading, or -1 for NULL and for a subscription that has a poller. The caller only polls it: it
/// belongs to the subscription. It stays readable until `ssecast_subscription_next` has returned `SSECAST_WOULD_BLOCK`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_descriptor(
    subscription: *const ssecast_subscription,
) -> ssecast_socket {
    // SAFETY: the caller's subscription.
    let subscription = unsafe { subscription.as_ref() };
    subscription.map_or(-1, |subscription| match &subscription.source {
        Source::Own { signal, .. } => signal.raw(),
        Source::Polled(_) => -1,
    })
}

/// Gives the `user_data` of a subscription's configuration; NULL for NULL. What they point to is the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_user_data(
    subscription: *const ssecast_subscription,
) -> *mut c_void {
    // SAFETY: the caller's subscription.
    unsafe { subscription.as_ref() }.map_or(ptr::null_mut(), |subscription| subscription.user_data)
}

/// Takes the next bytes of the stream, which the caller writes, all of them, before it asks again. They are valid
/// until the next call of this function, or until the subscription is freed, and never empty. It never waits.
///
/// Fails with `SSECAST_WOULD_BLOCK` when there is nothing now: wait for the descriptor, or for the poller to give this subscription
/// again; with `SSECAST_ENDED`, from then on, when the stream
/// is over: `ssecast_subscription_reason` says why; with `SSECAST_BUSY` while another thread asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_next(
    subscription: *mut ssecast_subscription,
    bytes: *mut ssecast_slice,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's subscription.
        let subscription = unsafe { required(subscription, "subscription") }?;
        let bytes = output(bytes, "bytes")?;
        let mut output = subscription.output()?;
        output.lent = subscription.next(&mut output.reason)?;
        // SAFETY: not NULL.
        unsafe { bytes.write(ssecast_slice::new(&output.lent)) };
        Ok(())
    })
}

/// Says why a stream is over, once `ssecast_subscription_next` has returned `SSECAST_ENDED`.
///
/// Fails with `SSECAST_WOULD_BLOCK` before; with `SSECAST_BUSY` while another thread asks for what is next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_reason(
    subscription: *const ssecast_subscription,
    reason: *mut ssecast_reason,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's subscription.
        let subscription = unsafe { required(subscription, "subscription") }?;
        let reason = output(reason, "reason")?;
        let Some(ended) = subscription.output()?.reason else {
            let problem = "has not ended yet";
            return Err(Failure::new(ssecast_result::SSECAST_WOULD_BLOCK, "subscription", problem));
        };
        // SAFETY: not NULL.
        unsafe { reason.write(ended.into()) };
        Ok(())
    })
}

/// Sends an event to this client alone, behind everything that was published before.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_TOO_MUCH_PENDING`, `SSECAST_EVENT_TOO_LARGE`, or as `ssecast_event_encode`
/// does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_send(
    subscription: *mut ssecast_subscription,
    event: *const ssecast_event,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's subscription and event are there until the call returns.
        let (subscription, event) = unsafe { (required(subscription, "subscription")?, event::read(event)?) };
        if subscription.pull().send(subscription.connection, &event)? {
            return Ok(());
        }
        Err(if subscription.is_ending() { ended("subscription") } else { too_much("subscription") })
    })
}

/// Counts the bytes that were sent to this client alone and that `ssecast_subscription_next` has not given yet: 0
/// once it has ended. What the poller has for it by now counts as given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_pending_bytes(
    subscription: *const ssecast_subscription,
    bytes: *mut usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's subscription.
        let subscription = unsafe { required(subscription, "subscription") }?;
        let bytes = output(bytes, "bytes")?;
        // SAFETY: not NULL.
        unsafe { bytes.write(subscription.pull().pending_bytes(subscription.connection)) };
        Ok(())
    })
}

/// Adds and removes topics: what is published from here on counts. Either array may be NULL with the length 0.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_INVALID_TOPIC` or `SSECAST_TOO_MANY_TOPICS`; then nothing changes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_change_topics(
    subscription: *mut ssecast_subscription,
    add: *const ssecast_slice,
    add_len: usize,
    remove: *const ssecast_slice,
    remove_len: usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's subscription and texts are there until the call returns.
        let (subscription, add, remove) = unsafe {
            (
                required(subscription, "subscription")?,
                slice::texts(add, add_len, "add", ErrorKind::InvalidTopic)?,
                slice::texts(remove, remove_len, "remove", ErrorKind::InvalidTopic)?,
            )
        };
        let there = subscription.pull().change_topics(subscription.connection, &add, &remove)?;
        if there { Ok(()) } else { Err(ended("subscription")) }
    })
}

/// Ends a stream after everything that was published and sent before: `ssecast_subscription_next` gives that, and
/// then `SSECAST_ENDED` with the reason `SSECAST_REASON_SERVER`.
///
/// Fails with `SSECAST_ENDED` if it has ended, or is ending.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_end(
    subscription: *mut ssecast_subscription,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's subscription.
        let subscription = unsafe { required(subscription, "subscription") }?;
        subscription.begin_end()?;
        subscription.pull().end(subscription.connection, Reason::Server);
        Ok(())
    })
}

/// Ends a stream as `ssecast_subscription_end` does, and for good: `ssecast_subscription_next` gives a last block after
/// what was sent before, and the client's next request has a last event ID that `ssecast_is_finished` knows. Answer that
/// request with 204, and the client does not come back.
///
/// Fails with `SSECAST_ENDED` if it has ended, or is ending; with `SSECAST_TOO_MUCH_PENDING` if the client can't be told,
/// because more waits for it than its limit allows or the hub is closed: then the stream ends as with
/// `ssecast_subscription_end`, and the client comes back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_finish(
    subscription: *mut ssecast_subscription,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's subscription.
        let subscription = unsafe { required(subscription, "subscription") }?;
        subscription.begin_end()?;
        let told = subscription.pull().finish(subscription.connection, Reason::Server);
        if told { Ok(()) } else { Err(too_much("subscription")) }
    })
}

impl ssecast_subscription {
    /// Takes the output for one call, without waiting.
    fn output(&self) -> Result<MutexGuard<'_, Output>, Failure> {
        // In a child of its process it has ended: its lock and its descriptor are the parent's.
        if !self.pull().is_here() {
            return Err(ended("subscription"));
        }
        exclusive(&self.output, "subscription")
    }

    fn next(&self, reason: &mut Option<Reason>) -> Result<Bytes, Failure> {
        if reason.is_some() {
            return Err(ended("subscription"));
        }
        let taken = match &self.source {
            Source::Own { pull, signal } => take(pull, signal, self.connection),
            Source::Polled(poller) => poller.take(self.connection),
        };
        match taken {
            Taken::Batch(batch) => Ok(self.frame(&batch)),
            Taken::End(ended_for) => {
                *reason = Some(ended_for);
                self.ending.store(true, Ordering::Release);
                Err(ended("subscription"))
            }
            Taken::Nothing => {
                let problem =
                    "has nothing now; wait until its descriptor is readable, or its poller gives it again";
                Err(Failure::new(ssecast_result::SSECAST_WOULD_BLOCK, "subscription", problem))
            }
        }
    }

    /// It is where its caller finds it.
    fn begin(&self, handle: Handle) {
        if let Source::Polled(poller) = &self.source {
            poller.begin(self.connection, handle);
        }
    }

    fn pull(&self) -> &LoopConnections {
        match &self.source {
            Source::Own { pull, .. } => pull,
            Source::Polled(poller) => &poller.pull,
        }
    }

    fn frame(&self, batch: &Batch) -> Bytes {
        match self.framing {
            Framing::Chunked => batch.chunk(),
            Framing::Raw => batch.bytes(),
        }
    }

    /// Takes the one permission to end the stream.
    fn begin_end(&self) -> Result<(), Failure> {
        if !self.pull().is_here() || self.ending.swap(true, Ordering::AcqRel) {
            return Err(ended("subscription"));
        }
        Ok(())
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire) || !self.pull().is_here()
    }
}

impl Drop for ssecast_subscription {
    fn drop(&mut self) {
        if let Source::Polled(poller) = &self.source
            && poller.pull.is_here()
        {
            poller.remove(self.connection);
        }
    }
}

/// Takes what a subscription with a descriptor of its own has.
fn take(pull: &LoopConnections, signal: &Signal, connection: ConnectionId) -> Taken {
    let look = || {
        let mut deliveries = Vec::new();
        pull.ask_for(connection);
        while {
            let more = pull.take(1, &mut deliveries);
            match deliveries.pop().map(|delivery| delivery.content) {
                Some(Content::Batch(batch)) => return Taken::Batch(batch),
                Some(Content::End(reason) | Content::Cut(reason)) => return Taken::End(reason),
                Some(Content::Drained) | None => more,
            }
        } {}
        Taken::Nothing
    };
    let mut taken = look();
    if let Taken::Nothing = taken {
        // Clear before checking: what comes in between sets it again.
        signal.clear();
        taken = look();
        if let Taken::Batch(_) = taken {
            signal.set();
        }
    }
    if let Taken::End(_) = taken {
        // It stays readable, so that a late poll finds the end too.
        signal.set();
    }
    taken
}
