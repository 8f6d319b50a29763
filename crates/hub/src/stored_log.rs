//! What a log does whose entries are in a store: others append to it too, and it may begin another life.

use ssecast_codec::{Error, ErrorKind};

use crate::beginning::{Beginning, Known};
use crate::entry::{Entry, EntryKind};
use crate::epoch::{Epoch, Origin};
use crate::frame::with_id;
use crate::interval_set::IntervalSet;
use crate::log::{Appended, Log};
use crate::notice::{NOTICES, Notice};
use crate::readers::Wake;
use crate::reset::ResetReason;
use crate::sync::Arc;
use crate::topic_end::{End, ended};
use crate::topic_set::{TopicKey, TopicSet};

impl Log {
    /// Refuses an event that [`append`](Self::append) would refuse.
    pub(crate) fn admit(&mut self, topic: &str, id: Option<&str>, now: u64) -> Result<(), Error> {
        if let Some(id) = id {
            self.epoch.check_publishers_id(id)?;
        }
        self.refuse_taken(id, now)?;
        if self.admit_end(topic, now)? { Ok(()) } else { Err(ended()) }
    }

    /// Refuses the end of a topic for which there is no room. Returns false if it has ended.
    pub(crate) fn admit_end(&mut self, topic: &str, now: u64) -> Result<bool, Error> {
        let key = self.topics.admit(topic, now)?;
        Ok(!key.is_some_and(|key| self.topics[key].has_ended()))
    }

    /// Begins another life of the log, of which nothing is known up to a number. Returns the wakes of all readers: each of
    /// their subscribers has to be told.
    pub(crate) fn begin_life(&mut self, epoch: Epoch, forgotten: u64, now: u64) -> Vec<Arc<dyn Wake>> {
        let before = self.end();
        self.head += 1;
        (self.epoch, self.base) = (epoch, self.head);
        let mut wakes = Vec::new();
        for key in self.topics.begin_anew(self.base + forgotten) {
            let mark = |interest| self.readers.mark(interest, key, before, now);
            wakes.extend(self.topics[key].interest.iter_mut().filter_map(mark));
        }
        wakes
    }

    /// Appends what an entry has, whose number is one of this life's; `None` if that is known to be past the caps.
    ///
    /// # Errors
    /// [`ErrorKind::TopicEnded`] for an event that came too late, and is none. Every process finds that, as the entries
    /// alone say so.
    pub(crate) fn apply(
        &mut self,
        sequence: u64,
        entry: &Entry<'_>,
        at: u64,
        now: u64,
    ) -> Result<Option<Appended>, Error> {
        let sequence_here = self.base + sequence;
        let key = self.topics.open_anyway(entry.topic);
        if sequence_here <= self.topics[key].expired_through() {
            self.head = sequence_here;
            return Ok(None);
        }
        if self.topics.is_too_late(key, entry.at) {
            self.head = sequence_here;
            return if entry.kind == EntryKind::End { Ok(None) } else { Err(ended()) };
        }
        if self.topics[key].end.is_some() {
            self.topics.renew(key);
        }
        if entry.kind == EntryKind::End {
            let end = End { sequence: sequence_here, at, published_at: entry.at, is_forgotten: false };
            let subscribers = self.topics[key].subscribers();
            let wakes = self.push_end(key, end, now);
            return Ok(Some(Appended { sequence: sequence_here, subscribers, wakes }));
        }
        let frame = match entry.id {
            Some(id) => with_id(id.as_bytes(), entry.block),
            None => with_id(self.epoch.id_text(sequence).as_bytes(), entry.block),
        };
        Ok(Some(self.push(key, sequence_here, entry.id, frame, at, now)))
    }

    /// Takes what a process says of readers, `own` or another one, which is so old.
    pub(crate) fn hear(&mut self, sequence: u64, notice: Notice, own: u64, age: u64, now: u64) {
        self.head = self.base + sequence;
        if notice.process != own {
            let Self { topics, readership, .. } = self;
            readership.hear(notice, age, now, |topic| topics.is_read(topic));
        }
    }

    /// Whether an entry, whose number is one of this life's, has left the history.
    pub(crate) fn has_expired(&mut self, sequence: u64, topic: &str, now: u64) -> bool {
        self.topics.forget_ended(usize::MAX, now, &self.readers);
        // A topic that is not known has been forgotten, with all it had.
        let Some(key) = self.known(topic) else { return true };
        self.topics.expire(key, now);
        let sequence = self.base + sequence;
        match self.topics[key].end {
            // The end stays as long as the topic; what came too late is of no use.
            Some(end) if sequence >= end.sequence => sequence > end.sequence,
            _ => sequence <= self.topics[key].expired_through(),
        }
    }

    /// Takes what another process wrote by [`write_topic`](Self::write_topic), if it is of events that this one has not seen.
    pub(crate) fn restore_topic(&mut self, topic: &str, state: &[u8]) -> Result<(), Error> {
        if topic == NOTICES {
            return Ok(());
        }
        let lost = IntervalSet::decode(self.base, state).ok_or_else(|| {
            Error::new(
                ErrorKind::StoreFormat,
                "store",
                "has counts of a topic that are none: remove it to begin anew",
            )
        })?;
        if lost.last() <= self.head {
            return Ok(());
        }
        if lost.len() == 0 && self.known(topic).is_none() {
            // Nothing is known of it but that: it was forgotten.
            self.topics.note_forgotten(topic, lost.last());
        } else {
            self.topics.restore(topic, lost);
        }
        Ok(())
    }

    /// Writes what is known of a topic's events that are gone. Returns false if the topic is not known.
    pub(crate) fn write_topic(&self, topic: &str, out: &mut Vec<u8>) -> bool {
        if topic == NOTICES {
            // Notices have no history: that some are gone is no loss.
            IntervalSet::default().encode(self.base, out);
            return true;
        }
        let forgotten = self.topics.forgotten_through(topic).map(IntervalSet::forgotten);
        let lost = self.known(topic).map(|key| self.topics[key].lost()).or(forgotten.as_ref());
        lost.inspect(|lost| lost.encode(self.base, out)).is_some()
    }

    /// Whether something has to be known of a topic.
    pub(crate) fn has_topic(&self, topic: &str) -> bool {
        self.is_open(topic) || self.topics.forgotten_through(topic).is_some()
    }

    /// Whether an entry of this topic makes no new one.
    pub(crate) fn is_open(&self, topic: &str) -> bool {
        topic == NOTICES || self.known(topic).is_some()
    }

    /// A topic that is not forgotten.
    fn known(&self, topic: &str) -> Option<TopicKey> {
        self.topics.key(topic).filter(|key| !self.topics[*key].end.is_some_and(|end| end.is_forgotten))
    }

    /// Whether a last event ID is one of this life's events, or stands for one that is kept.
    pub(crate) fn knows(&self, id: &str) -> bool {
        let is_own = |sequence| sequence <= self.published_in_life();
        self.topics.knows_id(id) || matches!(self.epoch.origin(id), Origin::Own(sequence) if is_own(sequence))
    }

    /// Where a subscriber goes on whose place is one of an earlier life.
    pub(crate) fn begin_again(&mut self, reader: usize, set: &TopicSet, now: u64) -> Beginning {
        set.keys().iter().for_each(|key| self.topics.expire(*key, now));
        self.begin(reader, set, self.base, Known::Not(ResetReason::Epoch))
    }
}
