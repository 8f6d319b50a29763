//! What a line costs by its length, and what a parser holds of a stream that never ends an event: one line of JSON for each.
//! A program of its own, because it counts what is allocated.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use ssecast_codec::Parser;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is left to the system's allocator; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // What grows in place, or by moving pages, is not held twice.
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The most that was allocated during a call, beyond what was before it.
fn peak(call: impl FnOnce()) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    call();
    PEAK.load(Ordering::Relaxed) - before
}

fn main() {
    let quick = std::env::var_os("QUICK").is_some();
    for size in [64, 1_400, 64 << 10] {
        for kib in [1, 16, 256, 1 << 10, 4 << 10, 16 << 10] {
            let nanoseconds = cost_per_byte(kib << 10, size, if quick { 2 } else { 5 });
            println!("{}", json!({ "line": kib, "chunk": size, "nanoseconds": nanoseconds }));
        }
    }
    let limit = 1 << 20;
    for (what, piece) in [
        ("one line", &b"xxxxxxxxxxxxxxxx"[..]),
        ("data lines", b"data: x\n"),
        ("empty data lines", b"data\n"),
        ("types", b"event: x\n"),
        ("ids", b"id: x\n"),
        ("invalid UTF-8", b"data: \xff\xff\xff\xff\xff\xff\xff\xff\n"),
    ] {
        let chunk = piece.repeat(64);
        let peak = peak(|| {
            let mut parser = Parser::with_max_event_bytes(limit);
            if what == "one line" {
                parser.feed(b"data: ", |_| ()).expect("a few bytes");
            }
            while parser.feed(&chunk, |_| ()).is_ok() {}
        });
        println!("{}", json!({ "endless": what, "limit": limit, "peak": peak }));
    }
}

/// The best of some rounds over 32 MB of lines of this length, each an event.
fn cost_per_byte(length: usize, size: usize, rounds: usize) -> f64 {
    let mut event = b"data: ".to_vec();
    event.resize(length, b'x');
    event.extend_from_slice(b"\n\n");
    let stream = event.repeat((32 << 20) / event.len());
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let mut parser = Parser::with_max_event_bytes(32 << 20);
        let start = Instant::now();
        for chunk in stream.chunks(size) {
            parser.feed(chunk, |_| ()).expect("below the limit");
        }
        best = best.min(start.elapsed());
    }
    best.as_nanos() as f64 / stream.len() as f64
}
