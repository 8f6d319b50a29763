//! Where a subscriber begins: where its client left, or with as much of the history as it asks for.

use crate::epoch::Origin;
use crate::log::Log;
use crate::reset::{Reset, ResetReason};
use crate::subscription::{Replay, Subscription};
use crate::topic_set::{TopicKey, TopicSet};

/// Where a subscriber begins.
pub(crate) struct Beginning {
    /// It gets what is after this.
    pub(crate) cursor: u64,
    /// The topics of which it gets less, in order, and what that is after.
    pub(crate) joined: Vec<(TopicKey, u64)>,
    /// What it has lost.
    pub(crate) reset: Option<Reset>,
}

/// What is known of the client of a subscriber that begins.
#[derive(Clone, Copy)]
pub(crate) enum Known {
    /// It has everything up to its place.
    Place,
    /// It has nothing, so that nothing is lost for it.
    New,
    /// What it has is not known, for this reason.
    Not(ResetReason),
}

impl Log {
    /// Where a subscriber begins, by its last event ID or the replay that it asks for, and what it has lost by then.
    pub(crate) fn resume(
        &mut self,
        reader: usize,
        set: &TopicSet,
        subscription: &Subscription<'_>,
        now: u64,
    ) -> Beginning {
        let keys = set.keys();
        keys.iter().for_each(|key| self.topics.expire(*key, now));
        // The ids of a private stream are the application's own.
        let id = subscription.last_event_id.filter(|id| !id.is_empty() && !keys.is_empty());
        let (place, known) = match id.map(|id| self.position(id, set)) {
            None => (self.replay_after(set, subscription.replay), Known::New),
            Some(Ok(sequence)) => (sequence, Known::Place),
            // All that this life of the hub still has is new to a client of another one.
            Some(Err(ResetReason::Epoch)) => (self.base, Known::Not(ResetReason::Epoch)),
            // What an unknown client has seen is unknown: a replay could repeat it.
            Some(Err(reason)) => (self.head, Known::Not(reason)),
        };
        self.begin(reader, set, place, known)
    }

    /// The place after which topics have the events of a replay.
    fn replay_after(&self, set: &TopicSet, replay: Replay) -> u64 {
        let wanted = match replay {
            Replay::All => return self.base,
            Replay::Last(0) => return self.head,
            Replay::Last(wanted) => wanted,
        };
        // The greatest number after which there are enough, by halves: the work grows with the topics, not with their events.
        let there_are_enough = |after| {
            let kept = |key: &TopicKey| self.topics[*key].kept_after(after);
            set.keys().iter().map(kept).sum::<usize>() >= wanted
        };
        let (mut place, mut beyond) = (self.base, self.head);
        while place + 1 < beyond {
            let middle = place.midpoint(beyond);
            if there_are_enough(middle) {
                place = middle;
            } else {
                beyond = middle;
            }
        }
        place
    }

    /// Where a subscriber begins that has a place, of which the log knows so much.
    pub(crate) fn begin(&mut self, reader: usize, set: &TopicSet, place: u64, known: Known) -> Beginning {
        let keys = set.keys();
        // Each topic goes on with the oldest event that it has: a busy one withholds nothing of a quiet one.
        let expired = |key: &TopicKey| Some((*key, self.topics[*key].expired_through()));
        let mut joined: Vec<_> =
            keys.iter().filter_map(expired).filter(|(_, expired)| *expired > place).collect();
        let reset = match known {
            Known::Not(reason) => Some(Reset { reason, missed: None }),
            Known::Place if !joined.is_empty() => {
                let missed =
                    joined.iter().map(|(key, expired)| self.topics[*key].count(place, *expired)).sum();
                Some(Reset { reason: ResetReason::Expired, missed })
            }
            Known::Place | Known::New => None,
        };
        let mut cursor = place;
        if !joined.is_empty() {
            // The last number before what is there. A client that is cut right after the reset event comes back with
            // it, and is told again of what it lost behind it, if that stands between what it has still to get.
            let next = |key: &TopicKey| {
                let topic = &self.topics[*key];
                topic.after(place.max(topic.expired_through())).next().map(|entry| entry.sequence)
            };
            cursor = keys.iter().filter_map(next).min().map_or(self.head, |next| next - 1);
            joined.retain(|(_, expired)| *expired > cursor);
        }
        if cursor < self.head {
            keys.iter().for_each(|key| self.topics[*key].replay_begins());
        }
        self.readers.hold(reader, cursor);
        Beginning { cursor, joined, reset }
    }

    /// The place of an id that means something in these topics.
    fn position(&self, id: &str, set: &TopicSet) -> Result<u64, ResetReason> {
        if let Some(sequence) = self.topics.find(id, set) {
            return Ok(sequence);
        }
        match self.epoch.origin(id) {
            Origin::Own(sequence) if sequence <= self.published_in_life() => Ok(self.base + sequence),
            Origin::Own(_) | Origin::Foreign => Err(ResetReason::Unknown),
            Origin::OtherEpoch => Err(ResetReason::Epoch),
        }
    }
}
