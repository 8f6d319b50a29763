use std::collections::{HashMap, VecDeque};

use crate::clock::millis;
use crate::config::History;
use crate::frame::Frame;
use crate::interest::Interest;
use crate::interval_set::IntervalSet;
use crate::readers::Passed;
use crate::sync::Arc;
use crate::topic_end::End;
use crate::topic_set::TopicKey;

/// A ring keeps room for so many events at least, while the topic is in use.
const SPARE_PLACES: usize = 4;

/// The ids that publishers gave, while their events are in the history.
pub(crate) type Ids = HashMap<Arc<str>, (TopicKey, u64)>;

/// One topic's part of the log: a ring of its newest events.
///
/// The ring has two parts. The newer one is the history, within the caps. The older one is past the caps and is
/// there only for live subscribers that are not past it yet; no client can resume in it.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    ring: VecDeque<Entry>,
    /// How many entries at the front are past the caps.
    expired: usize,
    /// Every sequence number that is past the caps, whether its frame is gone or not.
    lost: IntervalSet,
    /// The greatest sequence number of a frame that is gone.
    dropped: u64,
    /// All bytes that were ever published.
    published_bytes: u64,
    /// `published_bytes` at the last time that a subscriber began with a replay.
    replay_began: u64,
    /// What the events of the history cost, and those of the whole ring: bytes of memory.
    kept_cost: u64,
    held_cost: u64,
    /// When its oldest event is due to leave the history by age, if the topic stands among those that time passes for.
    pub(crate) due: Option<u64>,
    /// It stands among those that hold events past the caps.
    pub(crate) holds: bool,
    /// It has ended. That is no event, so it is not in the ring.
    pub(crate) end: Option<End>,
    /// The readers that have subscribers of this topic: few, one for each delivery thread.
    pub(crate) interest: Vec<Interest>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) frame: Frame,
    /// The topic's bytes up to the end of this frame.
    end: u64,
    at: u64,
    /// When past the caps: what the topic's `replay_began` was then. No later replay wants this frame.
    replay_began: u64,
    /// The id that the publisher gave, if it gave one and the event is in the history.
    id: Option<Arc<str>>,
}

impl Entry {
    fn start(&self) -> u64 {
        self.end - self.frame.len() as u64
    }

    /// What it costs, apart from the id: bytes of memory.
    fn cost(&self) -> u64 {
        self.frame.len() as u64 + History::EVENT_COST as u64
    }

    fn id_cost(&self) -> u64 {
        self.id.as_ref().map_or(0, |id| (id.len() + History::ID_COST) as u64)
    }
}

impl Topic {
    /// A topic of whose past up to the sequence number `forgotten` nothing is known.
    pub(crate) fn new(name: Arc<str>, forgotten: u64) -> Self {
        Self {
            name,
            ring: VecDeque::new(),
            expired: 0,
            lost: IntervalSet::forgotten(forgotten),
            dropped: 0,
            published_bytes: 0,
            replay_began: 0,
            kept_cost: 0,
            held_cost: 0,
            due: None,
            holds: false,
            end: None,
            interest: Vec::new(),
        }
    }

    pub(crate) fn append(&mut self, sequence: u64, at: u64, frame: Frame, id: Option<Arc<str>>) {
        self.published_bytes += frame.len() as u64;
        let entry = Entry { sequence, frame, end: self.published_bytes, at, replay_began: 0, id };
        let cost = entry.cost() + entry.id_cost();
        self.kept_cost += cost;
        self.held_cost += cost;
        if self.ring.len() == self.ring.capacity() {
            // By a quarter, not to the double: most of what a small event costs is its place here.
            self.ring.reserve_exact(self.ring.len() / 4 + SPARE_PLACES);
        }
        self.ring.push_back(entry);
    }

    /// Takes what another process knows of events that are gone, of which this one has not seen all.
    pub(crate) fn restore(&mut self, lost: IntervalSet, ids: &mut Ids) {
        self.remove_through(lost.last(), ids);
        self.dropped = lost.last();
        if self.end.is_some_and(|end| end.sequence < lost.last()) {
            // These events came when it had been forgotten.
            self.end = None;
        }
        self.lost = lost;
    }

    /// Forgets everything: the log has another life, and of this one nothing is known up to a number.
    pub(crate) fn begin_anew(&mut self, forgotten: u64, ids: &mut Ids) {
        self.remove_through(u64::MAX, ids);
        self.dropped = forgotten;
        self.lost = IntervalSet::forgotten(forgotten);
        self.end = None;
    }

    fn remove_through(&mut self, sequence: u64, ids: &mut Ids) {
        while self.ring.front().is_some_and(|oldest| oldest.sequence <= sequence) {
            let Some(oldest) = self.ring.pop_front() else { break };
            self.held_cost -= oldest.cost() + oldest.id_cost();
            if self.expired > 0 {
                self.expired -= 1;
            } else {
                self.kept_cost -= oldest.cost() + oldest.id_cost();
            }
            if let Some(id) = oldest.id {
                ids.remove(&id);
            }
        }
    }

    /// What is known of the events that are gone.
    pub(crate) fn lost(&self) -> &IntervalSet {
        &self.lost
    }

    /// Whether the oldest event of the history is past the caps.
    pub(crate) fn is_past(&self, now: u64, caps: &History) -> bool {
        let keeps = |cap: Option<usize>, value: u64| cap.is_none_or(|cap| value <= cap as u64);
        self.oldest_at().is_some_and(|at| {
            !keeps(caps.events, self.history() as u64)
                || !keeps(caps.bytes, self.kept_cost)
                || caps.age.is_some_and(|cap| now.saturating_sub(at) > millis(cap))
        })
    }

