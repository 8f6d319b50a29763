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
#![forbid(unsafe_code)]

pub use ssecast_codec as codec;
pub use ssecast_engine::*;
