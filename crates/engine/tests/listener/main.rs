//! The listener, seen by clients with real sockets.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../rig/mod.rs"]
mod rig;

mod endpoint;
mod stream;
