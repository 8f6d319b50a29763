use ssecast_codec::Error;

use crate::clock::millis;
use crate::entry::{Entry, EntryKind};
use crate::epoch::Epoch;
use crate::notice::Notice;
use crate::readers::Wake;
use crate::readership::STALE;
use crate::shared::Shared;
use crate::store::{Position, Replica};
use crate::store_link::StoreLink;
use crate::sync::{Arc, Ordering};

/// Applies the entries of a store to a hub's log. It locks the log for each: a store calls it while it has its own lock.
pub(crate) struct Applier<'a> {
    hub: &'a Shared,
    /// The topic, the publisher's id and the length of what this hub publishes, if that is what it is for.
    publishing: Option<(&'a str, Option<&'a str>, usize)>,
    now: u64,
    since_1970: u64,
    /// What this hub publishes may be appended: the next entry is that.
    is_admitted: bool,
    /// The id and the number of subscribers of what was applied last.
    pub(crate) applied: (String, usize),
    /// Another process said something of readers.
    pub(crate) has_heard: bool,
    /// What has to be woken once no lock is held.
    wakes: Vec<Arc<dyn Wake>>,
}

impl<'a> Applier<'a> {
    pub(crate) fn new(hub: &'a Shared, publishing: Option<(&'a str, Option<&'a str>, usize)>) -> Self {
        let (now, since_1970) = (hub.now(), millis(hub.since_1970()));
        Self {
            hub,
            publishing,
            now,
            since_1970,
            is_admitted: false,
            applied: Default::default(),
            has_heard: false,
            wakes: Vec::new(),
        }
    }
}

impl Drop for Applier<'_> {
    /// Also after an error: others' entries were applied by then.
    fn drop(&mut self) {
        self.wakes.iter().for_each(|wake| wake.wake());
    }
}

impl Replica for Applier<'_> {
    fn position(&self) -> Option<Position> {
        let log = self.hub.log();
        let link = self.hub.store.as_ref()?;
        link.has_begun().then(|| Position { epoch: log.epoch(), sequence: log.published_in_life() })
    }

    fn begin(&mut self, epoch: Epoch, forgotten: u64) {
        let mut log = self.hub.log();
        self.wakes.extend(log.begin_life(epoch, forgotten, self.now));
        if let Some(link) = &self.hub.store {
            link.note_begun();
        }
    }

    fn restore_topic(&mut self, topic: &str, state: &[u8]) -> Result<(), Error> {
        self.hub.log().restore_topic(topic, state)
    }

    fn apply(&mut self, sequence: u64, entry: &[u8]) -> Result<(), Error> {
        let entry = Entry::decode(entry)?;
        let age = self.since_1970.saturating_sub(entry.at);
        let mut log = self.hub.log();
        // Nothing may come behind a farewell. What this hub has appended by now is for the other processes.
        if let Err(closed) = self.hub.refuse_if_closing() {
            self.applied = (entry.id.map_or_else(|| log.epoch().id(sequence), Into::into), 0);
            return if self.is_admitted { Ok(()) } else { Err(closed) };
        }
        if entry.kind == EntryKind::Notice {
            let own = self.hub.store.as_ref().map_or(0, StoreLink::process);
            self.has_heard = true;
            log.hear(sequence, Notice::decode(entry.block)?, own, age, self.now);
            return Ok(());
        }
        let applied = log.apply(sequence, &entry, self.now.saturating_sub(age), self.now);
        if self.publishing.is_some() {
            let id = entry.id.map_or_else(|| log.epoch().id(sequence), Into::into);
            self.applied = (id, applied.as_ref().map_or(0, |applied| applied.subscribers));
        }
        self.hub.head_hint.store(log.head(), Ordering::Relaxed);
        drop(log);
        self.wakes.extend(applied.into_iter().flat_map(|applied| applied.wakes));
        Ok(())
    }

    fn admit(&mut self) -> Result<(), Error> {
        let Some((topic, id, length)) = self.publishing else { return Ok(()) };
        let mut log = self.hub.log();
        self.hub.refuse_if_closing()?;
        log.refuse_if_backlogged(length, self.hub.counters.private_backlog(), self.now)?;
        log.admit(topic, id, self.now)?;
        self.is_admitted = true;
        Ok(())
    }

    fn has_expired(&mut self, sequence: u64, entry: &[u8]) -> bool {
        Entry::decode(entry).is_ok_and(|entry| match entry.kind {
            EntryKind::Notice => self.since_1970.saturating_sub(entry.at) > STALE,
            _ => self.hub.log().has_expired(sequence, entry.topic, self.now),
        })
    }

    fn topic_state(&mut self, topic: &str, out: &mut Vec<u8>) -> bool {
        self.hub.log().write_topic(topic, out)
    }

    fn has_topic(&mut self, topic: &str) -> bool {
        self.hub.log().has_topic(topic)
    }
}
