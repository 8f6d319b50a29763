//! Socket delivery, seen from both ends of real connections.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../rig/mod.rs"]
mod rig;

mod attach;
mod delivery;
mod detach;
mod end;
mod heartbeat;
mod orders;
mod released;
mod slow_client;
mod unsent;
