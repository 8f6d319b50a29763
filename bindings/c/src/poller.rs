use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ssecast::{
    Batch, ConnectionId, Content, Delivery, Error, ErrorKind, LoopConnections, Reason, Subscription,
};

use crate::entry::{entry, free, output, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::hub::ssecast_hub;
use crate::signal::Signal;
use crate::socket::ssecast_socket;

/// How many subscriptions are looked at before the caller gets the first of them.
const TURN: usize = 256;

/// The subscriptions of one event loop, with one descriptor for all of them: it is readable while any of them has something.
///
/// A subscription belongs to it by the `poller` of its configuration. A publication wakes the poller once, however many of its
/// subscriptions read the topic.
///
/// ```c
/// while (ssecast_poller_next(poller, &subscription, &error) == SSECAST_OK) {    /* the descriptor is readable */
///   struct client *client = ssecast_subscription_user_data(subscription);
///   while (client_can_take(client) && ssecast_subscription_next(subscription, &bytes, &error) == SSECAST_OK)
///     client_write(client, bytes.data, bytes.len);
/// }
/// ```
///
/// Any thread may use it. A subscription is freed by the thread that asks the poller, or while none does.
pub struct ssecast_poller(pub(crate) Arc<Poller>);

/// Makes the poller of an event loop, for subscriptions of one hub. Give it back with `ssecast_poller_free`.
///
/// Fails with `SSECAST_TOO_MANY_DESCRIPTORS`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_poller_new(
    hub: *mut ssecast_hub,
    poller: *mut *mut ssecast_poller,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub.
        let hub = unsafe { required(hub, "hub") }?;
        let poller = output(poller, "poller")?;
        let made = ssecast_poller(Arc::new(Poller::new(&hub.hub)?));
        // SAFETY: not NULL.
        unsafe { poller.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

/// Gives the descriptor to poll for reading, or -1 for NULL. The caller only polls it: it belongs to the poller, and is closed with
/// it and its last subscription. It stays readable until `ssecast_poller_next` has returned `SSECAST_WOULD_BLOCK`; an
/// edge-triggered poll asks until then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_poller_descriptor(poller: *const ssecast_poller) -> ssecast_socket {
    // SAFETY: the caller's poller.
    unsafe { poller.as_ref() }.map_or(-1, |poller| poller.0.signal.raw())
}

/// Frees a poller. Free its subscriptions before: those that are left go on, and nothing tells of them any more. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_poller_free(poller: *mut ssecast_poller) {
    // SAFETY: NULL or from `ssecast_poller_new`, and not used again.
    unsafe { free(poller) };
}

impl ssecast_poller {
    /// What its subscriptions share with it. They are of its hub.
    pub(crate) fn shared(&self, hub: &ssecast_hub) -> Result<Arc<Poller>, Failure> {
        if self.0.hub == hub.hub.key() {
            return Ok(Arc::clone(&self.0));
        }
        let problem = "is that of another hub; each hub has pollers of its own";
        Err(Failure::new(ErrorKind::InvalidOption.into(), "poller", problem))
    }
}

/// What a poller and its subscriptions share.
pub(crate) struct Poller {
    pub(crate) pull: LoopConnections,
    hub: usize,
    signal: Arc<Signal>,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    all: HashMap<ConnectionId, Member>,
    /// Those that have something which the caller was not told of.
    ready: VecDeque<ConnectionId>,
}

/// A subscription, and what was taken for it. It has one batch at most: until that was asked for it gets no other.
struct Member {
    subscription: Handle,
    batch: Option<Batch>,
    end: Option<Reason>,
    /// It stands among those that are ready.
    ready: bool,
}

/// An `ssecast_subscription`, whose module stands on this one.
#[derive(Clone, Copy)]
pub(crate) struct Handle(pub(crate) *mut c_void);

// SAFETY: it is only given back to the caller, and never looked into.
unsafe impl Send for Handle {}

/// What a subscription has.
pub(crate) enum Taken {
    Batch(Batch),
    End(Reason),
    Nothing,
}

impl Poller {
    fn new(hub: &ssecast::Hub) -> Result<Self, Error> {
        let signal = Arc::new(Signal::new()?);
        let woken = Arc::clone(&signal);
        let pull = LoopConnections::paced(hub, move || woken.set());
        Ok(Self { pull, hub: hub.key(), signal, members: Mutex::default() })
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a subscription, which gets nothing before `begin` names it: the poller may be asked by another thread.
    pub(crate) fn open(&self, subscription: &Subscription<'_>) -> Result<ConnectionId, Error> {
        self.pull.open_paused(subscription)
    }

    pub(crate) fn begin(&self, connection: ConnectionId, subscription: Handle) {
        let member = Member { subscription, batch: None, end: None, ready: false };
        self.members().all.insert(connection, member);
        self.pull.resume(connection);
    }

    /// The next subscription that has something.
    ///
    /// No wake-up is lost. The signal is cleared first, then `take` clears the mark that a wake-up is under way, and only then it
    /// looks. What comes before that look is found by it; what comes after finds the mark cleared, and sets the signal.
    pub(crate) fn next(&self) -> Option<Handle> {
        let mut members = self.members();
        if let Some(next) = members.pop() {
            return Some(next);
        }
        self.signal.clear();
        let mut deliveries = Vec::new();
        while {
            let more = self.pull.take(TURN, &mut deliveries);
            deliveries.drain(..).for_each(|delivery| members.deliver(delivery));
            members.ready.is_empty() && more
        } {}
        let next = members.pop();
        if next.is_some() {
            // There may be more of them.
            self.signal.set();
        }
        next
    }

    /// Takes what a subscription has. If it has nothing, more is asked for: the poller tells when that is there.
    pub(crate) fn take(&self, connection: ConnectionId) -> Taken {
        let mut members = self.members();
        let Some(member) = members.all.get_mut(&connection) else { return Taken::Nothing };
        if let Some(batch) = member.batch.take() {
            return Taken::Batch(batch);
        }
        if let Some(reason) = member.end {
            return Taken::End(reason);
        }
        drop(members);
        self.pull.resume(connection);
        Taken::Nothing
    }

    /// Forgets a subscription, which is freed.
    pub(crate) fn remove(&self, connection: ConnectionId) {
        self.members().all.remove(&connection);
        self.pull.remove(connection, Reason::Client);
    }
}

impl Members {
    fn deliver(&mut self, delivery: Delivery) {
        let Some(member) = self.all.get_mut(&delivery.connection) else { return };
        match delivery.content {
            Content::Batch(batch) => member.batch = Some(batch),
            Content::End(reason) | Content::Cut(reason) => member.end = Some(reason),
            Content::Drained => return,
        }
        if !std::mem::replace(&mut member.ready, true) {
            self.ready.push_back(delivery.connection);
        }
    }

    fn pop(&mut self) -> Option<Handle> {
        while let Some(connection) = self.ready.pop_front() {
            if let Some(member) = self.all.get_mut(&connection) {
                member.ready = false;
                return Some(member.subscription);
            }
        }
        None
    }
}
