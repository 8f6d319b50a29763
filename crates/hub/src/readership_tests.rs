//! Time is a number here, and so is a store that can't be used.

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
fn a_look_is_at_the_topics_where_something_happens() {
    let mut readership = Readership::default();
    for number in 0..1000 {
        let topic = format!("{number}");
        readership.watch(&topic, true, 100, Box::new(|| ()));
    }
    assert_eq!(readership.say(0).len(), 1000);
    readership.worked(0);
    assert!(readership.take_unread(0).is_empty());
    readership.left("17");
    assert_eq!(readership.say(1), []);
    assert_eq!(readership.looking.len(), 1);
    readership.take_unread(1);
    assert_eq!(readership.pause(1), Duration::from_millis(100));
    assert!(readership.unwatch("18", 19).is_some());
    readership.say(2);
    readership.take_unread(2);
    assert_eq!((readership.topics.len(), readership.due.len()), (999, 999));
    assert_eq!(readership.clear().len(), 999);
    assert!(readership.is_idle() && readership.due.is_empty());
}

#[test]
fn while_a_producer_waits_for_certainty_the_thread_sleeps() {
    let mut producing = producing(true, 0);
    producing.look(0, true);
    producing.0.left("t");
    producing.look(1, false);
    assert_eq!(producing.0.pause(1), Duration::from_millis(RETRY));
    producing.look(1 + RETRY, true);
    let (mut now, mut looks) = (1 + RETRY, 0);
    while producing.told() == 0 {
        now += producing.0.pause(now).as_millis() as u64;
        looks += 1;
        producing.look(now, true);
    }
    assert_eq!(now, 1 + RETRY + LEASE);
    assert!(looks < 10, "{looks} looks");
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
