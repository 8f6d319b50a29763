use std::time::Duration;

use ssecast_engine::{Config, Framing};
use ssecast_listener::ListenerConfig;

use crate::endpoint::Endpoint;
use crate::rig::{Rig, quiet, tcp, tiny};

pub(super) fn no_broken_pipe() {
    // SAFETY: the default is what a host written in C has; Rust's own start-up ignores the signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let mut rig = Rig::new(quiet());
    for released in [false, true] {
        for pair in [tcp, tiny] {
            let (id, client) = if released {
                rig.release(&["t"], pair(), Framing::Chunked)
            } else {
                rig.attach(&["t"], None, pair(), Framing::Chunked)
            };
            drop(client);
            while !rig.ended.contains_key(&id) {
                rig.publish("t", "a probe");
                rig.turn();
            }
        }
    }
}

/// A host that takes its signals in one place, after the library has started its threads.
pub(super) fn left_to_the_host() {
    let mut rig = Rig::new(Config { heartbeat: Some(Duration::from_millis(5)), ..quiet() });
    let (_, mut client) = rig.connect(&["t"]);
    // The timer's thread.
    let pulled = rig.open(&["t"]);
    rig.until("a heartbeat", |rig| rig.written.get(&pulled).is_some_and(|bytes| bytes.ends_with(b":\n\n")));
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut stream = endpoint.stream();
    let names: Vec<String> = threads().into_iter().map(|(name, _)| name).collect();
    for name in ["ssecast-timer", "ssecast-listen", "ssecast-0"] {
        assert!(names.iter().any(|thread| thread == name), "{name} is not among {names:?}");
    }
    let bit = |signal: libc::c_int| 1_u64 << (signal - 1);
    for (name, blocked) in threads() {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1, libc::SIGCHLD, libc::SIGALRM]
        {
            assert!(blocked & bit(signal) != 0, "{name} takes signal {signal}");
        }
        // A virtual machine whose callback runs there needs its faults.
        assert_eq!(blocked & (bit(libc::SIGSEGV) | bit(libc::SIGBUS) | bit(libc::SIGFPE)), 0, "{name}");
    }
    // SAFETY: the sets are local variables, filled in before they are read.
    unsafe {
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &raw mut before);
        assert_eq!(libc::sigismember(&raw const before, libc::SIGHUP), 0, "the host's own mask has changed");
        let mut hangup: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut hangup);
        libc::sigaddset(&raw mut hangup, libc::SIGHUP);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const hangup, std::ptr::null_mut());
        for _ in 0..100 {
            // On a thread that took it, it would end the process.
            libc::kill(libc::getpid(), libc::SIGHUP);
            let patience = libc::timespec { tv_sec: 10, tv_nsec: 0 };
            assert_eq!(
                libc::sigtimedwait(&raw const hangup, std::ptr::null_mut(), &raw const patience),
                libc::SIGHUP
            );
        }
    }
    rig.publish("t", "1");
    client.read_until("data: 1\n");
    endpoint.publish("1");
    stream.read_until("data: 1\n");
}

/// The threads of the library: their names, and the signals that they block.
fn threads() -> Vec<(String, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads");
    let tasks = tasks.filter_map(|task| {
        let path = task.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?.trim().to_owned();
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?;
        name.starts_with("ssecast-").then(|| (name, u64::from_str_radix(blocked.trim(), 16).unwrap()))
    });
    tasks.collect()
}
