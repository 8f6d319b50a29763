//! What becomes of a topic that has ended.

use std::cmp::Reverse;

use ssecast_codec::Error;

use crate::hub::Hub;
use crate::log::Log;
use crate::position::Position;
use crate::readers::{Readers, Wake};
use crate::stored;
use crate::sync::{Arc, Ordering};
use crate::topic::Topic;
use crate::topic_end::End;
use crate::topic_name::check_name;
use crate::topic_set::{TopicKey, TopicSet};
use crate::topics::Topics;

/// A topic that is to be forgotten, and that a connection still reads, is looked at again after so long: milliseconds.
const STILL_READ: u64 = 1000;

impl Hub {
    /// Ends a topic: nothing is published to it any more ([`ErrorKind::TopicEnded`](crate::ErrorKind::TopicEnded)). Its
    /// connections get what is left. Those whose topics have all ended get a last block by which their clients stay away
    /// ([`is_finished`](crate::is_finished)), and end with [`Reason::Server`](crate::Reason::Server). Who comes for it later gets
    /// what the history has of it, and the same end; who has all of it gets no stream
    /// ([`Reader::subscribe`](crate::Reader::subscribe)). After [`Config::keep_ended`](crate::Config::keep_ended) the topic is forgotten: its name is
    /// that of another topic. Ending it twice changes nothing; a topic that was not there is an empty one that has ended.
    ///
    /// ```
    /// use ssecast_hub::{Config, ErrorKind, Event, Hub};
    /// let hub = Hub::new(Config::default())?;
    /// let event = Event { data: Some("the whole answer"), ..Event::default() };
    /// hub.publish("answer-7", &event)?;
    /// hub.end_topic("answer-7")?;
    /// assert_eq!(hub.publish("answer-7", &event).unwrap_err().kind(), ErrorKind::TopicEnded);
    /// # Ok::<(), ssecast_hub::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic), [`ErrorKind::TooManyTopics`](crate::ErrorKind::TooManyTopics),
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), and what a store refuses, for which it waits as
    /// [`publish`](Self::publish) does.
    pub fn end_topic(&self, topic: &str) -> Result<(), Error> {
        let shared = self.here();
        check_name(topic)?;
        if let Some(link) = &shared.store {
            return stored::end_topic(shared, link, topic);
        }
        let now = shared.now();
        let mut log = shared.log();
        shared.refuse_if_closing()?;
        let wakes = log.end_topic(topic, now)?;
        shared.head_hint.store(log.head(), Ordering::Relaxed);
        drop(log);
        wakes.iter().for_each(|wake| wake.wake());
        Ok(())
    }

    /// Ends a topic as [`end_topic`](Self::end_topic) does, and waits for no store: `done` is called with the outcome, once.
    /// Without a store that is before this returns.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic), and [`ErrorKind::BacklogFull`](crate::ErrorKind::BacklogFull)
    /// when too much waits for the store; then `done` is not called.
    pub fn end_topic_then(
        &self,
        topic: &str,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let shared = self.here();
        check_name(topic)?;
        match &shared.store {
            None => done(self.end_topic(topic)),
            Some(link) => {
                stored::end_topic_then(shared, link, topic, Box::new(|ended| done(ended.map(drop))))?;
            }
        }
        Ok(())
    }
}

impl Topic {
    /// Nothing is published to it any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| !end.is_forgotten)
    }

    /// Forgets all of it but that it has ended.
    fn forget(&mut self, ids: &mut crate::topic::Ids) {
        let Some(end) = self.end else { return };
        self.begin_anew(end.sequence, ids);
        self.end = Some(End { is_forgotten: true, ..end });
    }
}

impl Topics {
    /// Ends a topic.
    pub(crate) fn end(&mut self, key: TopicKey, end: End) {
        self.change(key, |topic, _| topic.end = Some(end));
        self.ends.push(Reverse((end.at.saturating_add(self.keep_ended), key, end.sequence)));
    }

