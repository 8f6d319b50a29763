use std::sync::OnceLock;

use bytes::Bytes;
use ssecast_codec::{Error, ErrorKind, Event, OptionKey};

use crate::clock::{Clock, millis};
use crate::config::Config;
use crate::epoch::{Epoch, Origin};
use crate::finish::refuse_reserved;
use crate::log::Log;
use crate::process::Process;
use crate::stats::Counters;
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, MutexGuard, lock};

/// What the handles, readers and subscribers of a hub share in one process.
pub(crate) struct Shared {
    process: Process,
    pub(crate) config: Arc<Config>,
    pub(crate) epoch: Epoch,
    clock: Arc<dyn Clock>,
    log: Mutex<Log>,
    /// The head, for those who don't hold the lock: it may have moved on.
    pub(crate) head_hint: AtomicU64,
    pub(crate) counters: Counters,
    /// Set once, under the log's lock, so that nothing is published or registered after it.
    pub(crate) closing: OnceLock<Closing>,
    /// Told when the hub is closed, and then when its last connection or its last hold is gone.
    pub(crate) ended: Condvar,
}

/// How a closing hub ends its streams.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) farewell: Option<Bytes>,
    pub(crate) deadline: u64,
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
            clock: Arc::clone(clock),
            log: Mutex::new(Log::new(epoch, config)),
            head_hint: AtomicU64::new(0),
            counters: Counters::default(),
            closing,
            ended: Condvar::new(),
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

    pub(crate) fn now(&self) -> u64 {
        millis(self.clock.now())
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

    /// Encodes an event behind a gap.
    pub(crate) fn encode(&self, event: &Event<'_>, gap: usize) -> Result<Vec<u8>, Error> {
        event.id.map_or(Ok(()), refuse_reserved)?;
        let length = event.encoded_len();
        let limit = self.config.max_event_bytes;
        if length > limit {
            let error =
                Error::new(ErrorKind::EventTooLarge, "event", format!("has {length} bytes when encoded"));
            return Err(error.with_limit(OptionKey::MaxEventBytes, limit as u64));
        }
        let mut buffer = Vec::with_capacity(gap + length);
        buffer.resize(gap, 0);
        event.encode_into(&mut buffer)?;
        Ok(buffer)
    }

    /// Refuses an id of a publisher's that can't be one.
    pub(crate) fn check_own_id(&self, id: &str) -> Result<(), Error> {
        let invalid = |problem| Err(Error::new(ErrorKind::InvalidId, "id", problem));
        if id.is_empty() {
            return invalid(
                "must not be empty: the client would forget where it is; leave it out to get one",
            );
        }
        match self.epoch.origin(id) {
            Origin::Own(_) => {
                invalid("is, or will be, that of another event: ids with this hub's epoch are reserved")
            }
            // The index is asked first on resume, so an id that only looks like a hub's is known while it is kept.
            Origin::OtherEpoch | Origin::Foreign => Ok(()),
        }
    }
}
