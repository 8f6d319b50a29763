use std::time::Duration;

use crate::batch::Batch;
use crate::beginning::Beginning;
use crate::hold::Hold;
use crate::offer::Offer;
use crate::position::Position;
use crate::private_queue::{PrivateEvent, PrivateQueue};
use crate::registration::Registration;
use crate::stats::Reason;
use crate::sync::{Arc, Ordering};
use crate::topic_set::{TopicKey, TopicSet};

/// One connection's place in the log: a cursor, not a queue.
///
/// The thread that delivers to the connection owns it, and no other thread moves it, through its
/// [`Reader`](crate::Reader). Dropping it unregisters it.
#[derive(Debug)]
pub struct Subscriber {
    pub(crate) registration: Arc<Registration>,
    pub(crate) topics: Arc<TopicSet>,
    /// Everything up to here was handed over, or is not for this subscriber.
    pub(crate) cursor: u64,
    /// How many events of its topics there were up to its place, where that is known: what it misses when it skips is
    /// what was published beyond.
    pub(crate) passed: Option<u64>,
    /// The sequence number in the last id that it was sent.
    pub(crate) last_sent_id: u64,
    /// What is after this was published while it was there: only that counts as lag.
    pub(crate) live_from: u64,
    /// What it was offered, which says whether its client is slow.
    pub(crate) offer: Offer,
    /// When it last took something, and when it was last sent something: milliseconds of the hub's clock.
    pub(crate) progressed_at: u64,
    pub(crate) sent_at: u64,
    /// What is this connection's alone, while there is something.
    pub(crate) private: Option<Box<PrivateQueue>>,
    pub(crate) reason: Reason,
}

impl Subscriber {
    /// A subscriber that was registered just now.
    pub(crate) fn new(
        registration: Arc<Registration>,
        topics: Arc<TopicSet>,
        cursor: u64,
        passed: Option<u64>,
        live_from: u64,
        private: PrivateQueue,
        now: u64,
    ) -> Self {
        Self {
            registration,
            topics,
            cursor,
            passed,
            last_sent_id: cursor,
            live_from,
            progressed_at: now,
            sent_at: now,
            offer: Offer::default(),
            private: Some(Box::new(private)),
            reason: Reason::Client,
        }
    }

