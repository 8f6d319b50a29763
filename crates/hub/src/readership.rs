//! Which topics have readers, in this process and in the others that share the store: for producers that stop when there are
//! none.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::alarm::Alarm;
use crate::notice::{Notice, Saying};
use crate::sync::Arc;

/// What lasts is said again after so long, and counts for three times as long: milliseconds.
const AGAIN: u64 = 5_000;
const LEASE: u64 = 3 * AGAIN;

/// That the last reader of a process has left is said after so long: most come back, and on the same topic others go on.
const SETTLING: u64 = 250;

/// What could not be said is tried again after so long: milliseconds.
const RETRY: u64 = 1_000;

/// A notice that is older says nothing: it is one of a process that is gone. The clocks of machines may differ by less.
pub(crate) const STALE: u64 = 60_000;

/// The most bytes of topics in one notice.
const NOTICE_BYTES: usize = 64 << 10;

/// Called once, when a topic has no reader any more.
pub(crate) type Done = Box<dyn FnOnce() + Send>;

/// What is known of the readers of the topics that are watched.
#[derive(Default)]
pub(crate) struct Readership {
    topics: HashMap<Arc<str>, Watched>,
    /// When each topic is to be looked at, so that a look costs nothing for those where nothing happens.
    due: BTreeSet<(u64, Arc<str>)>,
    /// The topics that are being looked at.
    looking: Vec<Arc<str>>,
    /// Of producers whose topic has ended: to be dropped once no lock is held.
    over: Vec<Done>,
    /// The number of the last producer.
    last: u64,
    contact: Contact,
    alarm: Arc<Alarm>,
}

/// The contact to other processes, on which it depends whether their silence says something.
#[derive(Clone, Copy, Default)]
struct Contact {
    is_broken: bool,
    /// When it was there last.
    at: u64,
    /// From when on what was not heard was not said.
    silence_counts_from: u64,
}

#[derive(Default)]
struct Watched {
    /// When it is to be looked at, as the list of all has it.
    due: Option<u64>,
    producers: Vec<Producer>,
    /// Until when other processes want to know of this one's readers.
    asked_until: u64,
    /// The other processes that have readers, and until when that counts.
    elsewhere: HashMap<u64, u64>,
    /// This process has readers.
    reads: bool,
    /// It had one since the last look, which may have left again.
    came: bool,
    /// Since when it has none.
    left_at: Option<u64>,
    /// When it said last that it has readers, if that counts still.
    said_reads: Option<u64>,
    /// When it asked last.
    asked_at: Option<u64>,
}

/// One that wants to be told.
struct Producer {
    number: u64,
    after: u64,
    done: Done,
    /// There was a reader since it began.
    was_read: bool,
    unread_since: Option<u64>,
}

impl Readership {
    pub(crate) fn alarm(&self) -> Arc<Alarm> {
        Arc::clone(&self.alarm)
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.topics.is_empty()
    }

    /// Begins to watch a topic for a producer. Returns its number.
    pub(crate) fn watch(&mut self, topic: &str, reads: bool, after: u64, done: Done) -> u64 {
        self.last += 1;
        let producer = Producer { number: self.last, after, done, was_read: false, unread_since: None };
        let watched = self.topics.entry(topic.into()).or_insert_with(|| Watched::new(reads));
        watched.producers.push(producer);
        // At once, also if it asked before: the others may have said what this producer has not heard.
        watched.asked_at = None;
        self.look_soon(topic);
        self.last
    }

    /// Ends that. What it returns is to be dropped once no lock is held.
    pub(crate) fn unwatch(&mut self, topic: &str, number: u64) -> Option<Done> {
        let producers = &mut self.topics.get_mut(topic)?.producers;
        let index = producers.iter().position(|producer| producer.number == number)?;
        let producer = producers.swap_remove(index);
        self.look_soon(topic);
        Some(producer.done)
    }

    /// Notes that a topic has ended: there is nothing left to stop.
    pub(crate) fn end(&mut self, topic: &str) {
        let Some(watched) = self.topics.get_mut(topic) else { return };
        self.over.extend(watched.producers.drain(..).map(|producer| producer.done));
        self.look_soon(topic);
    }

