use slab::Slab;

use crate::interest::Interest;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::topic_set::TopicKey;

/// Tells a delivery thread or an event loop that there is something to do.
pub trait Wake: Send + Sync + 'static {
    /// Called from any thread. It must return soon, and must not call the hub.
    fn wake(&self);
}

impl<F: Fn() + Send + Sync + 'static> Wake for F {
    fn wake(&self) {
        self();
    }
}

/// A point of the log: its head, and how many bytes were published by then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) bytes: u64,
}

/// What a reader has offered to all of its subscribers: published bytes, or [`ALL`](Offered::ALL).
#[derive(Debug)]
pub(crate) struct Offered(AtomicU64);

impl Offered {
    /// Everything that it has looked at.
    const ALL: u64 = u64::MAX;

    pub(crate) fn set(&self, bytes: Option<u64>) {
        self.0.store(bytes.unwrap_or(Self::ALL), Ordering::Relaxed);
    }
}

/// The log's side of every [`Reader`](crate::Reader).
#[derive(Default)]
pub(crate) struct Readers {
    states: Slab<ReaderState>,
    /// Every reader that is waited for has offered what was published up to here, in bytes, or more.
    floor: u64,
}

/// The sequence numbers that all subscribers of a topic's readers are past.
#[derive(Clone, Copy)]
pub(crate) struct Passed {
    pub(crate) all: u64,
    /// Without the readers that are no longer waited for.
    pub(crate) prompt: u64,
}

struct ReaderState {
    wake: Arc<dyn Wake>,
    /// It was woken and has not looked yet.
    awake: bool,
    changed: Vec<TopicKey>,
    /// All its subscribers are past this.
    passed: u64,
    lagging: u64,
    lag_bytes: u64,
    /// What was there before the first event that it has not looked at, and when that came.
    pending: Option<(Mark, u64)>,
    offered: Arc<Offered>,
    /// How long it is waited for once it was woken: milliseconds.
    patience: u64,
}

impl ReaderState {
    /// Whether it was woken too long ago to be waited for. It has then what any slow client has.
    fn is_absent(&self, now: u64) -> bool {
        self.pending.is_some_and(|(_, since)| now.saturating_sub(since) > self.patience)
    }
}

impl Readers {
    pub(crate) fn add(&mut self, wake: Arc<dyn Wake>, head: u64, patience: u64) -> (usize, Arc<Offered>) {
        let offered = Arc::new(Offered(AtomicU64::new(Offered::ALL)));
        let reader = self.states.insert(ReaderState {
            wake,
            awake: false,
            changed: Vec::new(),
            passed: head,
            lagging: 0,
            lag_bytes: 0,
            pending: None,
            offered: Arc::clone(&offered),
            patience,
        });
        (reader, offered)
    }

    pub(crate) fn set_patience(&mut self, reader: usize, patience: u64) {
        self.states[reader].patience = patience;
    }

    /// Returns what the host gave, to be dropped once the lock is free: it may own more of the hub.
    pub(crate) fn remove(&mut self, reader: usize) -> Arc<dyn Wake> {
        self.states.remove(reader).wake
    }

    /// Marks a topic for a reader; `before` is what was there before the event. Returns the wake if the reader has to be
    /// woken for it.
    pub(crate) fn mark(
        &mut self,
        interest: &mut Interest,
        key: TopicKey,
        before: Mark,
        now: u64,
    ) -> Option<Arc<dyn Wake>> {
        let reader = &mut self.states[interest.reader];
        reader.pending.get_or_insert((before, now));
        if !std::mem::replace(&mut interest.changed, true) {
            reader.changed.push(key);
        }
        (!std::mem::replace(&mut reader.awake, true)).then(|| Arc::clone(&reader.wake))
    }

    /// Moves the marked topics to `changed`; from here on the reader is woken again. Returns what was there before the
    /// first event that it had not looked at.
    pub(crate) fn take_changed(&mut self, reader: usize, changed: &mut Vec<TopicKey>) -> Option<Mark> {
        let reader = &mut self.states[reader];
        reader.awake = false;
        changed.append(&mut reader.changed);
        reader.pending.take().map(|(before, _)| before)
    }

    /// How many of the bytes that were published have not been offered yet by a reader which is waited for.
    pub(crate) fn backlog(&mut self, published: u64, now: u64) -> u64 {
        let offered = |(_, reader): (usize, &ReaderState)| {
            let pending = reader.pending.filter(|_| !reader.is_absent(now));
            let pending = pending.map_or(Offered::ALL, |(before, _)| before.bytes);
            pending.min(reader.offered.0.load(Ordering::Relaxed))
        };
        self.floor = self.states.iter().map(offered).min().unwrap_or(published).min(published);
        published - self.floor
    }

    /// Whether the backlog is at most so many bytes. It looks at the readers only when it may be more.
    pub(crate) fn is_backlog_within(&mut self, limit: u64, published: u64, now: u64) -> bool {
        published - self.floor <= limit || self.backlog(published, now) <= limit
    }

    /// The sequence numbers that all subscribers of these readers are past.
    pub(crate) fn passed(&self, interest: &[Interest], now: u64) -> Passed {
        let mut passed = Passed { all: u64::MAX, prompt: u64::MAX };
        for interest in interest {
            let reader = &self.states[interest.reader];
            passed.all = passed.all.min(reader.passed);
            if !reader.is_absent(now) {
                passed.prompt = passed.prompt.min(reader.passed);
            }
        }
        passed
    }

    /// Keeps the frames after a number for a subscriber until its reader notes that it is past them.
    pub(crate) fn hold(&mut self, reader: usize, cursor: u64) {
        let reader = &mut self.states[reader];
        reader.passed = reader.passed.min(cursor);
    }

    pub(crate) fn note_progress(&mut self, reader: usize, passed: u64, lagging: u64, lag_bytes: u64) {
        let reader = &mut self.states[reader];
        (reader.passed, reader.lagging, reader.lag_bytes) = (passed, lagging, lag_bytes);
    }

    /// The wakes of all readers, for what concerns every connection.
    pub(crate) fn wakes(&self) -> Vec<Arc<dyn Wake>> {
        self.states.iter().map(|(_, reader)| Arc::clone(&reader.wake)).collect()
    }

    /// How many subscribers lag, and the bytes that wait for the slowest of them.
    pub(crate) fn lag(&self) -> (u64, u64) {
        let lagging = self.states.iter().map(|(_, reader)| reader.lagging).sum();
        (lagging, self.states.iter().map(|(_, reader)| reader.lag_bytes).max().unwrap_or(0))
    }
}
