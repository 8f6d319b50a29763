//! Producers that stop when their topic is not read any more, in no process.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use ssecast_hub::{ManualClock, UnreadWatch};

use crate::rig::{Process, advance, config};
use crate::simulated::{Fault, Simulated};

const PATIENCE: Duration = Duration::from_secs(50);

/// Processes on a store; the first one produces.
struct World {
    store: Simulated,
    clock: ManualClock,
    processes: Vec<Process>,
    _watch: UnreadWatch,
    stopped: Receiver<()>,
}

impl World {
    fn new(after: u64) -> Self {
        let (store, clock) = (Simulated::new(2), ManualClock::default());
        advance(&clock, 1_000_000);
        let processes: Vec<_> = (0..3).map(|_| Process::new(&store, config(10), &clock)).collect();
        let (stop, stopped) = channel();
        let done = move || stop.send(()).unwrap_or_default();
        let watch = processes[0].hub.when_unread("t", Duration::from_millis(after), done).unwrap();
        Self { store, clock, processes, _watch: watch, stopped }
    }

    /// Lets time pass until something is so, and all hear what the others say.
    fn until(&self, mut is_so: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < PATIENCE, "it never is so");
            advance(&self.clock, 20);
            self.processes.iter().for_each(|process| process.store.wake());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets time pass until so many more entries are in the log: all that is to be said was said.
    fn until_said(&self, more: u64) {
        let before = self.store.head();
        self.until(|world| world.store.head() >= before + more);
    }

    fn is_told(&self) -> bool {
        self.stopped.try_recv() == Ok(())
    }
}

#[test]
fn a_producer_is_told_when_the_last_reader_of_all_processes_has_left() {
    let mut world = World::new(100);
    world.until_said(1);
    let [_, second, third] = &mut world.processes[..] else { panic!("three") };
    let readers = [second.connect(&["t"], None).unwrap(), third.connect(&["t", "u"], None).unwrap()];
    world.until_said(4);
    let [first, other] = readers;
    drop(first);
    world.until_said(5);
    assert_eq!(world.stopped.try_recv(), Err(TryRecvError::Empty), "the third process has a reader");
    drop(other);
    world.until(World::is_told);
}

#[test]
fn a_process_that_is_killed_counts_as_gone_after_a_while() {
    let mut world = World::new(100);
    let mut victim = world.processes.pop().unwrap();
    let reader = victim.connect(&["t"], None).unwrap();
    victim.store.wake();
    world.until(|world| {
        victim.store.wake();
        world.store.head() >= 4
    });
    assert_eq!(world.stopped.try_recv(), Err(TryRecvError::Empty));
    // Nothing is heard of it from here on, and its connection never ends by itself.
    *victim.store.fault.lock().unwrap() = Some(Fault::Dead);
    world.until(World::is_told);
    drop((reader, victim));
}

#[test]
fn without_a_reader_in_any_process_a_producer_goes_on() {
    let mut world = World::new(0);
    let [_, second, _] = &mut world.processes[..] else { panic!("three") };
    let _reader = second.connect(&["u"], None).unwrap();
    world.until_said(2);
    assert_eq!(world.stopped.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn notices_are_no_loss_to_anybody_and_leave_the_log() {
    let mut world = World::new(1_000_000);
    world.until_said(1);
    let [_, second, third] = &mut world.processes[..] else { panic!("three") };
    let first = third.publish("u", "1").unwrap().id;
    third.publish("quiet", "2").unwrap();
    let _reader = second.connect(&["t"], None).unwrap();
    world.until_said(10);
    advance(&world.clock, 61_000);
    let texts: Vec<String> = (3..12).map(|number| number.to_string()).collect();
    for _ in 0..60 {
        world.processes[2].publish("busy", "x").unwrap();
    }
    texts.iter().for_each(|text| _ = world.processes[2].publish("u", text).unwrap());
    assert!(world.store.len() < 40, "{} entries", world.store.len());
    let mut late = Process::new(&world.store, config(10), &world.clock);
    let mut stream = late.connect(&["u"], Some(&first)).unwrap();
    assert_eq!(late.texts(&mut stream), texts);
    let mut stream = late.connect(&["quiet", "never"], Some(&first)).unwrap();
    assert_eq!(late.texts(&mut stream), ["2"]);
}
