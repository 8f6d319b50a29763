use std::collections::VecDeque;

use bytes::Bytes;

use crate::reader::Registration;
use crate::stats::Reason;
use crate::sync::Arc;
use crate::topic_set::{TopicKey, TopicSet};

/// One connection's place in the log: a cursor, not a queue.
///
/// Whoever delivers to the connection owns it, and only that one thread moves it, through its
/// [`Reader`](crate::Reader). Dropping it unregisters it.
#[derive(Debug)]
pub struct Subscriber {
    pub(crate) registration: Arc<Registration>,
    pub(crate) topics: Arc<TopicSet>,
    /// Everything up to here was handed over, or is not for this subscriber.
    pub(crate) cursor: u64,
    /// The sequence number in the last id that it was sent.
    pub(crate) named: u64,
    /// What is after this was published while it was there: only that counts as lag.
    pub(crate) live_from: u64,
    /// When it last took something, and when it was last sent something: milliseconds of the hub's clock.
    pub(crate) progressed_at: u64,
    pub(crate) sent_at: u64,
    /// What is this connection's alone, while there is something.
    pub(crate) own: Option<Box<Own>>,
    pub(crate) reason: Reason,
}

/// What one connection has besides its cursor: rare, and gone again soon.
#[derive(Debug, Default)]
pub(crate) struct Own {
    pub(crate) frames: VecDeque<OwnFrame>,
    pub(crate) bytes: usize,
    /// Topics that it entered while its cursor was behind the head, and the head at that time.
    pub(crate) joined: Vec<(TopicKey, u64)>,
    /// It ends once everything up to this sequence number and all its own frames are out.
    pub(crate) end: Option<u64>,
    pub(crate) said_farewell: bool,
}

/// A frame for one connection alone.
#[derive(Debug)]
pub(crate) struct OwnFrame {
    /// It follows the events up to this sequence number, and goes before those after it.
    pub(crate) after: u64,
    pub(crate) frame: Bytes,
    pub(crate) events: u32,
}

/// Where a subscriber is, for questions to the log.
#[derive(Clone, Copy)]
pub(crate) struct Position<'a> {
    pub(crate) topics: &'a TopicSet,
    joined: &'a [(TopicKey, u64)],
    pub(crate) cursor: u64,
}

impl Position<'_> {
    /// The sequence number up to which a topic is done.
    pub(crate) fn of(&self, topic: TopicKey) -> u64 {
        let joined = self.joined.iter().find(|(joined, _)| *joined == topic);
        joined.map_or(self.cursor, |(_, at)| self.cursor.max(*at))
    }
}

impl Subscriber {
    /// The reason that its end is counted under; [`Reason::Client`] until another is set.
    pub fn set_reason(&mut self, reason: Reason) {
        self.reason = reason;
    }

    /// Why it ends, as far as is known.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// How many bytes of its own frames wait. Events of topics don't count: they wait in the log.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        self.own.as_ref().map_or(0, |own| own.bytes)
    }

    /// The topics that it reads, for whoever keeps an index of them.
    #[must_use]
    pub fn topics(&self) -> &[TopicKey] {
        self.topics.keys()
    }

    /// The sequence number up to which everything was handed over.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Whether there is nothing for it up to a sequence number, nor any frame of its own.
    #[must_use]
    pub fn is_past(&self, sequence: u64) -> bool {
        self.cursor >= sequence && self.own.is_none()
    }

    pub(crate) fn own_mut(&mut self) -> &mut Own {
        self.own.get_or_insert_default()
    }

    pub(crate) fn position(&self) -> Position<'_> {
        let joined = self.own.as_ref().map_or(&[][..], |own| &own.joined);
        Position { topics: &self.topics, joined, cursor: self.cursor }
    }

    pub(crate) fn push(&mut self, after: u64, frame: Bytes, events: u32) {
        let own = self.own_mut();
        own.bytes += frame.len();
        own.frames.push_back(OwnFrame { after, frame, events });
    }

    /// Frees what is no longer needed, so that an idle connection is its cursor and nothing else.
    pub(crate) fn tidy(&mut self) {
        let cursor = self.cursor;
        if let Some(own) = &mut self.own {
            own.joined.retain(|(_, at)| *at > cursor);
            if own.frames.is_empty() && own.joined.is_empty() && own.end.is_none() && !own.said_farewell {
                self.own = None;
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.registration.unregister(&self.topics, self.reason);
    }
}
