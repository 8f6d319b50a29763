//! Encode and parse `text/event-stream`. No I/O, no async, no clock.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod event;
mod lines;
mod retry;

pub use error::{Error, ErrorKind};
pub use event::Event;
pub use retry::{retry_from_f64, retry_from_str};
