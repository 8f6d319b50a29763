//! Chunks and limits: the parser beside itself.
#![no_main]
#![allow(dead_code)]

#[path = "../../crates/codec/tests/checks/mod.rs"]
mod checks;
#[path = "../../crates/codec/tests/log/mod.rs"]
mod log;
#[path = "../../crates/codec/tests/reference/mod.rs"]
mod reference;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::chunks(bytes));
