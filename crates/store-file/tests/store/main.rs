//! The file store, with real processes. A process of a test is this binary again, with a part to play: see `child`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod child;
mod crashes;
mod disk;
mod ends;
mod forks;
mod history;
mod hubs;
mod replica;
mod sharing;
mod stopped;
mod wakes;