    /// Takes what is of no use any more. It is to be dropped once no lock is held.
    pub(crate) fn take_over(&mut self) -> Vec<Done> {
        std::mem::take(&mut self.over)
    }

    /// Notes that this process has a reader of a topic.
    pub(crate) fn came(&mut self, topic: &str) {
        if self.topics.is_empty() {
            return;
        }
        if let Some(watched) = self.topics.get_mut(topic) {
            (watched.reads, watched.came, watched.left_at) = (true, true, None);
            self.look_soon(topic);
        }
    }

    /// Notes that this process has no reader of a topic any more.
    pub(crate) fn left(&mut self, topic: &str) {
        if self.topics.is_empty() {
            return;
        }
        if let Some(watched) = self.topics.get_mut(topic) {
            watched.reads = false;
            self.look_soon(topic);
        }
    }

    /// Takes a notice of another process, which is so old. `reads` tells whether this process has readers of a topic.
    pub(crate) fn hear(&mut self, notice: Notice, age: u64, now: u64, reads: impl Fn(&str) -> bool) {
        if age > STALE {
            return;
        }
        let until = now + LEASE;
        for (saying, topic) in notice.items {
            if saying == Saying::Asks && !self.topics.contains_key(&*topic) {
                self.topics.insert(topic.as_str().into(), Watched::new(reads(&topic)));
            }
            // What was never asked for is for other processes.
            let Some(watched) = self.topics.get_mut(&*topic) else { continue };
            match saying {
                Saying::Asks => {
                    watched.asked_until = until;
                    if watched.reads {
                        // It may be another one that asks.
                        watched.said_reads = None;
                    }
                }
                Saying::Reads => {
                    watched.elsewhere.insert(notice.process, until);
                    watched.came = true;
                }
                Saying::ReadsNoMore => _ = watched.elsewhere.remove(&notice.process),
            }
            self.look_soon(&topic);
        }
    }

    /// Has a topic looked at in the next look.
    fn look_soon(&mut self, topic: &str) {
        self.schedule(topic, 0);
        self.alarm.ring();
    }

    fn schedule(&mut self, topic: &str, at: u64) {
        let Some((name, _)) = self.topics.get_key_value(topic) else { return };
        let name = Arc::clone(name);
        if let Some(before) = self.topics.get_mut(topic).and_then(|watched| watched.due.replace(at)) {
            self.due.remove(&(before, Arc::clone(&name)));
        }
        self.due.insert((at, name));
    }

    /// Begins a look at the topics where something is due. Returns what is to be told to other processes, if there are any;
    /// it counts as said, unless it [`failed`](Self::failed).
    pub(crate) fn say(&mut self, now: u64) -> Vec<(Saying, String)> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        while bytes < NOTICE_BYTES && self.due.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, topic)) = self.due.pop_first() else { break };
            let Some(watched) = self.topics.get_mut(&topic) else { continue };
            watched.due = None;
            for saying in watched.say(now, self.contact.at).into_iter().flatten() {
                bytes += topic.len();
                items.push((saying, topic.to_string()));
            }
            self.looking.push(topic);
        }
        items
    }

    /// Notes that the store took what was said, and that everything which others said before was heard.
    pub(crate) fn worked(&mut self, now: u64) {
        self.contact.at = now;
        if std::mem::take(&mut self.contact.is_broken) {
            self.contact.silence_counts_from = now + LEASE;
        }
    }

    /// Notes that the store could not be used: others could not say anything either.
    pub(crate) fn failed(&mut self) {
        self.contact.is_broken = true;
        for topic in &self.looking {
            if let Some(watched) = self.topics.get_mut(topic) {
                (watched.asked_at, watched.said_reads) = (None, None);
            }
        }
    }

    /// Ends the look. Returns the producers whose topic has had no reader for as long as they said.
    pub(crate) fn take_unread(&mut self, now: u64) -> Vec<Done> {
        let contact = self.contact;
        let mut unread = Vec::new();
        for topic in std::mem::take(&mut self.looking) {
            let Some(watched) = self.topics.get_mut(&topic) else { continue };
            watched.look(now);
            let is_due =
                |it: &mut Producer| it.due().is_some_and(|due| due <= now && contact.is_sure(due, now));
            unread.extend(watched.producers.extract_if(.., is_due).map(|it| it.done));
            if watched.producers.is_empty() && watched.asked_until <= now {
                let due = watched.due;
                self.topics.remove(&topic);
                due.into_iter().for_each(|due| _ = self.due.remove(&(due, Arc::clone(&topic))));
            } else if watched.due.is_none() {
                let next = watched.next(now, contact);
                self.schedule(&topic, next);
            }
        }
        unread
    }

    /// How long there is nothing to do, unless the alarm rings.
    pub(crate) fn pause(&self, now: u64) -> Duration {
        let next = self.due.first().map_or(u64::MAX, |(due, _)| *due);
        Duration::from_millis(next.saturating_sub(now))
    }

    /// Forgets all producers: the hub is closed, and says nothing more. What it returns is to be dropped once no lock is held.
    pub(crate) fn clear(&mut self) -> Vec<Done> {
        self.due.clear();
        let over = self.take_over();
        let producers = self.topics.drain().flat_map(|(_, watched)| watched.producers);
        producers.map(|producer| producer.done).chain(over).collect()
    }
}

