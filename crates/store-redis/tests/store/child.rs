//! Processes of tests: this binary again. Each publishes the lines that it reads, and writes their ids.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::rig::{hub, publish};

/// A process that was started. It is killed when the test is over.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::publishes", "--nocapture", "--test-threads=1"]);
        command.env("SSECAST_TEST_URL", url).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (orders, lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, orders, lines }
    }

    /// Publishes, and returns the id.
    pub(crate) fn publish(&mut self, text: &str) -> String {
        writeln!(self.orders, "{text}").unwrap();
        self.published().unwrap().0
    }

    /// Has it publish many, whose texts begin with this.
    pub(crate) fn flood(&mut self, text: &str) {
        writeln!(self.orders, "flood {text}").unwrap();
    }

    /// The next id and text that it published; `None` when it has ended.
    pub(crate) fn published(&mut self) -> Option<(String, String)> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            // The test harness writes on the same output.
            if let Some(own) = line.strip_suffix('\n').and_then(|line| line.split("> ").nth(1)) {
                let (id, text) = own.split_once(' ').unwrap();
                return Some((id.to_owned(), text.to_owned()));
            }
            line.clear();
        }
        None
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn publishes() {
    let Ok(url) = std::env::var("SSECAST_TEST_URL") else { return };
    let hub = hub(&url);
    let tell = |text: &str| {
        let id = publish(&hub, text);
        let mut out = stdout().lock();
        let _ = writeln!(out, "> {id} {text}").and_then(|()| out.flush());
    };
    for text in stdin().lines().map_while(Result::ok) {
        match text.strip_prefix("flood ") {
            Some(text) => (0..100_000).for_each(|number| tell(&format!("{text}{number}"))),
            None => tell(&text),
        }
    }
}