    /// Keeps the hub's end from being over, also when this subscriber is gone.
    ///
    /// In a child of the subscriber's process it keeps nothing.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        let hub = &self.registration.hub;
        hub.is_here().then(|| Hold::new(Arc::clone(hub)))
    }

    /// The reason that its end is counted under; [`Reason::Client`] until another is set.
    pub fn set_reason(&mut self, reason: Reason) {
        self.reason = reason;
    }

    /// Why it ends, as far as is known.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// How many bytes that were sent to it alone wait. Events of topics don't count: they wait in the log.
    #[must_use]
    pub fn private_bytes(&self) -> usize {
        self.private.as_ref().map_or(0, |private| private.bytes)
    }

    /// The topics that it reads, for an index of them.
    #[must_use]
    pub fn topics(&self) -> &[TopicKey] {
        self.topics.keys()
    }

    /// The sequence number up to which everything was handed over.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The head of the log when it was registered: what it gets of what was published before is a replay.
    #[must_use]
    pub fn live_from(&self) -> u64 {
        self.live_from
    }

    /// Whether there is nothing for it up to a sequence number, nor any frame of its own.
    #[must_use]
    pub fn is_past(&self, sequence: u64) -> bool {
        (self.cursor >= sequence || self.is_private()) && self.private.is_none()
    }

    /// A private stream has no topics, and so no place in the log: its ids are the application's own.
    pub(crate) fn is_private(&self) -> bool {
        self.topics.keys().is_empty()
    }

    pub(crate) fn private_mut(&mut self) -> &mut PrivateQueue {
        self.private.get_or_insert_default()
    }

    pub(crate) fn position(&self) -> Position<'_> {
        let joined = self.private.as_ref().map_or(&[][..], |private| &private.joined);
        Position::new(&self.topics, joined, self.cursor)
    }

    /// Moves it past events that it was handed, the last one of which has the number `last`.
    pub(crate) fn move_past(&mut self, through: u64, last: u64, events: u32) {
        (self.cursor, self.last_sent_id) = (through, last);
        self.passed = self.passed.map(|passed| passed + u64::from(events));
    }

    /// Takes what is this connection's alone and due.
    pub(crate) fn private_batch(&mut self) -> Option<Batch> {
        let private = self.private.as_deref_mut().filter(|private| private.waits())?;
        let hub = &*self.registration.hub;
        // Rarely, as it needs the log.
        let has_place = (private.greet || private.reset.is_some()) && !self.topics.keys().is_empty();
        let id = if has_place { hub.log().id(self.cursor) } else { None };
        let before = private.bytes;
        let (batch, last_sent_id) = private.batch(&hub.config, &hub.counters, self.cursor, id.as_deref())?;
        self.offer.take_private(before - private.bytes);
        if last_sent_id {
            self.last_sent_id = self.cursor;
        }
        if !private.waits()
            && private.end.is_none()
            && !self.is_private()
            && hub.log().is_over(self.position())
        {
            // It may be asked no more: there is nothing that it would be woken for.
            self.finish();
        }
        Some(batch)
    }

    /// Ends it for good, as all of its topics have ended and it has everything. Returns false if it ends anyway.
    pub(crate) fn finish(&mut self) -> bool {
        let cursor = self.cursor;
        let private = self.private_mut();
        let is_ending = private.end.is_some() || private.said_farewell;
        if !is_ending {
            private.end = Some(cursor);
            private.push(PrivateEvent::final_block(cursor));
            self.reason = Reason::Server;
        }
        !is_ending
    }

    /// Begins again in another life of the log: its client is told so, and gets what that has.
    pub(crate) fn begin_again(&mut self) {
        let Registration { hub, reader } = &*self.registration;
        let now = hub.now();
        let mut log = hub.log();
        let Beginning { cursor, joined, reset } = log.begin_again(*reader, &self.topics, now);
        let passed = log.count_passed(Position::new(&self.topics, &joined, cursor));
        let head = log.head();
        drop(log);
        (self.cursor, self.passed, self.live_from) = (cursor, passed, head);
        let private = self.private_mut();
        (private.joined, private.reset) = (joined, reset);
    }

    /// Counts a batch as handed over at a time.
    pub(crate) fn hand_over(&mut self, batch: Batch, now: u64) -> Batch {
        let hub = &self.registration.hub;
        hub.counters.delivered.fetch_add(u64::from(batch.events()), Ordering::Relaxed);
        hub.counters.bytes.fetch_add(batch.len() as u64, Ordering::Relaxed);
        (self.progressed_at, self.sent_at) = (now, now);
        self.tidy();
        batch
    }

    /// When it is due for a heartbeat if nothing is sent to it before; `None` if heartbeats are off.
    #[must_use]
    pub fn heartbeat_at(&self) -> Option<Duration> {
        let interval = self.registration.hub.config.heartbeat?;
        Some(Duration::from_millis(self.sent_at).saturating_add(interval))
    }

    /// Makes the heartbeat of a subscriber which [`next`](crate::Reader::next) has nothing for. When the log moved on
    /// without an event for it, the heartbeat carries the new cursor: a client of a quiet topic resumes from
    /// there, though its last event may be long expired.
    pub fn heartbeat(&mut self) -> Batch {
        let now = self.registration.hub.now();
        (self.progressed_at, self.sent_at) = (now, now);
        // A cursor that overtook a reset event which still waits would hide the loss.
        let waits = self.private.as_ref().is_some_and(|private| private.waits());
        if waits || self.is_private() || self.cursor <= self.last_sent_id {
            return self.registration.hub.heartbeat.clone();
        }
        self.last_sent_id = self.cursor;
        let Some(id) = self.registration.hub.log().id(self.cursor) else {
            return self.registration.hub.heartbeat.clone();
        };
        Batch::join(&[format!("id: {id}\n\n")], 0)
    }

    /// Notes that its client took some bytes, though perhaps not all it was given.
    pub fn progress(&mut self) {
        self.progressed_at = self.registration.hub.now();
    }

    /// Notes that it takes nothing until it [goes on](Self::go_on); if it is `full`, it was offered everything up to the
    /// round's head.
    pub(crate) fn stop(&mut self, full: bool, head: u64) {
        let now = self.registration.hub.now();
        if full {
            let (cursor, private) = (self.cursor, self.private_bytes());
            self.offer.renew(cursor, cursor.max(head), private, now);
        }
        self.offer.stop(full, now);
        if let Some(private) = &mut self.private {
            private.offered();
        }
    }

    /// Notes that it takes again.
    pub fn go_on(&mut self) {
        let now = self.registration.hub.now();
        self.offer.go_on(now);
        self.progressed_at = now;
    }

    /// Frees what is no longer needed, so that an idle connection is its cursor and nothing else.
    pub(crate) fn tidy(&mut self) {
        if let Some(private) = &mut self.private {
            private.joined.retain(|(_, at)| *at > self.cursor);
            if !private.is_needed() {
                self.private = None;
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.registration.unregister(&self.topics, self.reason);
    }
}
