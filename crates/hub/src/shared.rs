use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use ssecast_codec::{Error, ErrorKind, Event};

use crate::batch::Batch;
use crate::clock::{Clock, millis};
use crate::config::Config;
use crate::ended::Ended;
use crate::epoch::Epoch;
use crate::frame::encode;
use crate::jitter::Jitter;
use crate::log::Log;
use crate::private_queue::{Charge, PrivateEvent};
use crate::process::Process;
use crate::stats::Counters;
use crate::store_link::StoreLink;
use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard, lock};

/// What the handles, readers and subscribers of a hub share in one process.
pub(crate) struct Shared {
    process: Process,
    pub(crate) config: Arc<Config>,
    /// That of a log without a store.
    pub(crate) epoch: Epoch,
    pub(crate) store: Option<StoreLink>,
    /// Added to the clock's time, so that entries which are older than the clock have a time.
    since: u64,
    clock: Arc<dyn Clock>,
    log: Mutex<Log>,
    /// The head, without the lock: it may have moved on.
    pub(crate) head_hint: AtomicU64,
    /// To be called once no lock is held when another process has said something of readers.
    pub(crate) notice_heard: OnceLock<Box<dyn Fn() + Send + Sync>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) jitter: Jitter,
    /// A comment, for every connection that is silent and whose client knows its cursor.
    pub(crate) heartbeat: Batch,
    /// Set once, under the log's lock, so that nothing is published or registered after it.
    pub(crate) closing: OnceLock<Closing>,
    /// Told when the hub is closed, and then when its last connection or its last hold is gone.
    pub(crate) ended: Ended,
}

/// How a closing hub ends its streams.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) farewell: Option<Bytes>,
    pub(crate) deadline: u64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.is_here() {
            self.log().readership.alarm().end();
        }
    }
}

impl Shared {
    pub(crate) fn new(config: &Arc<Config>, clock: &Arc<dyn Clock>, epoch: Epoch, closed: bool) -> Self {
        let closing = OnceLock::new();
        if closed {
            // There are no connections to say anything to.
            let _ = closing.set(Closing { farewell: None, deadline: 0 });
        }
        Self {
            process: Process::current(),
            config: Arc::clone(config),
            epoch,
            since: config.store.as_ref().and(config.history.age).map_or(0, millis),
            store: config.store.clone().map(StoreLink::new),
            clock: Arc::clone(clock),
            log: Mutex::new(Log::new(epoch, config)),
            head_hint: AtomicU64::new(0),
            notice_heard: OnceLock::new(),
            counters: Arc::default(),
            heartbeat: Batch::join(&[b":\n\n"], 0),
            jitter: Jitter::new(config.retry, epoch),
            closing,
            ended: Ended::default(),
        }
    }

    /// Whether this is the process whose log it is. In a child of it nothing may be locked: a thread of the parent's
    /// may have held the lock during the fork.
    pub(crate) fn is_here(&self) -> bool {
        self.process.is_current()
    }

    /// For what is refused to readers that a child has from its parent.
    pub(crate) fn refuse_if_inherited(&self) -> Result<(), Error> {
        if self.is_here() {
            return Ok(());
        }
        let problem = "is that of a parent process; after a fork, make a new one of the hub";
        Err(Error::new(ErrorKind::Closed, "reader", problem))
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Encodes an event for one connection alone, unless too much waits to be offered.
    pub(crate) fn private_event(&self, event: &Event<'_>) -> Result<PrivateEvent, Error> {
        let frame = Bytes::from(encode(event, self.config.max_event_bytes)?);
        let now = self.now();
        let mut log = self.log();
        log.refuse_if_backlogged(frame.len(), self.counters.private_backlog(), now)?;
        let after = log.head();
        drop(log);
        let charge = Some(Charge::new(&self.counters, frame.len()));
        Ok(PrivateEvent { after, frame, events: u32::from(event.data.is_some()), charge })
    }

    pub(crate) fn now(&self) -> u64 {
        self.since.saturating_add(millis(self.clock.now()))
    }

    pub(crate) fn since_1970(&self) -> Duration {
        self.clock.since_1970()
    }

    pub(crate) fn closing(&self) -> Option<&Closing> {
        self.closing.get()
    }

    /// For callers that hold the log's lock.
    pub(crate) fn refuse_if_closing(&self) -> Result<(), Error> {
        match self.closing() {
            Some(_) => Err(Error::new(ErrorKind::Closed, "hub", "is closed")),
            None => Ok(()),
        }
    }
}
