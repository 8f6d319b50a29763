//! Tells producers that a topic has lost its last reader.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::time::Duration;

use ssecast_codec::{Error, ErrorKind};

use crate::hold::Hold;
use crate::readership::Done;
use crate::shared::Shared;
use crate::stored;
use crate::sync::Arc;
use crate::thread::spawn;

/// The thread looks so often at least while something is watched: the hub's clock may be another one than the system's.
const LOOK: Duration = Duration::from_millis(250);

/// After a failure of the store it is left alone for so long.
const RETRY: Duration = Duration::from_secs(1);

/// A producer's interest in whether a topic is read. Made by [`Hub::when_unread`](crate::Hub::when_unread); dropping it ends
/// that.
#[must_use = "dropping it ends the interest"]
pub struct UnreadWatch {
    hub: Weak<Shared>,
    topic: String,
    number: u64,
}

impl UnreadWatch {
    pub(crate) fn new(hub: &Arc<Shared>, topic: &str, after: u64, done: Done) -> Result<Self, Error> {
        let mut log = hub.log();
        hub.refuse_if_closing()?;
        if log.has_ended(topic, hub.now()) {
            drop(log);
            return Ok(Self { hub: Weak::new(), topic: topic.to_owned(), number: 0 });
        }
        let reads = log.is_read(topic);
        let number = log.readership.watch(topic, reads, after, done);
        drop(log);
        let watch = Self { hub: Arc::downgrade(hub), topic: topic.to_owned(), number };
        look_after(hub)?;
        Ok(watch)
    }
}

impl Drop for UnreadWatch {
    fn drop(&mut self) {
        // In a child of its process another thread of the parent's may have had the lock.
        let Some(hub) = self.hub.upgrade().filter(|hub| hub.is_here()) else { return };
        let done = hub.log().readership.unwatch(&self.topic, self.number);
        // The lock is free again: what the host gave may use the hub when it goes.
        drop(done);
    }
}

impl fmt::Debug for UnreadWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnreadWatch").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Has other processes answered that want to know of this one's readers. Without a thread they are not; they ask again.
pub(crate) fn answer_others(hub: &Arc<Shared>) {
    let weak = Arc::downgrade(hub);
    let answer = move || {
        if let Some(hub) = weak.upgrade() {
            let _ = look_after(&hub);
        }
    };
    let _ = hub.notice_heard.set(Box::new(answer));
}

/// Sees to it that a thread looks after the hub's readership.
fn look_after(hub: &Arc<Shared>) -> Result<(), Error> {
    let log = hub.log();
    let alarm = log.readership.alarm();
    if log.readership.is_idle() || !alarm.needs_thread() {
        return Ok(());
    }
    drop(log);
    let (weak, bell) = (Arc::downgrade(hub), Arc::clone(&alarm));
    let work = move || {
        let (mut at_least, mut at_most) = (Duration::ZERO, Duration::ZERO);
        while bell.wait(at_least, at_most) {
            let Some(hub) = weak.upgrade() else { return };
            match look(&hub) {
                Some(pause) => (at_least, at_most) = pause,
                None if bell.rest() => return,
                None => (at_least, at_most) = Default::default(),
            }
        }
    };
    let started = spawn("ssecast-readers", work);
    started.map(drop).map_err(|error| {
        alarm.has_no_thread();
        Error::new(
            ErrorKind::Internal,
            "hub",
            format!("can't watch its readers: no thread could be started ({error})"),
        )
    })
}

/// Tells other processes and producers what is due. Returns how long to wait at least and at most; `None` when there is
/// nothing to do any more.
fn look(hub: &Arc<Shared>) -> Option<(Duration, Duration)> {
    let mut log = hub.log();
    if hub.closing().is_some() {
        let producers = log.readership.clear();
        drop(log);
        drop(producers);
        return None;
    }
    let items = log.readership.say(hub.now());
    drop(log);
    let worked = match &hub.store {
        Some(link) if !items.is_empty() => Some(stored::say(hub, link, items).is_ok()),
        Some(_) => None,
        None => Some(true),
    };
    let now = hub.now();
    let mut log = hub.log();
    match worked {
        Some(true) => log.readership.worked(now),
        Some(false) => log.readership.failed(),
        None => {}
    }
    let unread = log.readership.take_unread(now);
    let over = log.readership.take_over();
    let pause = (!log.readership.is_idle()).then(|| log.readership.pause(now).min(LOOK));
    log.holds += usize::from(!unread.is_empty());
    drop(log);
    drop(over);
    if !unread.is_empty() {
        // The hub's end is not over while the host is called.
        let _hold = Hold::counted(Arc::clone(hub));
        for done in unread {
            // A call that panics harms nothing but itself.
            let _ = catch_unwind(AssertUnwindSafe(done));
        }
    }
    let at_least = if worked == Some(false) { RETRY } else { Duration::ZERO };
    pause.map(|pause| (at_least, pause.max(at_least)))
}
