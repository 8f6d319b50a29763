//! The Redis store, with real servers and real processes. Each test has servers of its own, on free ports of this machine.
//! Where no Redis runs and none can be had, the tests say so and pass; not so in continuous integration.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod child;
mod hubs;
mod limits;
mod losses;
mod outages;
mod proxy;
mod rig;
mod server;
mod unread;
