//! What concerns a whole process: each case runs in a child of its own, made by a fork while nothing else runs.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[cfg(unix)]
#[allow(dead_code, reason = "the listener's tests use all of it")]
#[path = "../listener/endpoint.rs"]
mod endpoint;
#[cfg(unix)]
#[path = "../../../engine/tests/rig/mod.rs"]
mod rig;

#[cfg(unix)]
mod unix;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    unix::main()
}

#[cfg(not(unix))]
fn main() {}