impl Contact {
    /// Whether that nothing was heard of readers by a time says that there are none.
    fn is_sure(self, by: u64, now: u64) -> bool {
        !self.is_broken && self.at >= by && now >= self.silence_counts_from
    }
}

impl Producer {
    /// When its time is over.
    fn due(&self) -> Option<u64> {
        self.unread_since.map(|since| since.saturating_add(self.after))
    }
}

impl Watched {
    fn new(reads: bool) -> Self {
        Self { reads, ..Self::default() }
    }

    fn say(&mut self, now: u64, contact_at: u64) -> [Option<Saying>; 2] {
        let is_old = |at: Option<u64>| at.is_none_or(|at| now.saturating_sub(at) >= AGAIN);
        // Before a producer is told, it asks once more: then all is heard that was said before.
        let is_due = |producer: &Producer| producer.due().is_some_and(|due| due <= now && contact_at < due);
        let asks = !self.producers.is_empty() && (is_old(self.asked_at) || self.producers.iter().any(is_due));
        if asks {
            self.asked_at = Some(now);
        }
        let saying = if self.asked_until <= now {
            None
        } else if self.reads {
            is_old(self.said_reads).then(|| {
                self.said_reads = Some(now);
                Saying::Reads
            })
        } else {
            let left_at = *self.left_at.get_or_insert(now);
            let is_settled = now.saturating_sub(left_at) >= SETTLING;
            self.said_reads.take_if(|_| is_settled).map(|_| Saying::ReadsNoMore)
        };
        [asks.then_some(Saying::Asks), saying]
    }

    /// Brings the producers up to date.
    fn look(&mut self, now: u64) {
        self.elsewhere.retain(|_, until| *until > now);
        let is_read = self.reads || !self.elsewhere.is_empty();
        let came = std::mem::take(&mut self.came);
        for producer in &mut self.producers {
            producer.was_read |= is_read || came;
            if is_read || came {
                producer.unread_since = None;
            }
            if producer.was_read && !is_read {
                producer.unread_since.get_or_insert(now);
            }
        }
    }

    /// When there is something to do.
    fn next(&self, now: u64, contact: Contact) -> u64 {
        let again = |at: Option<u64>| at.map_or(now, |at| at + AGAIN);
        let mut next = u64::MAX;
        if !self.producers.is_empty() {
            next = if contact.is_broken { now + RETRY } else { again(self.asked_at) };
            let sure = if contact.is_broken { now + RETRY } else { contact.silence_counts_from };
            let due = self.producers.iter().filter_map(Producer::due).map(|due| due.max(sure));
            next = due.chain([next]).min().unwrap_or(next);
            next = self.elsewhere.values().copied().chain([next]).min().unwrap_or(next);
        }
        if self.asked_until > now {
            next = next.min(self.asked_until);
            if self.reads {
                next = next.min(if contact.is_broken { now + RETRY } else { again(self.said_reads) });
            } else if self.said_reads.is_some() {
                next = next.min(self.left_at.unwrap_or(now) + SETTLING);
            }
        }
        next
    }
}

#[cfg(test)]
#[path = "readership_tests.rs"]
mod tests;