    /// Moves what is past the caps out of the history, and its ids out of the index.
    pub(crate) fn expire(&mut self, now: u64, caps: &History, ids: &mut Ids) {
        while self.is_past(now, caps) {
            let oldest = &mut self.ring[self.expired];
            oldest.replay_began = self.replay_began;
            self.lost.push(oldest.sequence);
            self.held_cost -= oldest.id_cost();
            self.kept_cost -= oldest.cost() + oldest.id_cost();
            if let Some(id) = oldest.id.take() {
                ids.remove(&id);
            }
            self.expired += 1;
        }
    }

    /// Lets go of expired frames that every live subscriber is past, or that only one over its lag limit could
    /// still want. `passed` is what all live subscribers are past. The limit is `most` bytes; `few` for those whose
    /// reader is no longer waited for.
    ///
    /// The second bound needs no look at any subscriber: one that still wants a frame lags by all that was
    /// published after both that frame and its own beginning, and it began before the frame left the history. So
    /// memory is bounded even if no reader ever reads: by the history as it was, the lag limit, and one event.
    pub(crate) fn drop_expired(&mut self, passed: Passed, few: u64, most: u64) {
        while self.expired > 0 {
            let Some(oldest) = self.ring.front() else { break };
            let lag = self.published_bytes - oldest.end.max(oldest.replay_began);
            let is_past = oldest.sequence <= passed.all || (oldest.sequence <= passed.prompt && lag > few);
            if !is_past && lag <= most {
                break;
            }
            self.dropped = oldest.sequence;
            self.expired -= 1;
            self.held_cost -= oldest.cost();
            self.ring.pop_front();
        }
        let needed = self.ring.len().max(SPARE_PLACES);
        if self.ring.capacity() > 4 * needed {
            self.ring.shrink_to(2 * needed);
        }
    }

    /// Gives back the memory of a topic that nothing is published to any more.
    pub(crate) fn rest(&mut self) {
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
            self.lost.shrink();
        }
    }

    /// The events after a sequence number whose frames are there, oldest first.
    pub(crate) fn after(&self, sequence: u64) -> impl Iterator<Item = &Entry> {
        self.ring.range(self.first_after(sequence)..)
    }

    fn first_after(&self, sequence: u64) -> usize {
        self.ring.partition_point(|entry| entry.sequence <= sequence)
    }

    /// Whether a live subscriber at this sequence number has lost a frame.
    pub(crate) fn has_dropped_after(&self, sequence: u64) -> bool {
        self.dropped > sequence
    }

    /// The greatest sequence number that is no longer in the history.
    pub(crate) fn expired_through(&self) -> u64 {
        self.lost.last()
    }

    /// How many events there were after one sequence number and up to another; `None` when that is forgotten.
    pub(crate) fn count(&self, after: u64, through: u64) -> Option<u64> {
        let lost = self.lost.count(after, through)?;
        let index = |sequence| self.first_after(sequence).max(self.expired);
        Some(lost + index(through).saturating_sub(index(after)) as u64)
    }

    /// How many events of the history are after a sequence number.
    pub(crate) fn kept_after(&self, sequence: u64) -> usize {
        self.ring.len() - self.first_after(sequence).max(self.expired)
    }

    /// How many events there were up to a sequence number; `None` when that is forgotten.
    pub(crate) fn count_up_to(&self, sequence: u64) -> Option<u64> {
        if sequence < self.dropped {
            return self.lost.count(0, sequence);
        }
        Some(self.lost.len() + self.first_after(sequence) as u64 - self.expired as u64)
    }

    /// How many events there were.
    pub(crate) fn published(&self) -> u64 {
        self.lost.len() + self.history() as u64
    }

    /// When its oldest event came, if it has one.
    pub(crate) fn oldest_at(&self) -> Option<u64> {
        self.ring.get(self.expired).map(|oldest| oldest.at)
    }

    /// How many bytes were published after a sequence number.
    pub(crate) fn bytes_after(&self, sequence: u64) -> u64 {
        self.bytes_from(self.first_after(sequence))
    }

    fn bytes_from(&self, index: usize) -> u64 {
        self.ring.get(index).map_or(0, |entry| self.published_bytes - entry.start())
    }

    pub(crate) fn replay_begins(&mut self) {
        self.replay_began = self.published_bytes;
    }

    pub(crate) fn add_interest(&mut self, reader: usize) {
        match self.interest.iter_mut().find(|interest| interest.reader == reader) {
            Some(interest) => interest.subscribers += 1,
            None => self.interest.push(Interest { reader, subscribers: 1, changed: false }),
        }
    }

    pub(crate) fn remove_interest(&mut self, reader: usize) {
        let Some(index) = self.interest.iter().position(|interest| interest.reader == reader) else { return };
        self.interest[index].subscribers -= 1;
        if self.interest[index].subscribers == 0 {
            self.interest.swap_remove(index);
        }
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.interest.iter().map(|interest| interest.subscribers).sum()
    }

    /// Nothing was ever published, so that removing the topic loses nothing.
    pub(crate) fn is_untouched(&self) -> bool {
        self.published_bytes == 0 && self.lost.len() == 0 && self.end.is_none()
    }

    /// Removing it loses nothing once no connection has it.
    pub(crate) fn is_of_no_use(&self) -> bool {
        self.is_untouched() || self.end.is_some_and(|end| end.is_forgotten)
    }

    /// The number of events in the history.
    pub(crate) fn history(&self) -> usize {
        self.ring.len() - self.expired
    }

    /// Events past the caps are held for subscribers.
    pub(crate) fn has_expired(&self) -> bool {
        self.expired > 0
    }

    /// What its events cost, those of the history and others, and what is known of those that are gone: bytes of
    /// memory.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held_cost + self.lost.held_bytes() as u64
    }
}
