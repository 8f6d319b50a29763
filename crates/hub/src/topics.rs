use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::mem;
use std::ops::{Index, IndexMut};

use slab::Slab;
use ssecast_codec::{Error, ErrorKind, OptionKey};

use crate::clock::millis;
use crate::config::{Config, History};
use crate::forgotten_topics::ForgottenTopics;
use crate::frame::Frame;
use crate::interval_set::IntervalSet;
use crate::readers::Readers;
use crate::sync::Arc;
use crate::topic::{Ids, Topic};
use crate::topic_name::check_name;
use crate::topic_set::{TopicKey, TopicSet};

/// After a look at all topics found none to remove, the next one waits this long: milliseconds.
const RECLAIM_PAUSE: u64 = 1000;

/// The index of publishers' ids keeps room for so many.
const SPARE_IDS: usize = 64;

/// Every topic of the log: by key, by name, and by the ids that publishers gave.
pub(crate) struct Topics {
    slab: Slab<Topic>,
    names: HashMap<Arc<str>, TopicKey>,
    /// The topic that was published to last, which most often is the next one too: to compare its name costs less than to
    /// look it up.
    latest: Option<TopicKey>,
    ids: Ids,
    /// Topics that were removed had events up to here.
    removed: u64,
    /// Those that have ended, by their names.
    forgotten: ForgottenTopics,
    /// Every topic with a history that ends by age, by the time at which its oldest event leaves.
    due: BinaryHeap<Reverse<(u64, TopicKey)>>,
    /// Every topic that holds events past the caps. Whether one is there for the topic that has its key now, the topic
    /// says.
    holding: VecDeque<TopicKey>,
    /// Every topic that has ended, by the time at which it is forgotten, with the number of its end.
    pub(crate) ends: BinaryHeap<Reverse<(u64, TopicKey, u64)>>,
    /// How long it is kept: milliseconds.
    pub(crate) keep_ended: u64,
    /// Topics that nothing was published to yet: subscriptions made them.
    untouched: usize,
    /// Sums over all topics.
    history_events: u64,
    held_bytes: u64,
    reclaim_at: u64,
    history: History,
    /// The most bytes that may wait for a client which has had its time, and for any.
    lag_limits: (u64, u64),
    limit: usize,
}

