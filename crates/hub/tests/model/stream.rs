use std::collections::VecDeque;

use ssecast_hub::{Config, Policy, Replay, Subscriber};

use crate::reference::{Loss, Record, Reference, Topics};

/// One connection: the hub's subscriber, and what the reference says it must get.
#[allow(clippy::struct_excessive_bools, reason = "what may be true of a client, each by itself")]
pub(crate) struct Stream {
    pub(crate) subscriber: Subscriber,
    pub(crate) reader: usize,
    pub(crate) topics: Topics,
    /// It got everything of its topics up to here, or was told that it won't.
    pub(crate) position: u64,
    live_from: u64,
    /// The loss that it has to be told of before anything else.
    pub(crate) due: Option<Loss>,
    /// What was sent to it alone: after which event, the text, and the bytes of it that it was not offered yet.
    pub(crate) own: VecDeque<(u64, String, u64)>,
    pub(crate) end: Option<u64>,
    pub(crate) progressed_at: u64,
    pub(crate) stalls: bool,
    /// Since when it stalls, and for how long it did before, since it was last past its mark.
    full: (Option<u64>, u64),
    /// The mark: a sequence number, and how many events of its own are left before it.
    mark: (u64, usize),
    /// Its reader did not look for so long that it was no longer waited for.
    pub(crate) neglected: bool,
    /// It has to be asked in the next round.
    pub(crate) ready: bool,
    pub(crate) farewells: usize,
    tells: bool,
    policy: Policy,
    limits: (u64, u64),
    /// The most that may wait for it at any time.
    bound: u64,
}

/// What a client sees of a stream.
#[derive(Debug)]
pub(crate) enum Seen {
    Event { kind: String, text: String, id: Option<String> },
    Id(String),
}

impl Stream {
    pub(crate) fn new(
        subscriber: Subscriber,
        reader: usize,
        mut topics: Topics,
        (id, replay): (&str, Replay),
        reference: &Reference,
        config: &Config,
    ) -> Self {
        let (position, due) = reference.begin(&mut topics, id, replay);
        let slow = &config.slow_client;
        Self {
            subscriber,
            reader,
            topics,
            position,
            live_from: reference.head(),
            due,
            own: VecDeque::new(),
            end: None,
            progressed_at: reference.now,
            stalls: false,
            full: (None, 0),
            mark: (0, 0),
            neglected: false,
            ready: true,
            farewells: 0,
            tells: config.reset_event.is_some(),
            policy: slow.policy,
            limits: (slow.bytes as u64, u64::try_from(slow.time.as_millis()).expect("a short time")),
            bound: slow.bytes.max(config.max_backlog_bytes) as u64,
        }
    }

