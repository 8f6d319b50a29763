//! Encode and parse `text/event-stream`. No I/O, no async, no clock.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;

pub use error::{Error, ErrorKind};
