use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use bytes::Bytes;
use slab::Slab;
use ssecast_codec::{Error, ErrorKind};

use crate::config::Config;
use crate::epoch::{Epoch, Origin};
use crate::reader::Wake;
use crate::reset::{Reset, ResetReason};
use crate::subscriber::Position;
use crate::sync::Arc;
use crate::topic::{Topic, check_name};
use crate::topic_set::{TopicKey, TopicSet, TopicSets};

/// The one log of a hub: all topics share one sequence, so that a single number is a position in all of them.
///
/// The log lives under one lock. What runs under it is short and independent of the number of subscribers;
/// nothing under it calls out.
pub(crate) struct Log {
    epoch: Epoch,
    head: u64,
    topics: Slab<Topic>,
    names: HashMap<Arc<str>, TopicKey>,
    sets: TopicSets,
    /// The ids that publishers gave, while their events are in the history.
    ids: HashMap<Box<str>, u64>,
    readers: Slab<ReaderState>,
    pub(crate) connections: usize,
    /// Topics that were removed had events up to here.
    removed: u64,
    /// Where the next look for expired events begins.
    swept: usize,
    /// Looking for topics to remove found none; not again before this time.
    reclaim_at: u64,
}

struct ReaderState {
    wake: Arc<dyn Wake>,
    /// It was woken and has not looked yet.
    awake: bool,
    changed: Vec<TopicKey>,
    subscribers: usize,
    /// All its subscribers are past this.
    passed: u64,
    lagging: u64,
    lag_bytes: u64,
}

/// What a publication needs the caller to do once the lock is free.
pub(crate) struct Appended {
    pub(crate) sequence: u64,
    pub(crate) subscribers: usize,
    pub(crate) wakes: Vec<Arc<dyn Wake>>,
}

/// What a subscriber finds in the log.
pub(crate) enum Found {
    /// Frames in the order of the sequence; the subscriber is then past `through`.
    Frames { frames: Vec<Bytes>, through: u64 },
    /// Nothing up to the limit.
    Nothing,
    /// A frame that it had still to get is gone: it is over its lag limit.
    Lost,
}

