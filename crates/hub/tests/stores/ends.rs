//! A topic that ends, in several processes: under random orders of what its producer, readers, crashes and time may do.

use std::time::Duration;

use ssecast_hub::{Config, Entry, EntryKind, ErrorKind, ManualClock, Replay};

use crate::random::Random;
use crate::rig::{Process, Stream, advance, config};
use crate::simulated::{Fault, Simulated};

const PROCESSES: usize = 3;
const READERS: usize = 5;
const KEPT: u64 = 1000;
const FINISHED: &str = "ssecast-finished";

fn kept() -> Config {
    Config { keep_ended: Duration::from_millis(KEPT), ..config(100) }
}

/// A client of the topic over all its connections.
#[derive(Default)]
struct Client {
    connection: Option<(usize, Stream)>,
    last_event_id: String,
    got: Vec<String>,
    is_finished: bool,
}

struct World {
    random: Random,
    clock: ManualClock,
    store: Simulated,
    processes: Vec<Process>,
    clients: Vec<Client>,
    published: Vec<String>,
    has_ended: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let (mut random, clock) = (Random(seed), ManualClock::default());
        advance(&clock, 1_000_000);
        let store = Simulated::new(1 + random.index(4));
        let processes = (0..PROCESSES).map(|_| Process::new(&store, kept(), &clock)).collect();
        let clients = (0..READERS).map(|_| Client::default()).collect();
        Self { random, clock, store, processes, clients, published: Vec::new(), has_ended: false }
    }

    fn act(&mut self) {
        match self.random.below(100) {
            0..30 => self.publish(),
            30..34 => self.end(),
            34..55 => {
                let client = self.random.index(READERS);
                self.connect(client);
            }
            55..75 => {
                let client = self.random.index(READERS);
                self.read(client);
            }
            75..80 => self.clients[self.random.index(READERS)].connection = None,
            80..92 => self.processes[self.random.index(PROCESSES)].store.wake(),
            92..96 => {
                let process = self.random.index(PROCESSES);
                self.restart(process);
            }
            _ => advance(&self.clock, 5),
        }
    }

    /// The outcome of something that is appended; `None` if it is not in the log.
    fn appended<T>(&mut self, append: impl FnOnce(&Process) -> Result<T, ssecast_hub::Error>) -> Option<()> {
        let process = self.random.index(PROCESSES);
        let fault = [None, None, None, Some(Fault::TimedOut), Some(Fault::Crash)][self.random.index(5)];
        *self.processes[process].store.fault.lock().unwrap() = fault;
        let outcome = append(&self.processes[process]);
        *self.processes[process].store.fault.lock().unwrap() = None;
        match outcome.map_err(|error| error.kind()) {
            Ok(_) => Some(()),
            // It is in the log, and nobody was told so.
            Err(ErrorKind::Internal) => {
                self.restart(process);
                Some(())
            }
            Err(ErrorKind::StoreTimedOut) => None,
            Err(ErrorKind::TopicEnded) => {
                assert!(self.has_ended, "it has not ended");
                None
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    fn publish(&mut self) {
        let text = self.published.len().to_string();
        if self.appended(|process| process.publish("answer", &text)).is_some() {
            // One that crashed was not asked whether it may.
            if self.has_ended {
                return;
            }
            self.published.push(text);
        }
    }

    fn end(&mut self) {
        self.has_ended |= self.appended(|process| process.hub.end_topic("answer")).is_some();
    }

    fn restart(&mut self, process: usize) {
        for client in &mut self.clients {
            client.connection.take_if(|(at, _)| *at == process);
        }
        self.processes[process] = Process::new(&self.store, kept(), &self.clock);
    }

    fn connect(&mut self, index: usize) {
        let (client, process) = (&mut self.clients[index], self.random.index(PROCESSES));
        if client.is_finished {
            return;
        }
        let id = (!client.last_event_id.is_empty()).then_some(&*client.last_event_id);
        match self.processes[process].connect_for(&["answer"], id, Replay::All) {
            Ok(stream) => client.connection = Some((process, stream)),
            Err(error) => {
                // There is nothing left for it: it is answered 204.
                assert_eq!((error.kind(), self.has_ended), (ErrorKind::TopicEnded, true));
                assert_eq!(client.got, self.published);
                (client.is_finished, client.connection) = (true, None);
            }
        }
    }

    fn read(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some((process, stream)) = &mut client.connection else { return };
        for (text, id) in self.processes[*process].read(stream) {
            assert!(!text.starts_with("reset"), "{text}");
            if !text.is_empty() {
                client.got.push(text);
            }
            client.is_finished = id == FINISHED;
            client.last_event_id = id;
        }
        assert_eq!(client.got, self.published[..client.got.len()], "once, and in order");
        if client.is_finished {
            assert_eq!((client.got.len(), self.has_ended), (self.published.len(), true));
            client.connection = None;
        }
    }

    fn finish(mut self) {
        while !self.has_ended {
            self.end();
        }
        for process in 0..PROCESSES {
            self.processes[process].store.wake();
            let error = self.processes[process].publish("answer", "late").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TopicEnded);
            self.processes[process].hub.end_topic("answer").unwrap();
        }
        for index in 0..READERS {
            if self.clients[index].connection.is_none() {
                self.connect(index);
            }
            self.read(index);
            assert!(self.clients[index].is_finished);
        }
        // Its time is over: it is another topic, and nothing is left of it.
        advance(&self.clock, KEPT + 1);
        let process = self.random.index(PROCESSES);
        self.processes[process].publish("answer", "new").unwrap();
        for number in 0..self.published.len() + 30 {
            let process = self.random.index(PROCESSES);
            self.processes[process].publish("other", &number.to_string()).unwrap();
        }
        let others = self.published.len() + 31;
        assert!(self.store.len() <= others, "{} entries, {others} are wanted", self.store.len());
        self.processes.push(Process::new(&self.store, kept(), &self.clock));
        for process in &mut self.processes {
            let mut stream = process.connect_for(&["answer"], None, Replay::All).unwrap();
            process.store.wake();
            assert_eq!(process.texts(&mut stream), ["new"]);
            assert_eq!(process.hub.stats().topics, 2);
        }
    }
}

#[test]
fn a_topic_that_ends_is_read_whole_by_everyone_in_whatever_process_and_forgotten_by_all() {
    let one = std::env::var("SSECAST_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in one.map_or(0..300, |seed: u64| seed..seed + 1) {
        let play = || {
            let mut world = World::new(seed);
            (0..100).for_each(|_| world.act());
            world.finish();
        };
        std::panic::catch_unwind(play).unwrap_or_else(|_| panic!("SSECAST_SEED={seed}"));
    }
}

#[test]
fn an_event_that_another_process_has_put_behind_the_end_is_none_for_anybody() {
    let (store, clock) = (Simulated::new(2), ManualClock::default());
    advance(&clock, 1_000_000);
    let [mut one, mut two] = [(); 2].map(|()| Process::new(&store, kept(), &clock));
    one.publish("t", "1").unwrap();
    one.hub.end_topic("t").unwrap();
    let at = u64::try_from(ssecast_hub::Clock::since_1970(&clock).as_millis()).unwrap();
    let put = |text: &str, at: u64| {
        let block = format!("data: {text}\n\n");
        let kind = EntryKind::Event;
        let entry = Entry { kind, at, fingerprint: 1, topic: "t", id: None, block: block.as_bytes() };
        let mut bytes = Vec::new();
        entry.encode_into(&mut bytes);
        store.put(bytes);
    };
    put("late", at + KEPT);
    for process in [&mut one, &mut two] {
        let mut stream = process.connect_for(&["t"], None, Replay::All).unwrap();
        process.store.wake();
        assert_eq!(process.texts(&mut stream), ["1"]);
    }
    // A process that forgot the topic may begin another one.
    put("new", at + KEPT + 1);
    for process in [&mut one, &mut two] {
        process.store.wake();
        let mut stream = process.connect_for(&["t"], None, Replay::All).unwrap();
        assert_eq!(process.texts(&mut stream), ["new"]);
    }
}
