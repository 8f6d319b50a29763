//! What an append to the file store costs, from one process and from two, and how soon another process is woken.
//!
//! `cargo bench -p ssecast-store-file`. The other processes are this program again.
#![allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "times are short")]

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime};

use ssecast_hub::{Config, Entry, EntryKind, Epoch, Error, Event, Hub, Pending, Position, Replica, Store};
use ssecast_store_file::FileStore;

/// Bytes of an entry's block.
const BLOCK: usize = 120;
/// How many entries a topic keeps.
const KEPT: u64 = 1000;

/// Keeps no events, but knows which are still in the history.
#[derive(Default)]
struct Newest {
    position: Option<Position>,
    /// When the last entry was published: nanoseconds since 1970.
    at: u64,
    /// The entry that is appended, and how often in one batch.
    bytes: Vec<u8>,
    count: usize,
}

impl Replica for Newest {
    fn position(&self) -> Option<Position> {
        self.position
    }

    fn begin(&mut self, epoch: Epoch, _forgotten: u64) {
        self.position = Some(Position { epoch, sequence: 0 });
    }

    fn restore_topic(&mut self, _topic: &str, _state: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn apply(&mut self, sequence: u64, entry: &[u8]) -> Result<(), Error> {
        self.at = Entry::decode(entry)?.at;
        if let Some(position) = &mut self.position {
            position.sequence = sequence;
        }
        Ok(())
    }

    fn would_refuse(&self) -> bool {
        false
    }

    fn pending(&mut self, index: usize) -> Option<Pending<'_>> {
        (index < self.count).then_some(Pending { bytes: &self.bytes, is_conditional: false })
    }

    fn appended(&mut self, _index: usize, sequence: u64) -> Result<(), Error> {
        let bytes = std::mem::take(&mut self.bytes);
        let applied = self.apply(sequence, &bytes);
        self.bytes = bytes;
        applied
    }

    fn has_expired(&mut self, sequence: u64, _entry: &Entry<'_>) -> bool {
        self.position.is_some_and(|position| sequence + KEPT <= position.sequence)
    }

    fn topic_state(&mut self, _topic: &str, _out: &mut Vec<u8>) -> bool {
        true
    }

    fn has_topic(&mut self, _topic: &str) -> bool {
        true
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64)
}

fn append(store: &FileStore, replica: &mut Newest) {
    append_batch(store, replica, 1);
}

fn append_batch(store: &FileStore, replica: &mut Newest, count: usize) {
    let block = [b'x'; BLOCK - 1].into_iter().chain([b'\n']).collect::<Vec<u8>>();
    replica.bytes.clear();
    Entry { kind: EntryKind::Event, at: now(), fingerprint: 1, topic: "ticks", id: None, block: &block }
        .encode_into(&mut replica.bytes);
    replica.count = count;
    store.append(replica, soon()).expect("nothing refuses it");
}

fn at(sorted: &[u64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part) as usize] as f64 / 1000.0
}

fn print(what: &str, mut times: Vec<u64>, elapsed: Option<Duration>) {
    times.sort_unstable();
    let rate = elapsed
        .map_or(String::new(), |elapsed| format!("  {:>9.0}/s", times.len() as f64 / elapsed.as_secs_f64()));
    println!("{what:44} median {:>7.2} µs  p99 {:>8.2} µs{rate}", at(&times, 0.5), at(&times, 0.99));
}

/// Appends so many entries one after the other.
fn appends(store: &FileStore, count: usize) -> (Vec<u64>, Duration) {
    let mut replica = Newest::default();
    append(store, &mut replica);
    let begin = Instant::now();
    let times = (0..count).map(|_| {
        let begin = Instant::now();
        append(store, &mut replica);
        begin.elapsed().as_nanos() as u64
    });
    (times.collect(), begin.elapsed())
}

fn start(part: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg(part).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("it starts")
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match (arguments.get(1).map(String::as_str), arguments.get(2)) {
        (Some("writer"), Some(folder)) => return writer(Path::new(folder)),
        (Some("reader"), Some(folder)) => return reader(Path::new(folder)),
        _ => {}
    }
    let folder = tempfile::tempdir().expect("there is room");
    let store = FileStore::new(folder.path().join("bare"));
    let (times, elapsed) = appends(&store, 200_000);
    print("append, one process", times, Some(elapsed));

    for (what, store) in [
        ("Hub::publish, in memory", None),
        ("Hub::publish, through the store", Some(folder.path().join("hub"))),
    ] {
        let store = store.map(|path| FileStore::new(path).into());
        let hub = Hub::new(Config { store, ..Config::default() }).expect("a valid configuration");
        let data = "x".repeat(BLOCK);
        let begin = Instant::now();
        let publish = |_| {
            let begin = Instant::now();
            let event = Event { data: Some(&data), ..Event::default() };
            hub.publish("ticks", &event).expect("nothing refuses it");
            begin.elapsed().as_nanos() as u64
        };
        let times = (0..200_000).map(publish).collect();
        print(what, times, Some(begin.elapsed()));
    }

    let mut other = start("writer", &folder.path().join("bare"));
    let mut lines = BufReader::new(other.stdout.take().expect("it has one")).lines();
    lines.next();
    let (times, elapsed) = appends(&store, 200_000);
    print("append, two processes at once, of one", times, Some(elapsed));
    drop(other.stdin.take());
    other.wait().expect("it ends");

    let mut other = start("reader", &folder.path().join("bare"));
    let mut lines = BufReader::new(other.stdout.take().expect("it has one")).lines();
    lines.next();
    let (mut replica, mut times) = (Newest::default(), Vec::new());
    for _ in 0..2000 {
        append(&store, &mut replica);
        let line = lines.next().and_then(Result::ok).and_then(|line| line.parse().ok());
        times.extend(line.map(|at: u64| at - replica.at));
        std::thread::sleep(Duration::from_micros(500));
    }
    print("from publisher to another process's replica", times, None);
    drop(other.stdin.take());
    other.wait().expect("it ends");
}

/// Appends until its input ends.
fn writer(folder: &Path) {
    let store = FileStore::new(folder);
    let mut replica = Newest::default();
    append(&store, &mut replica);
    println!("ready");
    std::thread::spawn(move || {
        loop {
            append(&store, &mut replica);
        }
    });
    for _ in stdin().lines() {}
}

/// Says when it had each entry.
fn reader(folder: &Path) {
    let store = FileStore::new(folder);
    let mut replica = Newest::default();
    let (told, told_of) = channel();
    let watch = store.watch(Arc::new(move || told.send(()).unwrap_or_default()), soon()).expect("it watches");
    store.catch_up(&mut replica, soon()).expect("nothing refuses it");
    println!("ready");
    std::thread::spawn(|| {
        for _ in stdin().lines() {}
        std::process::exit(0);
    });
    while told_of.recv().is_ok() {
        let before = replica.position;
        store.catch_up(&mut replica, soon()).expect("nothing refuses it");
        if replica.position != before {
            let mut out = stdout().lock();
            let _ = writeln!(out, "{}", now()).and_then(|()| out.flush());
        }
    }
    drop(watch);
}
