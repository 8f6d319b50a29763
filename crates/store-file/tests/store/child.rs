//! Processes of tests. Each has a part to play, reads orders as lines, and writes what it did as lines.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ssecast_hub::Store;
use ssecast_store_file::FileStore;

use crate::replica::{Events, soon};

/// A process that was started. It is killed when the test is over.
pub(crate) struct Process {
    pub(crate) child: Child,
    orders: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(part: &str, folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::plays_its_part", "--nocapture", "--test-threads=1"]);
        command.env("SSECAST_TEST_PART", part).env("SSECAST_TEST_FOLDER", folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (orders, lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut this = Self { child, orders, lines };
        assert_eq!(this.line().unwrap(), "ready");
        this
    }

    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// The next line of its own; `None` when it has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            // The test harness writes on the same output.
            if let Some(own) = line.trim_end().split("> ").nth(1) {
                return line.ends_with('\n').then(|| own.to_owned());
            }
            line.clear();
        }
        None
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: a child of this process that was not waited for has its number.
        assert_eq!(unsafe { libc::kill(self.child.id().cast_signed(), signal) }, 0);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn say(line: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "> {line}").and_then(|()| out.flush());
}

fn orders() -> impl Iterator<Item = String> {
    stdin().lines().map_while(Result::ok)
}

#[test]
fn plays_its_part() {
    let Ok(part) = std::env::var("SSECAST_TEST_PART") else { return };
    let folder = std::env::var_os("SSECAST_TEST_FOLDER").unwrap();
    let store = FileStore::new(folder);
    match &*part {
        "writer" => writer(&store),
        "holder" => holder(&store),
        "limited" => limited(&store),
        "stranger" => stranger(&store),
        other => panic!("no such part: {other}"),
    }
}

/// Appends as many entries as each order says, and says the number of each.
fn writer(store: &FileStore) {
    let mut events = Events::keeping(500);
    say("ready");
    let me = std::process::id();
    let mut count = 0;
    for order in orders() {
        for _ in 0..order.parse::<u64>().unwrap() {
            count += 1;
            let number = events.publish(store, "t", &format!("{me}-{count}\n")).unwrap();
            say(&format!("{number} {me}-{count}"));
        }
        say(&format!("done {}", events.epoch()));
    }
}

/// Is stopped while it has the log.
fn holder(store: &FileStore) {
    let mut events = Events { on_pending: Some(stop), ..Events::default() };
    store.catch_up(&mut events, soon()).unwrap();
    say("ready");
    for text in orders() {
        let number = events.publish(store, "t", &format!("data: {text}\n\n")).unwrap();
        say(&number.to_string());
    }
}

fn stop() -> bool {
    // SAFETY: it stops this process until it is told to go on.
    unsafe { libc::raise(libc::SIGSTOP) };
    true
}

/// May write only so many bytes into one file.
fn limited(store: &FileStore) {
    // SAFETY: numbers only; a write that is too much is an error from here on, and no signal.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let mut events = Events::default();
    events.publish(store, "t", "before\n").unwrap();
    say("ready");
    let line = "x".repeat(1000) + "\n";
    for bytes in orders() {
        let limit = bytes.parse().unwrap();
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the structure is read during the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
        let mut acknowledged = 0;
        let outcome = loop {
            match events.publish(store, "t", &line) {
                Ok(_) if acknowledged < 5000 => acknowledged += 1,
                Ok(_) => break format!("{} no end", acknowledged + 1),
                Err(error) => break format!("{acknowledged} {:?} {error}", error.kind()),
            }
        };
        say(&outcome);
    }
}

/// Has no rights in the folder.
fn stranger(store: &FileStore) {
    // SAFETY: numbers only. Root may write anywhere; another user may not.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setuid(65_534) }, 0);
    }
    say("ready");
    let error = Events::default().publish(store, "t", "no\n").unwrap_err();
    say(&format!("{:?} {error}", error.kind()));
}
