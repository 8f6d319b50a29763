use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use ssecast_codec::{Error, ErrorKind};

use crate::clock::millis;
use crate::entry::{Entry, EntryKind};
use crate::epoch::Epoch;
use crate::log::Log;
use crate::notice::Notice;
use crate::publication::Publication;
use crate::published::Published;
use crate::readers::Wake;
use crate::readership::STALE;
use crate::shared::Shared;
use crate::store::{Pending, Position, Replica};
use crate::store_link::StoreLink;
use crate::sync::{Arc, Ordering};

/// Applies the entries of a store to a hub's log. It locks the log for each: a store calls it while it has its own lock.
pub(crate) struct Applier<'a> {
    hub: &'a Shared,
    /// What this hub publishes, in its order, and is not admitted yet.
    waiting: Option<&'a mut VecDeque<Publication>>,
    admitted: Vec<Admitted>,
    /// What was not admitted, each with how many were by then.
    settled: Vec<(usize, Settled)>,
    now: u64,
    since_1970: u64,
    /// Another process said something of readers.
    pub(crate) has_heard: bool,
    /// What has to be woken once no lock is held.
    wakes: Vec<Arc<dyn Wake>>,
}

/// A publication with what became of it.
type Settled = (Publication, Result<Published, Error>);

/// Publications with what became of them, in their order.
pub(crate) type Outcomes = Vec<Settled>;

/// A publication that may be appended.
struct Admitted {
    publication: Publication,
    is_conditional: bool,
    /// What became of it, once it was applied.
    published: Option<Result<Published, Error>>,
}

impl<'a> Applier<'a> {
    pub(crate) fn new(hub: &'a Shared) -> Self {
        let (now, since_1970) = (hub.now(), millis(hub.since_1970()));
        let (admitted, settled, wakes) = (Vec::new(), Vec::new(), Vec::new());
        Self { hub, waiting: None, admitted, settled, now, since_1970, has_heard: false, wakes }
    }

    /// One that appends what waits, from the front on.
    pub(crate) fn publishing(hub: &'a Shared, waiting: &'a mut VecDeque<Publication>) -> Self {
        let mut applier = Self::new(hub);
        applier.waiting = Some(waiting);
        applier
    }

    /// What became of what was to be published. What may wait for longer than the deadline goes back to the front.
    pub(crate) fn outcomes(mut self, appended: Result<(), Error>, deadline: Instant) -> Outcomes {
        let mut settled = mem::take(&mut self.settled).into_iter().peekable();
        let mut admitted = mem::take(&mut self.admitted);
        let mut outcomes = Vec::with_capacity(admitted.len());
        let Some(waiting) = self.waiting.take() else { return outcomes };
        let Err(error) = appended else {
            let unknown =
                || Error::new(ErrorKind::Internal, "store", "has not said what became of the event");
            for (index, it) in admitted.into_iter().enumerate() {
                while let Some((_, before)) = settled.next_if(|(admitted, _)| *admitted <= index) {
                    outcomes.push(before);
                }
                outcomes.push((it.publication, it.published.unwrap_or_else(|| Err(unknown()))));
            }
            outcomes.extend(settled.map(|(_, last)| last));
            return outcomes;
        };
        outcomes.extend(settled.map(|(_, settled)| settled));
        // None was appended.
        let is_late = |it: &Publication| error.kind() != ErrorKind::StoreTimedOut || it.deadline <= deadline;
        let all = admitted.drain(..).map(|it| it.publication).chain(waiting.drain(..));
        let (late, rest): (VecDeque<_>, _) = all.partition(is_late);
        *waiting = rest;
        outcomes.extend(late.into_iter().map(|publication| (publication, Err(error.clone()))));
        outcomes
    }

    /// Whether it depends on what is before an entry if that may be appended.
    fn is_conditional(&self, entry: &Entry<'_>) -> bool {
        entry.id.is_some() || !self.hub.log().is_open(entry.topic)
    }

    /// Whether an entry may be appended behind those that are admitted. Returns false if there is no need: its topic has ended
    /// already.
    fn admit(&self, entry: &Entry<'_>) -> Result<bool, Error> {
        let mut log = self.hub.log();
        self.hub.refuse_if_closing()?;
        match entry.kind {
            EntryKind::Notice => return Ok(true),
            EntryKind::End => return log.admit_end(entry.topic, self.now),
            EntryKind::Event => {}
        }
        let admitted: usize = self.admitted.iter().map(|it| it.publication.bytes.len()).sum();
        let private = self.hub.counters.private_backlog();
        log.refuse_if_backlogged(admitted + entry.block.len(), private, self.now)?;
        log.admit(entry.topic, entry.id, self.now)?;
        Ok(true)
    }

