use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use ssecast_hub::{Entry, EntryKind, Replica};

use crate::pack::Pack;

/// After so many entries or bytes were appended, what has expired is removed.
const SWEEP_ENTRIES: usize = 64;
const SWEEP_BYTES: usize = 256 << 10;

/// How many topics, and states of topics, a sweep looks at besides the topics that got entries.
const LOOKS: usize = 16;

/// After so many entries of others a look is due too: a process that appends nothing must not remember all of them.
const LOOK_ENTRIES: usize = 1024;

/// How many packs one call removes at most.
const MAX_PACKS: usize = 1024;

/// How many packs, and forgotten topics, wait to be removed. A process that appends nothing leaves more to the others.
const MAX_WAITING: usize = 1 << 17;
const MAX_FORGOTTEN: usize = 1024;

/// Which entries are in Redis: what has expired need not be read again to be removed. Each process that appends removes
/// what it finds; what another one has removed is no harm.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    topics: BTreeMap<Arc<str>, VecDeque<Place>>,
    packs: BTreeMap<u64, Held>,
    /// Topics with states.
    states: BTreeMap<Arc<str>, u64>,
    /// Topics that got entries since the last sweep.
    changed: BTreeSet<Arc<str>>,
    next_topic: Option<Arc<str>>,
    next_state: Option<Arc<str>>,
    /// What was appended since the last look: entries, and bytes.
    entries: usize,
    bytes: usize,
    /// How many entries were noted since the last look.
    noted: usize,
    due: Sweep,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    at: u64,
    kind: EntryKind,
    /// How far behind it the last entry of its pack is.
    to_last: u8,
    /// It is the only entry of its pack.
    is_alone: bool,
}

/// A pack of several entries.
#[derive(Debug, Default)]
struct Held {
    /// How many of its entries are kept.
    left: usize,
    /// Its topics, each with the number of its last entry.
    topics: Vec<(Arc<str>, u64)>,
}

/// What is to be removed.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// The numbers of the packs.
    packs: VecDeque<u64>,
    /// The greatest number of an entry.
    pub(crate) removed: u64,
    /// States of topics: up to where they lost entries, and what is known of these.
    pub(crate) states: BTreeMap<Arc<str>, (u64, Vec<u8>)>,
    /// Topics that are forgotten, and up to where they lost entries.
    pub(crate) forgotten: BTreeMap<Arc<str>, u64>,
}

impl Sweep {
    /// The numbers of the packs, as many as one call removes.
    pub(crate) fn packs(&self) -> Vec<u64> {
        self.packs.iter().take(MAX_PACKS).copied().collect()
    }
}

impl Stored {
    /// Notes an entry that is in a pack.
    pub(crate) fn note(&mut self, entry: &Entry<'_>, number: u64, pack: &Pack) {
        let topic = match self.topics.get_key_value(entry.topic) {
            Some((topic, _)) => Arc::clone(topic),
            None => Arc::from(entry.topic),
        };
        let (to_last, is_alone) = ((pack.last - number) as u8, pack.count == 1);
        let place = Place { number, at: entry.at, kind: entry.kind, to_last, is_alone };
        self.topics.entry(Arc::clone(&topic)).or_default().push_back(place);
        if !is_alone {
            let held = self.packs.entry(pack.last).or_default();
            held.left += 1;
            match held.topics.iter_mut().find(|(known, _)| *known == topic) {
                Some((_, last)) => *last = number,
                None => held.topics.push((Arc::clone(&topic), number)),
            }
        }
        self.changed.insert(topic);
        self.noted += 1;
    }

    /// Looks for what has expired if much was noted.
    pub(crate) fn tidy(&mut self, replica: &mut dyn Replica, at: u64) {
        if self.noted >= LOOK_ENTRIES {
            self.look(replica, at);
        }
    }

    pub(crate) fn note_state(&mut self, topic: &str, last: u64) {
        self.states.insert(Arc::from(topic), last);
    }

