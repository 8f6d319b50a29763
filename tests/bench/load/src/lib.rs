//! What the load client and the floor server share.

pub mod clients;
pub mod commands;
pub mod latency;
pub mod marker;
pub mod report;
pub mod stream;
pub mod system;
