use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use redis::FromRedisValue;
use tempfile::TempDir;

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis that was started. It is killed when the test is over.
pub(crate) struct Redis {
    pub(crate) child: Child,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    arguments: Vec<String>,
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/redis/provide.sh");
        let output = Command::new("sh").arg(script).output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || std::env::var_os("CI").is_none(), "{problem}");
        if !output.status.success() {
            eprintln!("skipped, as no Redis runs here: {problem}");
            return None;
        }
        Some(String::from_utf8(output.stdout).unwrap().trim().into())
    };
    PROGRAM.get_or_init(find).as_deref()
}

impl Redis {
    /// Starts one, with more options; `None` if there is none to be had.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let program = program()?;
        let mut this = Self {
            child: Command::new("true").spawn().unwrap(),
            port: 0,
            folder: tempfile::tempdir().unwrap(),
            arguments: options.iter().map(|&option| option.into()).collect(),
        };
        // Another program may be faster to take a port.
        for _ in 0..5 {
            this.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if this.run(program) {
                return Some(this);
            }
        }
        panic!("Redis does not start with {options:?}");
    }

    fn run(&mut self, program: &Path) -> bool {
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--dir"]).arg(self.folder.path());
        if !self.arguments.iter().any(|argument| argument == "--port") {
            command.args(["--port", &self.port.to_string()]);
        }
        let log = std::fs::File::create(self.folder.path().join("output")).unwrap();
        self.child.wait().unwrap();
        self.child = command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let output = std::fs::read_to_string(self.folder.path().join("output")).unwrap();
            if output.contains("eady to accept connections") {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// Starts it again on the same port and folder.
    pub(crate) fn start_again(&mut self) {
        assert!(self.run(program().unwrap()), "it does not start again");
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: a child of this process that was not waited for has its number.
        assert_eq!(unsafe { libc::kill(self.child.id().cast_signed(), signal) }, 0);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection_with_timeout(PATIENCE).unwrap()
    }

    /// What it answers to a command.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query(&mut self.connect()).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