impl Topics {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            slab: Slab::new(),
            names: HashMap::new(),
            latest: None,
            ids: HashMap::new(),
            removed: 0,
            forgotten: ForgottenTopics::default(),
            due: BinaryHeap::new(),
            holding: VecDeque::new(),
            ends: BinaryHeap::new(),
            keep_ended: millis(config.keep_ended),
            untouched: 0,
            history_events: 0,
            held_bytes: 0,
            reclaim_at: 0,
            history: config.history,
            lag_limits: (config.slow_client.bytes as u64, config.lag_bound()),
            limit: config.max_topics,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The events in the history of all topics, and the bytes of memory that all of them hold.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.history_events, self.held_bytes)
    }

    pub(crate) fn get_mut(&mut self, key: TopicKey) -> Option<&mut Topic> {
        self.slab.get_mut(key.index())
    }

    pub(crate) fn key(&self, name: &str) -> Option<TopicKey> {
        self.names.get(name).copied()
    }

    /// Whether connections read a topic.
    pub(crate) fn is_read(&self, name: &str) -> bool {
        self.key(name).is_some_and(|key| !self[key].interest.is_empty())
    }

    /// The topic of a name for a subscriber, made if there is none. A quarter of the topics is left to those that are
    /// published to: what strangers subscribe to can't keep the application from publishing.
    pub(crate) fn open_for_subscriber(&mut self, name: &str, now: u64) -> Result<TopicKey, Error> {
        let limit = self.limit - self.limit / 4;
        if self.untouched >= limit && self.key(name).is_none() {
            check_name(name)?;
            let problem =
                format!("would be one more than the {limit} without an event that there is room for");
            return Err(self.too_many(problem));
        }
        self.open(name, now)
    }

    fn too_many(&self, problem: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::TooManyTopics, "topic", problem)
            .with_limit(OptionKey::MaxTopics, self.limit as u64)
    }

    /// The topic of a name, made if there is none.
    pub(crate) fn open(&mut self, name: &str, now: u64) -> Result<TopicKey, Error> {
        Ok(self.admit(name, now)?.unwrap_or_else(|| self.make(name)))
    }

    /// The topic of a name, if there is one. Refuses a topic for which there is no room; it is not made.
    pub(crate) fn admit(&mut self, name: &str, now: u64) -> Result<Option<TopicKey>, Error> {
        let is_named = |key: &TopicKey| self.slab.get(key.index()).is_some_and(|topic| *topic.name == *name);
        if let Some(key) = self.latest.filter(is_named).or_else(|| self.key(name)) {
            self.latest = Some(key);
            self.renew_if_due(key, now);
            return Ok(Some(key));
        }
        check_name(name)?;
        if self.slab.len() >= self.limit {
            self.reclaim(now);
            if self.slab.len() >= self.limit {
                return Err(self.too_many("would be one too many"));
            }
        }
        Ok(None)
    }

    /// The topic of a name, made if there is none, however many there are: another process has published to it.
    pub(crate) fn open_anyway(&mut self, name: &str) -> TopicKey {
        self.key(name).unwrap_or_else(|| self.make(name))
    }

    fn make(&mut self, name: &str) -> TopicKey {
        let unknown = self.removed.max(self.forgotten.get(name).unwrap_or(0));
        let name: Arc<str> = name.into();
        let key = TopicKey::new(self.slab.insert(Topic::new(Arc::clone(&name), unknown)));
        self.names.insert(name, key);
        self.untouched += 1;
        key
    }

    /// Takes what another process knows of a topic's events that are gone.
    pub(crate) fn restore(&mut self, name: &str, lost: IntervalSet) {
        let key = self.open_anyway(name);
        self.change(key, |topic, ids| topic.restore(lost, ids));
    }

    /// Forgets every event: nothing is known of what topics had up to a number. Returns the topics.
    pub(crate) fn begin_anew(&mut self, forgotten: u64) -> Vec<TopicKey> {
        self.removed = forgotten;
        self.forgotten.clear();
        let keys: Vec<_> = self.slab.iter().map(|(index, _)| TopicKey::new(index)).collect();
        for key in &keys {
            self.change(*key, |topic, ids| topic.begin_anew(forgotten, ids));
        }
        keys
    }

    /// Whether an event in the history has a publisher's id, whichever topic it is in.
    pub(crate) fn knows_id(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Whether an event in the history has a publisher's id.
    pub(crate) fn has_id(&mut self, id: &str, now: u64) -> bool {
        let Some((key, _)) = self.ids.get(id).copied() else { return false };
        self.expire(key, now);
        self.ids.contains_key(id)
    }

    /// The sequence number of the event in the history of one of these topics that has a publisher's id. Their events
    /// must have been expired before. Nothing is learnt of other topics: not that the id is there, nor where.
    pub(crate) fn find(&self, id: &str, set: &TopicSet) -> Option<u64> {
        let (key, sequence) = self.ids.get(id)?;
        set.contains(*key).then_some(*sequence)
    }

    /// Appends a frame to a topic.
    pub(crate) fn append(&mut self, key: TopicKey, sequence: u64, now: u64, frame: Frame, id: Option<&str>) {
        let id: Option<Arc<str>> = id.map(Into::into);
        if let Some(id) = &id {
            self.ids.insert(Arc::clone(id), (key, sequence));
        }
        self.change(key, |topic, _| topic.append(sequence, now, frame, id));
    }

    /// Changes a topic, and the sums with it.
    pub(crate) fn change(&mut self, key: TopicKey, change: impl FnOnce(&mut Topic, &mut Ids)) {
        let topic = &mut self.slab[key.index()];
        let before = (topic.history() as u64, topic.held_bytes());
        let was_untouched = topic.is_untouched();
        change(topic, &mut self.ids);
        self.untouched = self.untouched + usize::from(topic.is_untouched()) - usize::from(was_untouched);
        self.history_events = self.history_events + topic.history() as u64 - before.0;
        self.held_bytes = self.held_bytes + topic.held_bytes() - before.1;
    }

    /// Moves what is past the caps out of a topic's history.
    pub(crate) fn expire(&mut self, key: TopicKey, now: u64) {
        self.leave_history(key, now);
        self.note_held(key);
    }

    fn leave_history(&mut self, key: TopicKey, now: u64) {
        let history = self.history;
        if !self.slab[key.index()].is_past(now, &history) {
            return;
        }
        self.change(key, |topic, ids| topic.expire(now, &history, ids));
        if self.ids.capacity() > 4 * self.ids.len().max(SPARE_IDS) {
            self.ids.shrink_to(2 * self.ids.len());
        }
    }

    /// Has time pass for a topic that holds events past the caps.
    fn note_held(&mut self, key: TopicKey) {
        let topic = &mut self.slab[key.index()];
        if topic.has_expired() && !mem::replace(&mut topic.holds, true) {
            self.holding.push_back(key);
        }
    }

    /// Expires a topic's events, and lets go of those that no subscriber waits for.
    pub(crate) fn trim(&mut self, key: TopicKey, now: u64, readers: &Readers) {
        self.leave_history(key, now);
        let (few, most) = self.lag_limits;
        if self.slab[key.index()].has_expired() {
            self.change(key, |topic, _| topic.drop_expired(readers.passed(&topic.interest, now), few, most));
            self.note_held(key);
        }
        let topic = &mut self.slab[key.index()];
        if let (None, Some(age), Some(at)) = (topic.due, self.history.age, topic.oldest_at()) {
            let due = at.saturating_add(millis(age));
            topic.due = Some(due);
            self.due.push(Reverse((due, key)));
        }
    }

    /// Does what time and the readers' progress have made due, for at most `count` topics: topics that nothing is
    /// published to any more are emptied too, at a cost that does not depend on how many topics there are.
    pub(crate) fn tidy(&mut self, count: usize, now: u64, readers: &Readers) {
        for _ in 0..count {
            let Some(&Reverse((due, key))) = self.due.peek() else { break };
            if due >= now {
                break;
            }
            self.due.pop();
            // Another topic may have the key by now.
            let Some(topic) = self.slab.get_mut(key.index()).filter(|topic| topic.due == Some(due)) else {
                continue;
            };
            topic.due = None;
            self.trim(key, now, readers);
            self.change(key, |topic, _| topic.rest());
        }
        for _ in 0..count.min(self.holding.len()) {
            let Some(key) = self.holding.pop_front() else { break };
            let Some(topic) = self.slab.get_mut(key.index()).filter(|topic| topic.holds) else { continue };
            topic.holds = false;
            self.trim(key, now, readers);
        }
        self.forget_ended(count, now, readers);
        if self.holding.capacity() > 4 * self.holding.len().max(SPARE_IDS) {
            self.holding.shrink_to(2 * self.holding.len());
        }
    }

    /// Removes the topics that have no subscriber and no history left. What they lost is remembered for
    /// all topics together: a client that comes back to one is told that it may have missed events.
    fn reclaim(&mut self, now: u64) {
        if now < self.reclaim_at {
            return;
        }
        let before = self.slab.len();
        for index in 0..self.slab.capacity() {
            let key = TopicKey::new(index);
            if self.slab.get(index).is_none_or(|topic| !topic.interest.is_empty() || topic.has_ended()) {
                continue;
            }
            self.expire(key, now);
            if self.slab[index].history() == 0 {
                self.remove(key);
            }
        }
        if self.slab.len() == before {
            self.reclaim_at = now.saturating_add(RECLAIM_PAUSE);
        }
    }

    pub(crate) fn remove(&mut self, key: TopicKey) {
        let topic = self.slab.remove(key.index());
        self.untouched -= usize::from(topic.is_untouched());
        self.held_bytes -= topic.held_bytes();
        self.names.remove(&topic.name);
        let last = topic.expired_through();
        if topic.is_of_no_use() && last > self.removed {
            self.note_forgotten(&topic.name, last);
        } else {
            self.removed = self.removed.max(last);
        }
    }

    /// Remembers that a topic which has ended had events up to a number.
    pub(crate) fn note_forgotten(&mut self, name: &str, last: u64) {
        self.removed = self.removed.max(self.forgotten.note(name, last));
    }

    /// Up to where a topic had events that has ended and is forgotten.
    pub(crate) fn forgotten_through(&self, name: &str) -> Option<u64> {
        self.forgotten.get(name)
    }
}

impl Index<TopicKey> for Topics {
    type Output = Topic;

    fn index(&self, key: TopicKey) -> &Topic {
        &self.slab[key.index()]
    }
}

impl IndexMut<TopicKey> for Topics {
    fn index_mut(&mut self, key: TopicKey) -> &mut Topic {
        &mut self.slab[key.index()]
    }
}
