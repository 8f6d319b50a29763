//! Encode and parse `text/event-stream`. No I/O, no async, no clock.
//!
//! [`Event::encode`] writes what every receiver reads back equal, and refuses what it could not; [`Parser`]
//! reads whatever a server sends, in chunks of any size, by the rules of the WHATWG HTML Standard.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod block;
mod error;
mod event;
mod field;
mod item;
mod line;
#[cfg(test)]
mod linear;
mod parser;
mod retry;
mod stream;
mod text;

pub use error::{Error, ErrorKind};
pub use event::Event;
pub use item::{Flow, Item, Message};
pub use parser::Parser;
pub use retry::{retry_from_f64, retry_from_str};
