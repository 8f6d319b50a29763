use std::collections::VecDeque;

use bytes::Bytes;
use ssecast_codec::Event;

use crate::batch::{BATCH_BYTES, Batch};
use crate::clock::millis;
use crate::config::{Config, History};
use crate::finish::FINISHED_ID;
use crate::reset::{Reset, ResetReason};
use crate::stats::Counters;
use crate::sync::{Arc, Ordering};
use crate::topic_set::TopicKey;

/// What one connection has besides its cursor: rare, and gone again soon.
#[derive(Debug, Default)]
pub(crate) struct PrivateQueue {
    /// It has still to be told its reconnection time and its cursor.
    pub(crate) greet: bool,
    /// A loss that it has still to be told of, before it gets anything else.
    pub(crate) reset: Option<Reset>,
    pub(crate) frames: VecDeque<PrivateEvent>,
    pub(crate) bytes: usize,
    /// Topics, in order, of which it gets only what is after a number: those that it entered while its cursor was behind
    /// the head, and those whose history does not go back to the cursor.
    pub(crate) joined: Vec<(TopicKey, u64)>,
    /// It ends once everything up to this sequence number and all its own frames are out.
    pub(crate) end: Option<u64>,
    pub(crate) said_farewell: bool,
}

/// An event for one connection alone, encoded, and its place among the published ones. Made by
/// [`Hub::private`](crate::Hub::private).
#[derive(Debug)]
pub struct PrivateEvent {
    /// It follows the events up to this sequence number, and goes before those after it.
    pub(crate) after: u64,
    pub(crate) frame: Bytes,
    pub(crate) events: u32,
    /// None for a block of the hub's own.
    pub(crate) charge: Option<Charge>,
}

/// What an event for one connection costs its hub while it is there: memory, and a part of the backlog until it is offered.
#[derive(Debug)]
pub(crate) struct Charge {
    counters: Arc<Counters>,
    bytes: u64,
    backlogged: bool,
}

impl Charge {
    pub(crate) fn new(counters: &Arc<Counters>, bytes: usize) -> Self {
        let bytes = bytes as u64;
        counters.private_held.fetch_add(bytes + History::EVENT_COST as u64, Ordering::Relaxed);
        counters.private_backlog.fetch_add(bytes, Ordering::Relaxed);
        Self { counters: Arc::clone(counters), bytes, backlogged: true }
    }

    /// Notes that the event was offered to its client. Returns whether it was not before.
    fn offer(&mut self) -> bool {
        let was = std::mem::take(&mut self.backlogged);
        if was {
            self.counters.private_backlog.fetch_sub(self.bytes, Ordering::Relaxed);
        }
        was
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.offer();
        self.counters.private_held.fetch_sub(self.bytes + History::EVENT_COST as u64, Ordering::Relaxed);
    }
}

impl PrivateEvent {
    /// The last block of a finished stream: an id alone, so that the client dispatches nothing (SPEC 12).
    pub(crate) fn final_block(after: u64) -> Self {
        let id = Some(FINISHED_ID);
        let frame = Event { id, ..Event::default() }.encode().map(Bytes::from).unwrap_or_default();
        Self { after, frame, events: 0, charge: None }
    }

    /// Notes that it was offered to its client. Returns whether it counted to the backlog until then.
    pub(crate) fn offer(&mut self) -> bool {
        self.charge.as_mut().is_some_and(Charge::offer)
    }

    /// How many bytes it has. Never zero.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no event is empty")]
    pub fn len(&self) -> usize {
        self.frame.len()
    }
}

impl PrivateQueue {
    pub(crate) fn push(&mut self, event: PrivateEvent) {
        self.bytes += event.len();
        if self.frames.len() == self.frames.capacity() {
            // By a quarter, not to the double: most of what a small event costs is its place here.
            self.frames.reserve_exact(self.frames.len() / 4 + 1);
        }
        self.frames.push_back(event);
    }

    /// Notes that the client was offered all of it.
    pub(crate) fn offered(&mut self) {
        for event in self.frames.iter_mut().rev() {
            if !event.offer() {
                break;
            }
        }
    }

    /// Joins what is due at a cursor. `id` is the cursor's, if this connection has a place in the log; the answer
    /// says whether the client is told of it.
    pub(crate) fn batch(
        &mut self,
        config: &Config,
        counters: &Counters,
        cursor: u64,
        id: Option<&str>,
    ) -> Option<(Batch, bool)> {
        let (mut frames, mut bytes, mut events, mut told) = (Vec::new(), 0, 0, false);
        let name = config.reset_event.as_deref();
        let reset = self.reset.take().and_then(|reset| Some((name?, reset)));
        if std::mem::take(&mut self.greet) {
            // A client that is cut before the reset event must not have the new cursor yet: it would come back
            // with it and never hear of the loss.
            let id = id.filter(|_| reset.is_none());
            let retry = config.retry.map(millis);
            if retry.is_some() || id.is_some() {
                told = id.is_some();
                frames.extend(Event { retry, id, ..Event::default() }.encode().ok().map(Bytes::from));
            }
        }
        if let Some((name, reset)) = reset {
            told = id.is_some();
            frames.extend(reset.frame(name, id).ok());
            counters.resets[reset.reason as usize].fetch_add(1, Ordering::Relaxed);
        }
        while let Some(next) = self.frames.front() {
            if next.after > cursor || (!frames.is_empty() && bytes + next.frame.len() > BATCH_BYTES) {
                break;
            }
            bytes += next.frame.len();
            events += next.events;
            frames.extend(self.frames.pop_front().map(|next| next.frame));
        }
        self.bytes -= bytes;
        (!frames.is_empty()).then(|| (Batch::join(&frames, events), told))
    }

    /// Gives up what was sent but not taken, for a client that skips. `published` is how many events of its topics
    /// it does not get, where that is known.
    pub(crate) fn skip(&mut self, published: Option<u64>) {
        let sent: u64 = self.frames.drain(..).map(|frame| u64::from(frame.events)).sum();
        self.bytes = 0;
        let missed = published.map(|published| published + sent);
        self.reset = match self.reset.take() {
            None if missed == Some(0) => None,
            None => Some(Reset { reason: ResetReason::Lagged, missed }),
            // It was not told of an earlier loss yet: one event tells it of both.
            Some(Reset { reason, missed: earlier }) => {
                Some(Reset { reason, missed: earlier.zip(missed).map(|(earlier, missed)| earlier + missed) })
            }
        };
    }

    /// Whether something of its own waits for the connection.
    pub(crate) fn waits(&self) -> bool {
        self.greet || self.reset.is_some() || !self.frames.is_empty()
    }

    pub(crate) fn is_needed(&self) -> bool {
        self.waits() || !self.joined.is_empty() || self.end.is_some() || self.said_farewell
    }
}
