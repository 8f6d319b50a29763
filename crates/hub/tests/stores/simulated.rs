use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use ssecast_hub::{Entry, Epoch, Error, ErrorKind, Position, Replica, Store, Wake, Watch};

/// A store in memory. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Simulated {
    log: Arc<Mutex<Log>>,
    /// Entries that are applied at a time.
    step: usize,
    watches: Arc<Mutex<Vec<Arc<dyn WakeDebug>>>>,
    pub(crate) fault: Arc<Mutex<Option<Fault>>>,
}

/// What goes wrong with the next use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not free in time, before anything is done.
    TimedOut,
    /// The process ends when the entry is in the store, and before it knows.
    Crash,
    /// It panics, before anything is done.
    Panic,
    /// It is out of reach of this process from here on.
    Dead,
}

#[derive(Debug)]
struct Log {
    epoch: Epoch,
    head: u64,
    entries: BTreeMap<u64, Vec<u8>>,
    topics: BTreeMap<String, (u64, Vec<u8>)>,
    removed: u64,
    forgotten: u64,
    sweeps: u64,
}

trait WakeDebug: Wake + std::fmt::Debug {}

struct Named(Arc<dyn Wake>);

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a wake")
    }
}

impl Wake for Named {
    fn wake(&self) {
        self.0.wake();
    }
}

impl WakeDebug for Named {}

#[derive(Debug)]
struct SimulatedWatch(Arc<Mutex<Vec<Arc<dyn WakeDebug>>>>, Arc<dyn WakeDebug>);

impl Watch for SimulatedWatch {}

impl Log {
    fn new() -> Self {
        Self {
            epoch: Epoch::random().unwrap(),
            head: 0,
            entries: BTreeMap::new(),
            topics: BTreeMap::new(),
            removed: 0,
            forgotten: 0,
            sweeps: 0,
        }
    }
}

impl Drop for SimulatedWatch {
    fn drop(&mut self) {
        self.0.lock().unwrap().retain(|watch| !Arc::ptr_eq(watch, &self.1));
    }
}

impl Simulated {
    pub(crate) fn new(step: usize) -> Self {
        Self { log: Arc::new(Mutex::new(Log::new())), step, watches: Arc::default(), fault: Arc::default() }
    }

    /// The same store, as another process opens it: what is told to one is not told to the other.
    pub(crate) fn other_process(&self) -> Self {
        Self { watches: Arc::default(), fault: Arc::default(), ..self.clone() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    /// Tells this process's hubs that there may be something.
    pub(crate) fn wake(&self) {
        let watches = self.watches.lock().unwrap().clone();
        watches.iter().for_each(|watch| watch.wake());
    }

    /// Loses everything, as a power cut does.
    pub(crate) fn lose(&self) {
        *self.log() = Log::new();
    }

    pub(crate) fn epoch(&self) -> String {
        self.log().epoch.to_string()
    }

    /// The number of the last entry.
    pub(crate) fn head(&self) -> u64 {
        self.log().head
    }

    /// Appends an entry without asking any replica.
    pub(crate) fn put(&self, entry: Vec<u8>) {
        let mut log = self.log();
        log.head += 1;
        let head = log.head;
        log.entries.insert(head, entry);
    }

    pub(crate) fn len(&self) -> usize {
        self.log().entries.len()
    }

    fn follow(&self, replica: &mut dyn Replica) -> Result<MutexGuard<'_, Log>, Error> {
        let mut states = None;
        loop {
            let log = self.log();
            let applied = match replica.position() {
                Some(Position { epoch, sequence }) if epoch == log.epoch => sequence,
                _ => {
                    replica.begin(log.epoch, log.forgotten);
                    states = None;
                    0
                }
            };
            if applied < log.removed && states.replace(log.sweeps) != Some(log.sweeps) {
                for (topic, (_, state)) in &log.topics {
                    replica.restore_topic(topic, state)?;
                }
            }
            let mut next = log.entries.range(applied + 1..);
            for (number, entry) in next.by_ref().take(self.step) {
                replica.apply(*number, entry)?;
            }
            if next.next().is_none() {
                return Ok(log);
            }
        }
    }

    fn fail(&self) -> Result<bool, Error> {
        // A panic while it is locked would poison it.
        let fault = self.fault.lock().unwrap().take();
        match fault {
            Some(Fault::Dead) => {
                *self.fault.lock().unwrap() = Some(Fault::Dead);
                Err(Error::new(ErrorKind::StoreUnavailable, "store", "is out of reach"))
            }
            Some(Fault::Panic) => panic!("as it was told to"),
            Some(Fault::TimedOut) => {
                Err(Error::new(ErrorKind::StoreTimedOut, "store", "was not free in time"))
            }
            fault => Ok(fault == Some(Fault::Crash)),
        }
    }
}

impl Store for Simulated {
    fn append(&self, replica: &mut dyn Replica, _deadline: Instant) -> Result<(), Error> {
        let crashes = self.fail()?;
        let mut log = self.follow(replica)?;
        let (mut count, mut sweeps) = (0, false);
        while let Some(pending) = replica.pending(count) {
            count += 1;
            let number = log.head + count as u64;
            log.entries.insert(number, pending.bytes.to_vec());
            sweeps |= number.is_multiple_of(3);
        }
        let first = log.head + 1;
        log.head += count as u64;
        if sweeps {
            sweep(&mut log, replica);
        }
        if crashes {
            return Err(Error::new(ErrorKind::Internal, "process", "ended"));
        }
        (0..count).try_for_each(|index| replica.appended(index, first + index as u64))
    }

    fn catch_up(&self, replica: &mut dyn Replica, _deadline: Instant) -> Result<(), Error> {
        self.fail()?;
        self.follow(replica).map(|_| ())
    }

    fn watch(&self, wake: Arc<dyn Wake>, _deadline: Instant) -> Result<Box<dyn Watch>, Error> {
        self.fail()?;
        let wake: Arc<dyn WakeDebug> = Arc::new(Named(wake));
        self.watches.lock().unwrap().push(Arc::clone(&wake));
        Ok(Box::new(SimulatedWatch(Arc::clone(&self.watches), wake)))
    }
}

fn sweep(log: &mut Log, replica: &mut dyn Replica) {
    let numbers: Vec<u64> = log.entries.keys().copied().filter(|number| *number < log.head).collect();
    // Not all of them at once: what is known to be gone may still be there.
    let mut left = 4;
    for number in numbers {
        if left == 0 || !replica.has_expired(number, &Entry::decode(&log.entries[&number]).unwrap()) {
            continue;
        }
        left -= 1;
        let topic = Entry::decode(&log.entries[&number]).unwrap().topic.to_owned();
        log.entries.remove(&number);
        log.removed = log.removed.max(number);
        log.sweeps += 1;
        let mut state = Vec::new();
        if replica.topic_state(&topic, &mut state) {
            log.topics.insert(topic, (number, state));
        } else {
            log.topics.remove(&topic);
            log.forgotten = log.forgotten.max(number);
        }
    }
    let gone: Vec<String> = log.topics.keys().filter(|topic| !replica.has_topic(topic)).cloned().collect();
    for topic in gone {
        let last = log.topics.remove(&topic).map_or(0, |(last, _)| last);
        log.forgotten = log.forgotten.max(last);
    }
}
