//! Processes that share a hub: the example `workers`, in several processes, and clients that are cut and sent from one to the
//! other while workers are killed and replaced.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ssecast::codec::{Item, Parser};

#[allow(dead_code, reason = "its `main` is for the command line")]
#[path = "../examples/workers.rs"]
mod example;

const PATIENCE: Duration = Duration::from_secs(30);

/// A process of the example. It is killed when the test is over.
struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Worker {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "serves", "--nocapture", "--test-threads=1"]);
        command.env("SSECAST_TEST_FOLDER", folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let address = line_of(&mut output, "listening on http://").parse().unwrap();
        Self { child, input, output, address }
    }

    /// Publishes, and waits until it is acknowledged.
    fn publish(&mut self, text: &str) -> String {
        writeln!(self.input, "{text}").unwrap();
        line_of(&mut self.output, "published ")
    }
}

/// The rest of the next line that has these words: the test harness writes on the same output.
fn line_of(output: &mut impl BufRead, words: &str) -> String {
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some(rest) = line.split(words).nth(1) {
            return rest.trim().to_owned();
        }
        line.clear();
    }
    panic!("the worker ended");
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The part of a worker, in a process of its own.
#[test]
fn serves() {
    if let Some(folder) = std::env::var_os("SSECAST_TEST_FOLDER") {
        example::serve("127.0.0.1:0", folder.as_ref()).unwrap();
    }
}

/// One client over all its connections.
struct Client {
    parser: Parser,
    last_event_id: String,
    connection: Option<TcpStream>,
    seen: Vec<String>,
    resets: Vec<String>,
}

impl Client {
    fn new() -> Self {
        let (last_event_id, seen, resets) = (String::new(), Vec::new(), Vec::new());
        Self { parser: Parser::new(), last_event_id, connection: None, seen, resets }
    }

    /// Leaves the connection that it has, and connects to an address.
    fn connect(&mut self, address: SocketAddr) {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let id = if self.last_event_id.is_empty() {
            String::new()
        } else {
            format!("Last-Event-ID: {}\r\n", self.last_event_id)
        };
        // By HTTP/1.0 the body comes as it is.
        write!(connection, "GET /?topic=lines HTTP/1.0\r\nHost: test\r\n{id}\r\n").unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            connection.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
        self.parser = Parser::new();
        self.connection = Some(connection);
        // It has its place before anything else happens.
        self.read_some();
    }

    /// Reads what comes next. Returns whether the connection is still there.
    fn read_some(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let mut buffer = [0; 4096];
        let Ok(length @ 1..) = connection.read(&mut buffer) else {
            self.connection = None;
            return false;
        };
        let (seen, resets, last) = (&mut self.seen, &mut self.resets, &mut self.last_event_id);
        let see = |item: Item<'_>| match item {
            Item::Event(event) if event.event == "message" => {
                seen.push(event.data.to_owned());
                event.last_event_id.clone_into(last);
            }
            Item::Event(event) => {
                resets.push(event.data.to_owned());
                event.last_event_id.clone_into(last);
            }
            Item::Id(id) => id.clone_into(last),
            Item::Retry(_) | Item::Comment(_) => {}
        };
        self.parser.feed(&buffer[..length], see).unwrap();
        true
    }

    fn read_until(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while self.seen.last().is_none_or(|last| last != text) {
            assert!(self.read_some() && Instant::now() < end, "{text} did not come: {:?}", self.seen.last());
        }
    }
}

#[test]
fn clients_that_are_cut_and_sent_to_other_workers_get_every_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut workers = [Worker::start(folder.path()), Worker::start(folder.path())];
    let mut clients: Vec<_> = (0..12).map(|_| Client::new()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        client.connect(workers[index % 2].address);
    }
    let (mut texts, mut ids) = (Vec::new(), BTreeSet::new());
    for round in 0..8 {
        for number in 0..10 {
            let text = format!("{round}.{number}");
            ids.insert(workers[(round + number) % 2].publish(&text));
            texts.push(text);
        }
        match round % 4 {
            // Some have read all, some nothing, when they are cut.
            0 => clients.iter_mut().step_by(3).for_each(|client| client.read_until(&texts[texts.len() - 1])),
            3 => {
                workers[round / 4 % 2] = Worker::start(folder.path());
                // What was sent before the process was killed may still be read.
                for client in &mut clients {
                    client.connect(workers[1 - round / 4 % 2].address);
                }
            }
            _ => {}
        }
        for (index, client) in clients.iter_mut().enumerate() {
            if index % 4 != round % 4 {
                client.connect(workers[(index + round) % 2].address);
            }
        }
    }
    assert_eq!(ids.len(), texts.len(), "every event has an id of its own");
    for client in &mut clients {
        client.read_until(&texts[texts.len() - 1]);
        assert_eq!((&client.seen, client.resets.len()), (&texts, 0));
    }
}

#[test]
fn a_restart_of_all_workers_is_invisible() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(folder.path());
    let mut client = Client::new();
    client.connect(worker.address);
    worker.publish("1");
    client.read_until("1");
    worker.publish("2");
    drop(worker);
    let mut worker = Worker::start(folder.path());
    worker.publish("3");
    client.connect(worker.address);
    client.read_until("3");
    assert_eq!((client.seen, client.resets), (vec!["1".into(), "2".into(), "3".into()], vec![]));
}
