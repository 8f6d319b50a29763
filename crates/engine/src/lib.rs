//! Delivery: what a hub has for its connections goes out through here.
//!
//! There are two ways out. In *pull delivery* ([`Pull`]) the host writes: it is woken once for all connections,
//! takes batches of shared bytes, and its own backpressure pauses a connection's cursor. In *socket delivery*,
//! which comes next, threads of the engine write to descriptors themselves. Both stand on the same roster of
//! connections, so that they can't differ in what a client gets.
#![forbid(unsafe_code)]

mod connection;
mod pull;
mod roster;
mod timer;

pub use connection::ConnectionId;
pub use pull::{Content, Delivery, Pull};
pub use ssecast_hub::*;