    /// Forgets the topics whose time is over, at most `count` of them. One that a connection still reads is kept until then.
    pub(crate) fn forget_ended(&mut self, count: usize, now: u64, readers: &Readers) {
        for _ in 0..count {
            let Some(&Reverse((due, key, sequence))) = self.ends.peek() else { break };
            if due >= now {
                break;
            }
            self.ends.pop();
            // Another topic, or another life of this one, may have the key by now.
            let Some(topic) = self.get_mut(key) else { continue };
            if !topic.end.is_some_and(|end| end.sequence == sequence && !end.is_forgotten) {
                continue;
            }
            if readers.passed(&topic.interest, now).all < sequence {
                self.ends.push(Reverse((now.saturating_add(STILL_READ), key, sequence)));
            } else {
                self.forget(key);
            }
        }
    }

    /// Forgets a topic if its time is over, so that its name is another topic's.
    pub(crate) fn renew_if_due(&mut self, key: TopicKey, now: u64) {
        let Some(end) = self[key].end else { return };
        if end.is_forgotten || now.saturating_sub(end.at) > self.keep_ended {
            self.renew(key);
        }
    }

    /// Begins a topic that has ended anew.
    pub(crate) fn renew(&mut self, key: TopicKey) {
        if self[key].has_ended() {
            self.change(key, Topic::forget);
        }
        self.change(key, |topic, _| topic.end = None);
    }

    fn forget(&mut self, key: TopicKey) {
        self.change(key, Topic::forget);
        if self[key].interest.is_empty() {
            self.remove(key);
        }
    }

    /// Whether an event that was published at a time came too late for its topic: that had ended, and not been forgotten.
    pub(crate) fn is_too_late(&self, key: TopicKey, published_at: u64) -> bool {
        let is_kept = |end: End| published_at <= end.published_at.saturating_add(self.keep_ended);
        self[key].end.is_some_and(|end| !end.is_forgotten && is_kept(end))
    }
}

impl Log {
    /// Ends a topic, which is made if there is none. Returns what has to be woken.
    pub(crate) fn end_topic(&mut self, name: &str, now: u64) -> Result<Vec<Arc<dyn Wake>>, Error> {
        let key = self.topics.open(name, now)?;
        if self.topics[key].has_ended() {
            return Ok(Vec::new());
        }
        let end = End { sequence: self.head + 1, at: now, published_at: 0, is_forgotten: false };
        Ok(self.push_end(key, end, now))
    }

    /// Puts an end behind a topic's events. Returns what has to be woken.
    pub(crate) fn push_end(&mut self, key: TopicKey, end: End, now: u64) -> Vec<Arc<dyn Wake>> {
        let before = self.end();
        self.head = end.sequence;
        self.topics.end(key, end);
        self.readership.end(&self.topics[key].name);
        let topic = &mut self.topics[key];
        let mark = |interest| self.readers.mark(interest, key, before, now);
        let wakes = topic.interest.iter_mut().filter_map(mark).collect();
        self.topics.forget_ended(1, now, &self.readers);
        wakes
    }

    /// Whether a topic has ended, and is not forgotten.
    pub(crate) fn has_ended(&mut self, name: &str, now: u64) -> bool {
        self.topics.key(name).is_some_and(|key| {
            self.topics.renew_if_due(key, now);
            self.topics[key].has_ended()
        })
    }

    /// Whether all of the topics have ended, and there is nothing left to get at a position.
    pub(crate) fn is_over(&self, position: Position<'_>) -> bool {
        let is_over = |key: &TopicKey| {
            let topic = &self.topics[*key];
            let at = position.of(*key);
            topic.end.is_some() && !topic.has_dropped_after(at) && topic.after(at).next().is_none()
        };
        let keys = position.topics.keys();
        !keys.is_empty() && !self.is_of_other_life(position.cursor()) && keys.iter().all(is_over)
    }

    /// Whether all of the topics have ended by a sequence number.
    pub(crate) fn have_ended(&self, set: &TopicSet, through: u64) -> bool {
        let has = |key: &TopicKey| self.topics[*key].end.is_some_and(|end| end.sequence <= through);
        set.keys().iter().all(has)
    }
}
