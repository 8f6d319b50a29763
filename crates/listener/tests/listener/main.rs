//! The listener, seen by clients with real sockets.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../../../engine/tests/rig/mod.rs"]
mod rig;

mod behind;
mod bind;
mod close;
mod cors;
mod curl;
mod endpoint;
mod limits;
mod over;
mod requests;
mod response;
mod router;
mod stream;
mod unavailable;