    pub(crate) fn pending<'r>(&self, reference: &'r Reference, through: u64) -> Vec<&'r Record> {
        reference.between(&self.topics, self.position, through).collect()
    }

    /// The bytes that were published for it after a sequence number and that it has not got.
    fn published(&self, reference: &Reference, after: u64) -> u64 {
        let after = self.position.max(after);
        reference.between(&self.topics, after, reference.head()).map(|record| record.length).sum()
    }

    pub(crate) fn waiting(&self, reference: &Reference) -> u64 {
        self.published(reference, 0) + self.subscriber.private_bytes() as u64
    }

    /// Whether the hub may have let go of events that it still wants.
    pub(crate) fn may_lose(&self, reference: &Reference) -> bool {
        let lag = self.published(reference, self.live_from);
        lag > self.bound || (self.neglected && lag > self.limits.0)
    }

    /// Begins or ends a stall. `head` is what its reader has looked at.
    pub(crate) fn stall(&mut self, stalls: bool, head: u64, now: u64) {
        self.stalls = stalls;
        if stalls {
            self.renew(head.max(self.subscriber.cursor()), now);
            self.full.0.get_or_insert(now);
            self.own.iter_mut().for_each(|(_, _, backlogged)| *backlogged = 0);
        } else {
            self.full.1 += self.full.0.take().map_or(0, |since| now - since);
            self.progressed_at = now;
        }
    }

    /// Once it has taken what it was offered at its mark, the mark moves on and its time begins anew.
    fn renew(&mut self, head: u64, now: u64) {
        if self.subscriber.cursor() >= self.mark.0 && self.mark.1 == 0 {
            self.mark = (head, self.own.len());
            self.full = (self.full.0.map(|_| now), 0);
        }
    }

    pub(crate) fn is_over(&mut self, reference: &Reference) -> bool {
        self.renew(reference.head(), reference.now);
        let lag = self.published(reference, self.live_from) + self.subscriber.private_bytes() as u64;
        let full = self.full.1 + self.full.0.map_or(0, |since| reference.now - since);
        lag > self.bound
            || reference.now - self.progressed_at > self.limits.1
            || (lag > self.limits.0 && full > self.limits.1)
    }

    pub(crate) fn own_is_over(&self) -> bool {
        self.subscriber.private_bytes() as u64 > self.limits.0
    }

    pub(crate) fn skips(&self) -> bool {
        self.policy == Policy::Skip
    }

    /// The policy `skip`: everything up to the head is missed.
    pub(crate) fn skip(&mut self, reference: &Reference) {
        assert!(self.skips(), "a client skipped though the policy is to disconnect");
        let missed = (self.pending(reference, reference.head()).len() + self.own.len()) as u64;
        self.own.clear();
        self.mark.1 = 0;
        self.position = self.position.max(reference.head());
        self.progressed_at = reference.now;
        match &mut self.due {
            Some(due) => due.missed = due.missed.map(|earlier| earlier + missed),
            None if missed > 0 && self.tells => {
                self.due = Some(Loss { reason: "lagged", missed: Some(missed) });
            }
            None => {}
        }
    }

    /// Checks one thing that the client sees against what it must see. Returns the sequence number of the event, if
    /// it is one of a topic, and the one that its last event ID now stands for, if it was told one.
    pub(crate) fn see(&mut self, seen: &Seen, reference: &Reference) -> (Option<u64>, Option<u64>) {
        match seen {
            Seen::Event { kind, text, id } if kind == "reset" => {
                if text.contains("lagged") && self.due.is_none() {
                    assert!(self.may_lose(reference), "a client skipped that was not over its limit");
                    self.skip(reference);
                }
                let due = self.due.take().unwrap_or_else(|| panic!("a reset event for no reason: {text}"));
                let missed = due.missed.map_or("null".to_owned(), |missed| missed.to_string());
                assert_eq!(*text, format!(r#"{{"reason":"{}","missed":{missed}}}"#, due.reason));
                if self.topics.is_empty() {
                    assert_eq!(*id, None, "a private stream was told an id");
                    return (None, None);
                }
                assert_eq!(*id, Some(reference.id(self.position)), "the id of the reset event");
                (None, Some(self.position))
            }
            Seen::Event { kind, text, .. } if kind == "own" => {
                assert_eq!(self.due, None, "a reset event must come first");
                let (after, expected, _) = self.own.pop_front().expect("it was sent something alone");
                self.mark.1 = self.mark.1.saturating_sub(1);
                assert_eq!(*text, expected, "what was sent alone keeps its order");
                self.skip_silently_if(reference, !self.pending(reference, after).is_empty());
                (None, None)
            }
            Seen::Event { kind, .. } if kind == "farewell" => {
                assert!(self.is_done(reference, reference.head()), "the farewell comes last");
                self.farewells += 1;
                (None, None)
            }
            Seen::Event { text, id, .. } => {
                assert_eq!(self.due, None, "a reset event must come before {text}");
                let next = self.pending(reference, reference.head()).first().copied();
                self.skip_silently_if(reference, !self.tells && next.is_some_and(|next| next.text != *text));
                let next = self.pending(reference, reference.head()).first().copied();
                let next = next.unwrap_or_else(|| panic!("{text} is a duplicate, or not for this client"));
                assert_eq!(*text, next.text, "the next event of its topics");
                let expected = next.id.clone().unwrap_or_else(|| reference.id(next.sequence));
                assert_eq!(*id, Some(expected));
                let overtaken = self.own.front().filter(|(after, ..)| *after < next.sequence);
                assert_eq!(overtaken, None, "{text} overtook what was sent before it was published");
                self.position = next.sequence;
                (Some(next.sequence), Some(next.sequence))
            }
            Seen::Id(id) => {
                assert!(!self.topics.is_empty(), "a private stream was told an id");
                assert!(!self.tells || self.due.is_none(), "an id came before the reset event");
                self.due = None;
                let cursor = reference.locate(&self.topics, id).expect("an id of this hub");
                assert!(cursor >= self.position, "the cursor went back");
                self.skip_silently_if(reference, !self.pending(reference, cursor).is_empty());
                self.position = self.position.max(cursor);
                (None, Some(cursor))
            }
        }
    }

    /// With the reset event off a skip has no sign but the hole in the sequence.
    fn skip_silently_if(&mut self, reference: &Reference, hole: bool) {
        if hole {
            assert!(!self.tells && self.may_lose(reference), "a loss that the client was not told of");
            self.skip(reference);
        }
    }

    /// With the reset event off the cursor alone tells of a loss, and a private stream has none.
    pub(crate) fn forget_silent_loss(&mut self) {
        if !self.tells && self.topics.is_empty() {
            self.due = None;
        }
    }

    /// Nothing is left for it up to a sequence number.
    pub(crate) fn is_done(&mut self, reference: &Reference, through: u64) -> bool {
        if !self.tells && self.may_lose(reference) && self.skips() {
            self.skip(reference);
        }
        self.due.is_none() && self.own.is_empty() && self.pending(reference, through).is_empty()
    }
}
