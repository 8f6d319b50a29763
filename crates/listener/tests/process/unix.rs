mod descriptors;
mod forks;
mod network;
mod signals;

use std::io::Write;
use std::process::ExitCode;

const CASES: [(&str, fn()); 13] = [
    ("a signal of a broken pipe never reaches the host", signals::no_broken_pipe),
    ("the signals of a process are never delivered to a thread of the library", signals::left_to_the_host),
    ("without a descriptor left a connection stays with connections delivery", descriptors::none_left),
    ("without a descriptor left a listener waits until there is one", descriptors::listener_without),
    (
        "for a new connection a listener without a descriptor gives up stale ones",
        descriptors::stale_connections,
    ),
    ("a child has threads of its own and leaves its parent's connections alone", forks::fork),
    ("a child that is born while the parent is at work starts afresh", forks::fork_at_work),
    ("an inherited hub is another one in a child, and its readers are over", forks::inherited_readers),
    ("a child that no hook can know of has a hub of its own", forks::raw_clone),
    ("an inherited listener is closed in a child, and not the parent's", forks::inherited_listener),
    ("a client whose network vanishes is noticed by what it does not acknowledge", network::heartbeats),
    ("a client whose network vanishes is noticed though nothing is sent to it", network::idle),
    ("a client that skips and whose network vanishes is noticed", network::skipping),
];

/// How a child ends that has done what it should: not the code of one that has merely returned.
const PASSED: i32 = 42;

pub(super) fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let cases = CASES.iter().filter(|(name, _)| wanted.iter().all(|word| name.contains(word.as_str())));
    let mut failed = 0;
    for (name, case) in cases {
        let status = in_a_child(*case);
        let passed = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == PASSED;
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if !passed {
            println!("  signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
            failed += 1;
        }
    }
    ExitCode::from(failed)
}

/// Runs something in a child, and returns its status. A child that hangs is ended by its own alarm.
fn in_a_child(what: impl FnOnce()) -> libc::c_int {
    std::io::stdout().flush().expect("a standard output");
    // SAFETY: what the child does is what a host's child does; that it may is what is tested here.
    in_a_child_of(|| unsafe { libc::fork() }.into(), what).expect("a child")
}

/// The same with another way to make a child; `None` if the system refuses it.
fn in_a_child_of(fork: impl FnOnce() -> libc::c_long, what: impl FnOnce()) -> Option<libc::c_int> {
    let child = libc::pid_t::try_from(fork()).expect("a process");
    if child < 0 {
        return None;
    }
    if child == 0 {
        // SAFETY: no memory is involved.
        unsafe { libc::alarm(60) };
        let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what)).map_or(1, |()| PASSED);
        // SAFETY: ends the child without running what its parent has registered.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: the pointer is that of a local variable.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
    Some(status)
}

fn passed(status: libc::c_int) -> bool {
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == PASSED
}
