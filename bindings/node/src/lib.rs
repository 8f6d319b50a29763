//! The Node.js addon: converts arguments, calls the engine, maps errors. The public API is TypeScript, in npm/src.
//!
//! ```text
//! npm/src (checks, sessions, middleware) → NativeHub (values, errors) → ssecast::Hub, LoopConnections, Sockets
//!          LoopConnections.#deliver      ←  wake, take                ←
//! ```
//!
//! JavaScript values are copied before anything else happens. The addon keeps one function of JavaScript: the wake-up,
//! whose reference is weak, so that an idle hub does not keep the process alive.

#![allow(unreachable_pub, reason = "the entry points are reached from JavaScript")]
#![allow(clippy::needless_pass_by_value, reason = "Node-API hands values over")]
#![allow(clippy::cast_possible_wrap, reason = "counts of what one call carries")]

mod call;
mod connection_id;
mod cors;
mod deliveries;
#[cfg(unix)]
mod descriptor;
mod encode;
mod error;
mod fields;
mod hub;
#[cfg(unix)]
mod listener;
mod options;
#[cfg(unix)]
mod peer_timeout;
mod publications;
mod request;
mod stats;
mod stream_headers;
mod texts;
mod topics;
mod unavailable;
mod unread_watch;
mod value;
