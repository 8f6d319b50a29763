//! The Node.js addon: converts, calls the engine, maps errors. What the npm package documents is in npm/src.
//!
//! JavaScript values are copied before anything else happens, and nothing of JavaScript is kept but the wake-up
//! function, which is weak: an idle hub does not keep the process alive.

#![allow(unreachable_pub, reason = "the entry points are reached from JavaScript")]
#![allow(clippy::needless_pass_by_value, reason = "Node-API hands values over")]
#![allow(clippy::cast_possible_wrap, reason = "counts of what one call carries")]

mod call;
mod cors;
mod encode;
mod error;
mod hub;
#[cfg(unix)]
mod listener;
mod options;
#[cfg(unix)]
mod peer_timeout;
mod value;