    /// A conditional entry is admitted again: something came before it.
    fn retract(&mut self) {
        let is_open = |it: &mut Admitted| it.is_conditional && it.published.is_none();
        if let (Some(admitted), Some(waiting)) = (self.admitted.pop_if(is_open), &mut self.waiting) {
            waiting.push_front(admitted.publication);
        }
    }

    /// Applies an entry, which this hub has published if it `is_own`. Returns what became of it.
    fn take(&mut self, sequence: u64, bytes: &[u8], is_own: bool) -> Result<Result<Published, Error>, Error> {
        let entry = Entry::decode(bytes)?;
        let age = self.since_1970.saturating_sub(entry.at);
        let mut log = self.hub.log();
        let id = |log: &Log| entry.id.map_or_else(|| log.epoch().id(sequence), Into::into);
        // Nothing may come behind a farewell. What this hub has appended by now is for the other processes.
        if let Err(closed) = self.hub.refuse_if_closing() {
            return if is_own { Ok(Ok(Published { id: id(&log), subscribers: 0 })) } else { Err(closed) };
        }
        if entry.kind == EntryKind::Notice {
            let own = self.hub.store.as_ref().map_or(0, StoreLink::process);
            self.has_heard = true;
            log.hear(sequence, Notice::decode(entry.block)?, own, age, self.now);
            return Ok(Ok(Published { id: String::new(), subscribers: 0 }));
        }
        let applied = log.apply(sequence, &entry, self.now.saturating_sub(age), self.now);
        let id = if is_own { id(&log) } else { String::new() };
        self.hub.head_hint.store(log.head(), Ordering::Relaxed);
        drop(log);
        Ok(applied.map(|applied| {
            let (subscribers, wakes) =
                applied.map_or((0, Vec::new()), |applied| (applied.subscribers, applied.wakes));
            self.wakes.extend(wakes);
            Published { id, subscribers }
        }))
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
        self.retract();
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
        self.retract();
        self.take(sequence, entry, false).map(|_| ())
    }

    fn would_refuse(&self) -> bool {
        let first = self.waiting.as_ref().and_then(|waiting| waiting.front());
        first.is_some_and(|first| Entry::decode(&first.bytes).and_then(|entry| self.admit(&entry)).is_err())
    }

    fn pending(&mut self, index: usize) -> Option<Pending<'_>> {
        while index >= self.admitted.len() {
            if self.admitted.last().is_some_and(|last| last.is_conditional) {
                return None;
            }
            let publication = self.waiting.as_mut()?.pop_front()?;
            let entry = Entry::decode(&publication.bytes);
            let is_conditional = entry.as_ref().is_ok_and(|entry| self.is_conditional(entry));
            if is_conditional && !self.admitted.is_empty() {
                // It has to be the first one.
                self.waiting.as_mut()?.push_front(publication);
                return None;
            }
            match entry.and_then(|entry| self.admit(&entry)) {
                Ok(false) => {
                    let published = Published { id: String::new(), subscribers: 0 };
                    self.settled.push((self.admitted.len(), (publication, Ok(published))));
                }
                Ok(true) => self.admitted.push(Admitted { publication, is_conditional, published: None }),
                Err(refused) => self.settled.push((self.admitted.len(), (publication, Err(refused)))),
            }
        }
        let Admitted { publication, is_conditional, .. } = &self.admitted[index];
        Some(Pending { bytes: &publication.bytes, is_conditional: *is_conditional })
    }

    fn appended(&mut self, index: usize, sequence: u64) -> Result<(), Error> {
        let Some(admitted) = self.admitted.get_mut(index) else { return Ok(()) };
        let bytes = mem::take(&mut admitted.publication.bytes);
        let published = self.take(sequence, &bytes, true)?;
        self.admitted[index].published = Some(published);
        Ok(())
    }

    fn has_expired(&mut self, sequence: u64, entry: &Entry<'_>) -> bool {
        match entry.kind {
            EntryKind::Notice => self.since_1970.saturating_sub(entry.at) > STALE,
            _ => self.hub.log().has_expired(sequence, entry.topic, self.now),
        }
    }

    fn topic_state(&mut self, topic: &str, out: &mut Vec<u8>) -> bool {
        self.hub.log().write_topic(topic, out)
    }

    fn has_topic(&mut self, topic: &str) -> bool {
        self.hub.log().has_topic(topic)
    }
}
