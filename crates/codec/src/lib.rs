//! Encode and parse `text/event-stream`. No I/O, no async, no clock.
//!
//! [`Event::encode`] writes what every receiver reads back equal, and refuses what it could not; [`Parser`]
//! reads whatever a server sends, in chunks of any size, by the rules of the WHATWG HTML Standard.
//!
//! With the feature `stream`, `EventStream` gives the events of any stream of bytes, such as the body of a response that
//! reqwest or hyper receives; with `tokio`, of anything that tokio reads from.
#![no_std]
#![forbid(unsafe_code)]
// On docs.rs each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod block;
mod error;
mod event;
#[cfg(feature = "stream")]
mod event_stream;
mod field;
mod item;
mod line;
#[cfg(test)]
mod linear;
mod option_key;
mod parser;
#[cfg(feature = "tokio")]
mod reads;
#[cfg(feature = "stream")]
mod received;
mod retry;
mod stream;
mod text;

pub use error::{Error, ErrorField, ErrorKind};
pub use event::Event;
#[cfg(feature = "stream")]
pub use event_stream::{EventStream, EventStreamError};
pub use item::{Flow, Item, Message};
pub use option_key::{Language, OptionKey};
pub use parser::Parser;
#[cfg(feature = "tokio")]
pub use reads::Reads;
#[cfg(feature = "stream")]
pub use received::{LastEventId, Received};
pub use retry::{retry_from_f64, retry_from_str};

/// The example of the README is tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
