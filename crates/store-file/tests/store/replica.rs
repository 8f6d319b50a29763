use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ssecast_hub::{Entry, EntryKind, Epoch, Error, Pending, Position, Replica, Store};
use ssecast_store_file::FileStore;

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// A replica that keeps the newest events of each topic, and knows the numbers of all others.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) position: Option<Position>,
    pub(crate) topics: BTreeMap<String, Topic>,
    /// How many events a topic keeps; none is all.
    pub(crate) cap: Option<usize>,
    pub(crate) forgotten: u64,
    /// How often it began anew.
    pub(crate) begun: usize,
    /// What is to be appended next.
    pub(crate) pending: Vec<Vec<u8>>,
    /// Called while the store has the log for itself. Where it returns false, nothing is appended.
    pub(crate) on_pending: Option<fn() -> bool>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) lost: Vec<u64>,
    pub(crate) events: Vec<(u64, String)>,
}

impl Events {
    pub(crate) fn keeping(cap: usize) -> Self {
        Self { cap: Some(cap), ..Self::default() }
    }

    pub(crate) fn publish(&mut self, store: &FileStore, topic: &str, text: &str) -> Result<u64, Error> {
        let block = text.as_bytes();
        let entry = Entry { kind: EntryKind::Event, at: 1, fingerprint: 2, topic, id: None, block };
        let mut bytes = Vec::new();
        entry.encode_into(&mut bytes);
        self.pending.push(bytes);
        // What is refused is not tried again.
        store.append(self, soon()).inspect_err(|_| self.pending.clear())?;
        Ok(self.head())
    }

    pub(crate) fn read(store: &FileStore) -> Self {
        let mut events = Self::default();
        store.catch_up(&mut events, soon()).unwrap();
        events
    }

    pub(crate) fn texts(&self, topic: &str) -> Vec<&str> {
        self.topics
            .get(topic)
            .into_iter()
            .flat_map(|topic| &topic.events)
            .map(|(_, text)| text.trim_end())
            .collect()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.position.unwrap().epoch
    }

    pub(crate) fn head(&self) -> u64 {
        self.position.unwrap().sequence
    }

    fn trim(&mut self, topic: &str) {
        let Some(topic) = self.topics.get_mut(topic) else { return };
        let over = topic.events.len().saturating_sub(self.cap.unwrap_or(usize::MAX));
        topic.lost.extend(topic.events.drain(..over).map(|(number, _)| number));
    }
}

impl Replica for Events {
    fn position(&self) -> Option<Position> {
        self.position
    }

    fn begin(&mut self, epoch: Epoch, forgotten: u64) {
        self.topics.clear();
        self.position = Some(Position { epoch, sequence: 0 });
        self.forgotten = forgotten;
        self.begun += 1;
    }

    fn restore_topic(&mut self, topic: &str, state: &[u8]) -> Result<(), Error> {
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
        let lost: Vec<u64> = state.chunks(8).map(number).collect();
        let newest = *lost.last().unwrap();
        if newest > self.head() {
            let topic = self.topics.entry(topic.to_owned()).or_default();
            topic.events.retain(|(number, _)| *number > newest);
            topic.lost = lost;
        }
        Ok(())
    }

    fn apply(&mut self, sequence: u64, entry: &[u8]) -> Result<(), Error> {
        let entry = Entry::decode(entry)?;
        let position = self.position.as_mut().unwrap();
        assert!(sequence > position.sequence, "{sequence} after {}", position.sequence);
        position.sequence = sequence;
        let topic = self.topics.entry(entry.topic.to_owned()).or_default();
        if topic.lost.last().is_none_or(|last| *last < sequence) {
            topic.events.push((sequence, String::from_utf8(entry.block.to_vec()).unwrap()));
            self.trim(entry.topic);
        }
        Ok(())
    }

    fn would_refuse(&self) -> bool {
        false
    }

    fn pending(&mut self, index: usize) -> Option<Pending<'_>> {
        if index == 0 && self.on_pending.is_some_and(|allow| !allow()) {
            return None;
        }
        self.pending.get(index).map(|bytes| Pending { bytes, is_conditional: false })
    }

    fn appended(&mut self, index: usize, sequence: u64) -> Result<(), Error> {
        let entry = std::mem::take(&mut self.pending[index]);
        if index + 1 == self.pending.len() {
            self.pending.clear();
        }
        self.apply(sequence, &entry)
    }

    fn has_expired(&mut self, sequence: u64, entry: &Entry<'_>) -> bool {
        self.topics.get(entry.topic).and_then(|topic| topic.lost.last()).is_some_and(|last| sequence <= *last)
    }

    fn topic_state(&mut self, topic: &str, out: &mut Vec<u8>) -> bool {
        let Some(topic) = self.topics.get(topic) else { return false };
        out.extend(topic.lost.iter().flat_map(|number| number.to_le_bytes()));
        true
    }

    fn has_topic(&mut self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }
}