    /// Notes what is to be appended. Now and then it looks for what is to be removed with it.
    pub(crate) fn sweep(&mut self, entries: usize, bytes: usize, replica: &mut dyn Replica, at: u64) {
        (self.entries, self.bytes) = (self.entries + entries, self.bytes + bytes);
        if self.entries >= SWEEP_ENTRIES || self.bytes >= SWEEP_BYTES {
            self.look(replica, at);
        }
    }

    /// What is to be removed.
    pub(crate) fn due(&self) -> &Sweep {
        &self.due
    }

    /// What was to be removed is.
    pub(crate) fn note_removed(&mut self) {
        let rest = self.due.packs.split_off(MAX_PACKS.min(self.due.packs.len()));
        self.due = Sweep { packs: rest, ..Sweep::default() };
    }

    fn look(&mut self, replica: &mut dyn Replica, at: u64) {
        (self.entries, self.bytes, self.noted) = (0, 0, 0);
        let mut topics = std::mem::take(&mut self.changed);
        topics.extend(next(&self.topics, &mut self.next_topic));
        let mut shortened = BTreeMap::new();
        for topic in topics {
            self.look_at(&topic, replica, at, &mut shortened);
        }
        for (topic, last) in shortened {
            let mut state = Vec::new();
            self.due.removed = self.due.removed.max(last);
            if replica.topic_state(&topic, &mut state) {
                self.states.insert(Arc::clone(&topic), last);
                self.due.states.insert(topic, (last, state));
            } else {
                self.forget(topic, last);
            }
        }
        for topic in next(&self.states, &mut self.next_state) {
            let last = self.states[&topic];
            // Of what comes later this replica does not know yet.
            if last <= at && !replica.has_topic(&topic) {
                self.forget(topic, last);
            }
        }
        let surplus = self.due.packs.len().saturating_sub(MAX_WAITING);
        self.due.packs.drain(..surplus);
        while self.due.forgotten.len() > MAX_FORGOTTEN {
            // Of all topics it is said then.
            let (_, last) = self.due.forgotten.pop_last().unwrap_or_default();
            let through = self.due.forgotten.entry("".into()).or_default();
            *through = last.max(*through);
        }
    }

    fn forget(&mut self, topic: Arc<str>, last: u64) {
        self.states.remove(&topic);
        self.due.states.remove(&topic);
        self.due.forgotten.insert(topic, last);
    }

    /// Finds the packs of which a topic kept the last entry, and which topics that shortens.
    fn look_at(
        &mut self,
        topic: &Arc<str>,
        replica: &mut dyn Replica,
        at: u64,
        shortened: &mut BTreeMap<Arc<str>, u64>,
    ) {
        let Some(places) = self.topics.get_mut(topic) else { return };
        let mut shorten = |topic: Arc<str>, last: u64| {
            let known = shortened.entry(topic).or_default();
            *known = last.max(*known);
        };
        let entry = |place: &Place| Entry {
            kind: place.kind,
            at: place.at,
            fingerprint: 0,
            topic,
            id: None,
            block: b"",
        };
        while let Some(place) = places.front().copied()
            && place.number <= at
            && replica.has_expired(place.number, &entry(&place))
        {
            places.pop_front();
            let pack = place.number + u64::from(place.to_last);
            if place.is_alone {
                shorten(Arc::clone(topic), place.number);
            } else {
                let Some(held) = self.packs.get_mut(&pack) else { continue };
                held.left -= 1;
                if held.left > 0 {
                    continue;
                }
                let topics = self.packs.remove(&pack).unwrap_or_default().topics;
                topics.into_iter().for_each(|(topic, last)| shorten(topic, last));
            }
            self.due.packs.push_back(pack);
        }
        if places.is_empty() {
            self.topics.remove(topic);
        }
    }
}

/// The next keys of a map, and where to go on after them.
fn next<V>(map: &BTreeMap<Arc<str>, V>, at: &mut Option<Arc<str>>) -> Vec<Arc<str>> {
    let after = at.take().map_or(Bound::Unbounded, Bound::Excluded);
    let keys: Vec<Arc<str>> = map
        .range::<Arc<str>, _>((after, Bound::Unbounded))
        .take(LOOKS)
        .map(|(key, _)| Arc::clone(key))
        .collect();
    if keys.len() == LOOKS {
        *at = keys.last().cloned();
    }
    keys
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
