//! Hubs on one store, which is simulated: it is a list, and fails when it is told to.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod behaviour;
mod ends;
mod model;
mod random;
mod rig;
mod simulated;
mod unread;