impl Log {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            head: 0,
            topics: Slab::new(),
            names: HashMap::new(),
            sets: TopicSets::default(),
            ids: HashMap::new(),
            readers: Slab::new(),
            connections: 0,
            removed: 0,
            swept: 0,
            reclaim_at: 0,
        }
    }

    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    // ── Publishing ──────────────────────────────────────────────────────────────────────────────────────────

    /// Appends one frame. `frame` makes it, given the sequence number.
    pub(crate) fn append(
        &mut self,
        topic: &str,
        id: Option<&str>,
        now: u64,
        config: &Config,
        frame: impl FnOnce(u64) -> Bytes,
    ) -> Result<Appended, Error> {
        if id.is_some_and(|id| self.ids.contains_key(id)) {
            return Err(Error::new(
                ErrorKind::InvalidId,
                "id",
                "is taken by an event that is still in the history",
            ));
        }
        let key = self.topic(topic, now, config)?;
        self.head += 1;
        let sequence = self.head;
        let passed = self.passed();
        if let Some(id) = id {
            self.ids.insert(id.into(), sequence);
        }
        let topic = &mut self.topics[key.index()];
        topic.append(sequence, now, frame(sequence), id.map(Into::into));
        topic.expire(now, &config.history, &mut self.ids);
        topic.drop_expired(passed, config.slow_client.bytes as u64);

        let mut wakes = Vec::new();
        for interest in &mut topic.interest {
            let reader = &mut self.readers[interest.reader];
            if !interest.changed {
                interest.changed = true;
                reader.changed.push(key);
            }
            if !reader.awake {
                reader.awake = true;
                wakes.push(Arc::clone(&reader.wake));
            }
        }
        let subscribers = topic.subscribers();
        self.sweep(1, now, config);
        Ok(Appended { sequence, subscribers, wakes })
    }

    /// The sequence number that every live subscriber is past.
    fn passed(&self) -> u64 {
        let readers = self.readers.iter().filter(|(_, reader)| reader.subscribers > 0);
        readers.map(|(_, reader)| reader.passed).min().unwrap_or(u64::MAX)
    }

    fn topic(&mut self, name: &str, now: u64, config: &Config) -> Result<TopicKey, Error> {
        check_name(name)?;
        if let Some(key) = self.names.get(name) {
            return Ok(*key);
        }
        if self.topics.len() >= config.max_topics {
            self.reclaim(now, config);
        }
        if self.topics.len() >= config.max_topics {
            let problem = format!("would be one more than the {} topics of maxTopics", config.max_topics);
            return Err(Error::new(ErrorKind::TooManyTopics, "topic", problem));
        }
        let name: Arc<str> = name.into();
        let key = TopicKey::new(self.topics.insert(Topic::new(Arc::clone(&name), self.removed)));
        self.names.insert(name, key);
        Ok(key)
    }

    /// Expires events by age in the next `count` topics. Each publication does one, so that topics which nobody
    /// publishes to any more are emptied too, at a constant cost.
    pub(crate) fn sweep(&mut self, count: usize, now: u64, config: &Config) {
        let passed = self.passed();
        for _ in 0..count.min(self.topics.len()) {
            self.swept = (self.swept + 1) % self.topics.capacity();
            if let Some(topic) = self.topics.get_mut(self.swept) {
                topic.expire(now, &config.history, &mut self.ids);
                topic.drop_expired(passed, config.slow_client.bytes as u64);
            }
        }
    }

    /// Removes the topics that nobody listens to and that have no history left. What they lost is remembered for
    /// all topics together: a client that comes back to one is told that it may have missed events.
    fn reclaim(&mut self, now: u64, config: &Config) {
        if now < self.reclaim_at {
            return;
        }
        self.sweep_all(now, config);
        let idle: Vec<usize> =
            self.topics.iter().filter(|(_, topic)| topic.is_idle()).map(|(key, _)| key).collect();
        if idle.is_empty() {
            self.reclaim_at = now + 1000;
        }
        for key in idle {
            self.remove(TopicKey::new(key));
        }
    }

    fn sweep_all(&mut self, now: u64, config: &Config) {
        let passed = self.passed();
        for (_, topic) in &mut self.topics {
            topic.expire(now, &config.history, &mut self.ids);
            topic.drop_expired(passed, config.slow_client.bytes as u64);
        }
    }

    fn remove(&mut self, key: TopicKey) {
        let topic = self.topics.remove(key.index());
        self.names.remove(&topic.name);
        self.removed = self.removed.max(topic.expired_through());
    }

    // ── Readers ─────────────────────────────────────────────────────────────────────────────────────────────

    pub(crate) fn add_reader(&mut self, wake: Arc<dyn Wake>) -> usize {
        self.readers.insert(ReaderState {
            wake,
            awake: false,
            changed: Vec::new(),
            subscribers: 0,
            passed: self.head,
            lagging: 0,
            lag_bytes: 0,
        })
    }

    pub(crate) fn remove_reader(&mut self, reader: usize) {
        self.readers.remove(reader);
    }

    /// Moves the topics that changed since the last call to `changed`. Returns the head: whoever looks at all of
    /// them is past it.
    pub(crate) fn take_changed(&mut self, reader: usize, changed: &mut Vec<TopicKey>) -> u64 {
        let state = &mut self.readers[reader];
        state.awake = false;
        changed.append(&mut state.changed);
        for key in changed.iter() {
            let topic = self.topics.get_mut(key.index());
            let interest =
                topic.and_then(|topic| topic.interest.iter_mut().find(|interest| interest.reader == reader));
            if let Some(interest) = interest {
                interest.changed = false;
            }
        }
        self.head
    }

    /// Notes that all subscribers of a reader are past a number, and how far the slowest is behind.
    pub(crate) fn note_progress(&mut self, reader: usize, passed: u64, lagging: u64, lag_bytes: u64) {
        let reader = &mut self.readers[reader];
        (reader.passed, reader.lagging, reader.lag_bytes) = (passed, lagging, lag_bytes);
    }

    /// The wakes of all readers, for what concerns every connection.
    pub(crate) fn all_wakes(&mut self) -> Vec<Arc<dyn Wake>> {
        self.readers.iter().map(|(_, reader)| Arc::clone(&reader.wake)).collect()
    }

    // ── Subscribers ─────────────────────────────────────────────────────────────────────────────────────────

    /// Registers a subscriber's interest in topics, before anything is read for it.
    pub(crate) fn register(
        &mut self,
        reader: usize,
        names: &[&str],
        now: u64,
        config: &Config,
    ) -> Result<Arc<TopicSet>, Error> {
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            match self.topic(name, now, config) {
                Ok(key) => {
                    // Registered one by one: the next name may need room, and must not remove this one.
                    if !keys.contains(&key) {
                        self.add_interest(reader, key);
                        keys.push(key);
                    }
                }
                Err(error) => {
                    keys.iter().for_each(|key| self.remove_interest(reader, *key));
                    return Err(error);
                }
            }
        }
        self.readers[reader].subscribers += 1;
        Ok(self.sets.intern(keys))
    }

    /// Ends what [`register`](Self::register) began.
    pub(crate) fn unregister(&mut self, reader: usize, set: &Arc<TopicSet>) {
        self.readers[reader].subscribers -= 1;
        for key in set.keys() {
            self.remove_interest(reader, *key);
        }
        self.sets.release(set);
    }

    /// Changes the topics of a subscriber: the names to add and those to remove. Returns the new set and the
    /// keys that were added.
    pub(crate) fn change_topics(
        &mut self,
        reader: usize,
        set: &Arc<TopicSet>,
        add: &[&str],
        remove: &[&str],
        now: u64,
        config: &Config,
    ) -> Result<(Arc<TopicSet>, Vec<TopicKey>), Error> {
        let added = self.register(reader, add, now, config)?;
        let removed: Vec<TopicKey> =
            remove.iter().filter_map(|name| self.names.get(*name).copied()).collect();
        let keys: Vec<TopicKey> = set.keys().iter().filter(|key| !removed.contains(key)).copied().collect();
        let fresh: Vec<TopicKey> = added.keys().iter().filter(|key| !keys.contains(key)).copied().collect();
        // The interest of the new set first, then that of the old ones goes, so that no topic is removed between.
        let keys: Vec<TopicKey> = keys.into_iter().chain(fresh.iter().copied()).collect();
        keys.iter().for_each(|key| self.add_interest(reader, *key));
        self.readers[reader].subscribers += 1;
        let changed = self.sets.intern(keys);
        self.unregister(reader, &added);
        self.unregister(reader, set);
        Ok((changed, fresh))
    }

    fn add_interest(&mut self, reader: usize, key: TopicKey) {
        let interest = &mut self.topics[key.index()].interest;
        match interest.iter_mut().find(|interest| interest.reader == reader) {
            Some(interest) => interest.subscribers += 1,
            None => interest.push(crate::topic::Interest { reader, subscribers: 1, changed: false }),
        }
    }

    fn remove_interest(&mut self, reader: usize, key: TopicKey) {
        let topic = &mut self.topics[key.index()];
        if let Some(position) = topic.interest.iter().position(|interest| interest.reader == reader) {
            topic.interest[position].subscribers -= 1;
            if topic.interest[position].subscribers == 0 {
                topic.interest.swap_remove(position);
            }
        }
        if topic.interest.is_empty() && topic.is_untouched() {
            self.remove(key);
        }
    }

    pub(crate) fn topic_names(&self, set: &TopicSet) -> Vec<Arc<str>> {
        set.keys().iter().map(|key| Arc::clone(&self.topics[key.index()].name)).collect()
    }

    /// Where a subscriber begins, by its last event ID, and what it has lost by then.
    pub(crate) fn resume(
        &mut self,
        reader: usize,
        set: &TopicSet,
        id: Option<&str>,
        now: u64,
        config: &Config,
    ) -> (u64, Option<Reset>) {
        let mut expired = 0;
        for key in set.keys() {
            let topic = &mut self.topics[key.index()];
            topic.expire(now, &config.history, &mut self.ids);
            expired = expired.max(topic.expired_through());
        }
        let (cursor, reset) = match id.filter(|id| !id.is_empty()).map(|id| self.position(id)) {
            None => (self.head, None),
            Some(Ok(sequence)) if sequence >= expired => (sequence, None),
            // What remains is replayed: it is all new to this client.
            Some(Ok(sequence)) => {
                let missed =
                    set.keys().iter().map(|key| self.topics[key.index()].count(sequence, expired)).sum();
                (expired, Some(Reset { reason: ResetReason::Expired, missed }))
            }
            // All that this life of the hub still has is new to a client of another one.
            Some(Err(ResetReason::Epoch)) => {
                (expired, Some(Reset { reason: ResetReason::Epoch, missed: None }))
            }
            // What an unknown client has seen is unknown: a replay could repeat it.
            Some(Err(reason)) => (self.head, Some(Reset { reason, missed: None })),
        };
        if cursor < self.head {
            set.keys().iter().for_each(|key| self.topics[key.index()].replay_begins());
        }
        self.hold(reader, cursor);
        (cursor, reset)
    }

    /// Keeps the frames after a number for a subscriber until its reader notes that it is past them.
    fn hold(&mut self, reader: usize, cursor: u64) {
        let reader = &mut self.readers[reader];
        reader.passed = reader.passed.min(cursor);
    }

    fn position(&self, id: &str) -> Result<u64, ResetReason> {
        if let Some(sequence) = self.ids.get(id) {
            return Ok(*sequence);
        }
        match self.epoch.origin(id) {
            Origin::Own(sequence) if sequence <= self.head => Ok(sequence),
            Origin::Own(_) | Origin::Foreign => Err(ResetReason::Unknown),
            Origin::OtherEpoch => Err(ResetReason::Epoch),
        }
    }

    /// Reads what a subscriber's topics have for it up to `through`: frames of at most `limit` bytes, or a single
    /// larger one.
    pub(crate) fn read(&self, position: Position<'_>, through: u64, limit: usize) -> Found {
        let mut sources = Vec::new();
        let mut next = BinaryHeap::new();
        for key in position.topics.keys() {
            let topic = &self.topics[key.index()];
            let since = position.of(*key);
            if topic.has_dropped_after(since) {
                return Found::Lost;
            }
            let mut entries = topic.after(since);
            if let Some(entry) = entries.next().filter(|entry| entry.sequence <= through) {
                next.push(Reverse((entry.sequence, sources.len())));
                sources.push((entry, entries));
            }
        }
        let mut frames = Vec::new();
        let (mut bytes, mut last) = (0, position.cursor);
        while let Some(Reverse((sequence, source))) = next.pop() {
            let (entry, entries) = &mut sources[source];
            if !frames.is_empty() && bytes + entry.frame.len() > limit {
                break;
            }
            bytes += entry.frame.len();
            frames.push(entry.frame.clone());
            last = sequence;
            if let Some(following) = entries.next().filter(|entry| entry.sequence <= through) {
                *entry = following;
                next.push(Reverse((following.sequence, source)));
            } else if next.is_empty() {
                last = through;
            }
        }
        if frames.is_empty() { Found::Nothing } else { Found::Frames { frames, through: last } }
    }

    /// How many bytes that were published after `live` wait for a subscriber.
    pub(crate) fn lag(&self, position: Position<'_>, live: u64) -> u64 {
        let bytes = |key: &TopicKey| self.topics[key.index()].bytes_after(position.of(*key).max(live));
        position.topics.keys().iter().map(bytes).sum()
    }

    /// Whether a frame that a subscriber had still to get is gone.
    pub(crate) fn lost(&self, position: Position<'_>) -> bool {
        position.topics.keys().iter().any(|key| self.topics[key.index()].has_dropped_after(position.of(*key)))
    }

    /// How many events a subscriber has still to get; `None` when that is forgotten.
    pub(crate) fn count(&self, position: Position<'_>) -> Option<u64> {
        let count = |key: &TopicKey| self.topics[key.index()].count(position.of(*key), self.head);
        position.topics.keys().iter().map(count).sum()
    }

    // ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────

    /// Topics, events in the history, bytes held, lagging subscribers, and the bytes that wait for the slowest.
    pub(crate) fn totals(&self) -> [u64; 5] {
        let history = self.topics.iter().map(|(_, topic)| topic.history().0 as u64).sum();
        let held = self.topics.iter().map(|(_, topic)| topic.held_bytes() as u64).sum();
        let lagging = self.readers.iter().map(|(_, reader)| reader.lagging).sum();
        let slowest = self.readers.iter().map(|(_, reader)| reader.lag_bytes).max().unwrap_or(0);
        [self.topics.len() as u64, history, held, lagging, slowest]
    }
}
