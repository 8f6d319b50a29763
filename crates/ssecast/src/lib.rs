//! The native engine for Server-Sent Events: encode, parse and broadcast `text/event-stream`.
//!
//! A [`Hub`] holds the topics and their history. [`Pull`] delivers to the connections of an event loop. [`encode`
//! ](Event::encode) writes one event; the parser reads a stream.
//!
//! ```
//! use ssecast::{Config, Event, Hub};
//! let hub = Hub::new(Config::default())?;
//! hub.publish("ticks", &Event { event: Some("tick"), data: Some("1"), ..Event::default() })?;
//! # Ok::<(), ssecast::Error>(())
//! ```
//!
//! With the feature `stream`, `EventStream` gives the events of any stream of bytes, such as the body of a response that
//! reqwest or hyper receives; with `tokio`, of anything that tokio reads from.
#![forbid(unsafe_code)]

#[cfg(feature = "stream")]
mod event_stream;
#[cfg(feature = "tokio")]
mod reads;
#[cfg(feature = "stream")]
mod received;

#[cfg(feature = "stream")]
pub use event_stream::{EventStream, EventStreamError};
#[cfg(feature = "tokio")]
pub use reads::Reads;
#[cfg(feature = "stream")]
pub use received::Received;
pub use ssecast_codec as codec;
pub use ssecast_engine::*;
