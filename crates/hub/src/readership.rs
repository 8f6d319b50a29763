//! Which topics have readers, in this process and in the others that share the store: for producers that stop when there are
//! none.

use std::collections::HashMap;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::notice::{Notice, Saying};
use crate::sync::Arc;

/// What lasts is said again after so long, and counts for three times as long: milliseconds.
const AGAIN: u64 = 5_000;
const LEASE: u64 = 3 * AGAIN;

/// That the last reader of a process has left is said after so long: most come back, and on the same topic others go on.
const SETTLING: u64 = 250;

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
        let watched = self.topics.entry(topic.into()).or_insert_with(|| Watched::new(reads));
        let producer = Producer { number: self.last, after, done, was_read: false, unread_since: None };
        watched.producers.push(producer);
        // At once, also if it asked before: the others may have said what this producer has not heard.
        watched.asked_at = None;
        self.alarm.ring();
        self.last
    }

    /// Ends that. What it returns is to be dropped once no lock is held.
    pub(crate) fn unwatch(&mut self, topic: &str, number: u64) -> Option<Done> {
        let producers = &mut self.topics.get_mut(topic)?.producers;
        let index = producers.iter().position(|producer| producer.number == number)?;
        let producer = producers.swap_remove(index);
        self.alarm.ring();
        Some(producer.done)
    }

    /// Notes that this process has a reader of a topic.
    pub(crate) fn came(&mut self, topic: &str) {
        if self.topics.is_empty() {
            return;
        }
        if let Some(watched) = self.topics.get_mut(topic) {
            (watched.reads, watched.came, watched.left_at) = (true, true, None);
            self.alarm.ring();
        }
    }

    /// Notes that this process has no reader of a topic any more.
    pub(crate) fn left(&mut self, topic: &str) {
        if self.topics.is_empty() {
            return;
        }
        if let Some(watched) = self.topics.get_mut(topic) {
            watched.reads = false;
            self.alarm.ring();
        }
    }

    /// Takes a notice of another process, which is so old. `reads` tells whether this process has readers of a topic.
    pub(crate) fn hear(&mut self, notice: Notice, age: u64, now: u64, reads: impl Fn(&str) -> bool) {
        if age > STALE {
            return;
        }
        for (saying, topic) in notice.items {
            let until = now + LEASE;
            match (saying, self.topics.get_mut(&*topic)) {
                (Saying::Asks, known) => {
                    let is_known = known.is_some();
                    let watched = self.topics.entry(topic.as_str().into()).or_default();
                    if !is_known {
                        watched.reads = reads(&topic);
                    }
                    watched.asked_until = until;
                    if watched.reads {
                        // It may be another one that asks.
                        watched.said_reads = None;
                    }
                }
                (Saying::Reads, Some(watched)) => {
                    watched.elsewhere.insert(notice.process, until);
                    watched.came = true;
                }
                (Saying::ReadsNoMore, Some(watched)) => _ = watched.elsewhere.remove(&notice.process),
                // What was never asked for is for other processes.
                (_, None) => {}
            }
        }
        self.alarm.ring();
    }

    /// What is to be told to other processes, if there are any. It counts as said, unless it [`failed`](Self::failed).
    pub(crate) fn say(&mut self, now: u64) -> Vec<(Saying, String)> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        let contact_at = self.contact.at;
        for (topic, watched) in &mut self.topics {
            if bytes > NOTICE_BYTES {
                break;
            }
            let saying = watched.say(now, contact_at);
            items.extend(saying.into_iter().flatten().map(|saying| {
                bytes += topic.len();
                (saying, topic.to_string())
            }));
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
        for watched in self.topics.values_mut() {
            (watched.asked_at, watched.said_reads) = (None, None);
        }
    }

    /// The producers whose topic has had no reader for as long as they said.
    pub(crate) fn take_unread(&mut self, now: u64) -> Vec<Done> {
        let Contact { is_broken, at, silence_counts_from } = self.contact;
        let is_sure = |due: u64| !is_broken && at >= due && now >= silence_counts_from;
        let mut unread = Vec::new();
        self.topics.retain(|_, watched| {
            watched.look(now);
            let is_due = |it: &mut Producer| it.due().is_some_and(|due| due <= now && is_sure(due));
            unread.extend(watched.producers.extract_if(.., is_due).map(|it| it.done));
            !watched.producers.is_empty() || watched.asked_until > now
        });
        unread
    }

    /// How long there is nothing to do, unless the alarm rings.
    pub(crate) fn pause(&self, now: u64) -> Duration {
        let next = self.topics.values().map(|watched| watched.next(now)).min().unwrap_or(u64::MAX);
        Duration::from_millis(next.saturating_sub(now))
    }

    /// Forgets all producers: the hub is closed, and says nothing more. What it returns is to be dropped once no lock is held.
    pub(crate) fn clear(&mut self) -> Vec<Done> {
        let producers = self.topics.drain().flat_map(|(_, watched)| watched.producers);
        producers.map(|producer| producer.done).collect()
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
    fn next(&self, now: u64) -> u64 {
        let again = |at: Option<u64>| at.map_or(now, |at| at + AGAIN);
        let mut next = u64::MAX;
        if !self.producers.is_empty() {
            next = again(self.asked_at);
            let due = self.producers.iter().filter_map(Producer::due);
            // One that is due by now waits for the store.
            next = due.map(|due| due.max(now + 1)).chain([next]).min().unwrap_or(next);
            next = self.elsewhere.values().copied().chain([next]).min().unwrap_or(next);
        }
        if self.asked_until > now {
            next = next.min(self.asked_until);
            if self.reads {
                next = next.min(again(self.said_reads));
            } else if self.said_reads.is_some() {
                next = next.min(self.left_at.unwrap_or(now) + SETTLING);
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const OTHER: u64 = 2;

    /// A producer's process, and how often the producer was told.
    struct Producing(Readership, Arc<AtomicUsize>);

    fn producing(reads: bool, after: u64) -> Producing {
        let (mut readership, told) = (Readership::default(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&told);
        readership.watch("t", reads, after, Box::new(move || _ = counter.fetch_add(1, Ordering::Relaxed)));
        Producing(readership, told)
    }

    impl Producing {
        /// What the hub's thread does. Returns what it says.
        fn look(&mut self, now: u64, works: bool) -> Vec<Saying> {
            let said = self.0.say(now);
            match works {
                true if !said.is_empty() => self.0.worked(now),
                true => {}
                false => self.0.failed(),
            }
            self.0.take_unread(now).into_iter().for_each(|done| done());
            said.into_iter().map(|(saying, _)| saying).collect()
        }

        fn told(&self) -> usize {
            self.1.load(Ordering::Relaxed)
        }

        fn hear(&mut self, process: u64, saying: Saying, now: u64) {
            let notice = Notice { process, items: vec![(saying, "t".to_owned())] };
            self.0.hear(notice, 0, now, |_| false);
        }
    }

    #[test]
    fn a_producer_is_told_once_when_its_last_reader_has_been_away_for_so_long() {
        let mut producing = producing(true, 100);
        producing.look(0, true);
        producing.0.left("t");
        producing.look(50, true);
        producing.look(149, true);
        assert_eq!(producing.told(), 0);
        producing.look(150, true);
        producing.look(1_000, true);
        assert_eq!(producing.told(), 1);
        assert!(producing.0.is_idle());
    }

    #[test]
    fn a_producer_is_never_told_before_there_was_a_reader() {
        let mut producing = producing(false, 0);
        (0..100).for_each(|second| _ = producing.look(second * 1000, true));
        assert_eq!(producing.told(), 0);
        // One that comes and goes between two looks is one.
        producing.0.came("t");
        producing.0.left("t");
        producing.look(100_000, true);
        producing.look(100_001, true);
        assert_eq!(producing.told(), 1);
    }

    #[test]
    fn a_reader_that_comes_back_begins_the_time_anew() {
        let mut producing = producing(true, 100);
        producing.look(0, true);
        producing.0.left("t");
        producing.look(10, true);
        producing.0.came("t");
        producing.0.left("t");
        producing.look(90, true);
        producing.look(189, true);
        assert_eq!(producing.told(), 0);
        producing.look(190, true);
        assert_eq!(producing.told(), 1);
    }

    #[test]
    fn a_reader_elsewhere_counts_until_its_process_says_no_more_or_nothing() {
        let mut producing = producing(true, 100);
        producing.look(0, true);
        producing.hear(OTHER, Saying::Reads, 0);
        producing.hear(3, Saying::Reads, 0);
        producing.0.left("t");
        producing.look(10, true);
        producing.hear(OTHER, Saying::ReadsNoMore, 20);
        (1..LEASE / 1000).for_each(|second| _ = producing.look(second * 1000, true));
        assert_eq!(producing.told(), 0, "the third process has a reader");
        producing.look(LEASE, true);
        producing.look(LEASE + 99, true);
        assert_eq!(producing.told(), 0);
        producing.look(LEASE + 100, true);
        assert_eq!(producing.told(), 1, "it was killed");
    }

    #[test]
    fn while_the_store_can_not_be_used_silence_means_nothing() {
        let mut producing = producing(false, 100);
        producing.look(0, true);
        producing.hear(OTHER, Saying::Reads, 0);
        producing.look(1, true);
        (1..60).for_each(|second| _ = producing.look(second * 1000, false));
        assert_eq!(producing.told(), 0, "nothing could be said");
        // It works again, and the other one may need its time to say so.
        producing.look(60_000, true);
        producing.look(60_000 + LEASE - 1, true);
        assert_eq!(producing.told(), 0);
        producing.hear(OTHER, Saying::Reads, 60_000 + LEASE - 1);
        producing.look(60_000 + LEASE, true);
        assert_eq!(producing.told(), 0);
        producing.hear(OTHER, Saying::ReadsNoMore, 60_000 + LEASE + 1);
        producing.look(60_000 + LEASE + 1, true);
        producing.look(60_000 + LEASE + 101, true);
        assert_eq!(producing.told(), 1);
    }

    #[test]
    fn a_producer_hears_all_that_was_said_before_it_is_told() {
        let mut producing = producing(true, 1000);
        producing.look(0, true);
        producing.0.left("t");
        producing.look(10, true);
        // It asked just now, and asks again all the same.
        assert_eq!(producing.look(1_009, true), []);
        assert_eq!(producing.0.say(1_010), [(Saying::Asks, "t".to_owned())]);
        // Its own question brings what another one said.
        producing.hear(OTHER, Saying::Reads, 1_010);
        producing.0.worked(1_010);
        assert!(producing.0.take_unread(1_010).is_empty());
    }

    #[test]
    fn a_process_with_readers_answers_at_once_and_again_while_it_is_asked() {
        let mut readership = Readership::default();
        let asks = || Notice { process: OTHER, items: vec![(Saying::Asks, "t".to_owned())] };
        let say = |readership: &mut Readership, now| {
            let said: Vec<_> = readership.say(now).into_iter().map(|(saying, _)| saying).collect();
            readership.take_unread(now);
            said
        };
        readership.hear(asks(), 0, 0, |_| true);
        assert_eq!(say(&mut readership, 0), [Saying::Reads]);
        assert_eq!(say(&mut readership, AGAIN - 1), []);
        assert_eq!(say(&mut readership, AGAIN), [Saying::Reads]);
        readership.left("t");
        assert_eq!(say(&mut readership, AGAIN + 1), []);
        readership.came("t");
        readership.left("t");
        assert_eq!(say(&mut readership, AGAIN + 2), [], "most come back");
        assert_eq!(say(&mut readership, AGAIN + 2 + SETTLING), [Saying::ReadsNoMore]);
        readership.came("t");
        assert_eq!(say(&mut readership, AGAIN + 3 + SETTLING), [Saying::Reads]);
        readership.hear(asks(), 0, AGAIN + 4 + SETTLING, |_| true);
        assert_eq!(say(&mut readership, AGAIN + 4 + SETTLING), [Saying::Reads], "another one may have asked");
        assert_eq!(say(&mut readership, 2 * LEASE + 2 * AGAIN), [], "nobody asks any more");
        assert!(readership.is_idle());
    }

    #[test]
    fn notices_of_processes_that_are_gone_say_nothing() {
        let mut producing = producing(false, 0);
        let notice = Notice { process: OTHER, items: vec![(Saying::Reads, "t".to_owned())] };
        producing.0.hear(notice, STALE + 1, 0, |_| false);
        producing.look(0, true);
        producing.look(LEASE, true);
        producing.look(2 * LEASE, true);
        assert_eq!(producing.told(), 0);
    }

    #[test]
    fn a_thread_that_looks_when_it_is_told_to_is_seldom_at_work() {
        for reads in [false, true] {
            let mut producing = producing(reads, 60_000);
            producing.hear(OTHER, Saying::Asks, 0);
            if !reads {
                producing.hear(OTHER, Saying::Reads, 0);
            }
            let (mut now, mut looks) = (0, 0);
            while now < 30_000 {
                producing.look(now, true);
                let pause = producing.0.pause(now);
                assert!(!pause.is_zero(), "at {now}");
                (now, looks) = (now + pause.as_millis() as u64, looks + 1);
            }
            assert!(looks < 20, "{looks} looks");
        }
    }
}
