//! SPEC 18 at the allocator: what a parser holds at the most of an event that never ends.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use ssecast_codec::Parser;

std::thread_local! {
    // Tests run on threads of their own, so each counts for itself.
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn take(bytes: usize) {
    HELD.set(HELD.get() + bytes);
    PEAK.set(PEAK.get().max(HELD.get()));
}

// SAFETY: everything is left to the system's allocator; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Another thread may have allocated it.
        HELD.set(HELD.get().saturating_sub(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // What grows in place, or by moving pages, is not held twice.
        HELD.set(HELD.get().saturating_sub(layout.size()));
        take(size);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

const LIMIT: usize = 3 << 20;

/// The most that a parser holds while this comes again and again after `start`, until it is too much or well past the limit.
fn peak(start: &[u8], again: &[u8], chunk: usize) -> usize {
    let stream = again.repeat(chunk / again.len() + 1);
    let before = HELD.get();
    PEAK.set(before);
    let mut parser = Parser::with_max_event_bytes(LIMIT);
    parser.feed(start, |_| ()).expect("a few bytes");
    let mut fed = 0;
    while fed < LIMIT / 2 * 3 && parser.feed(&stream, |_| ()).is_ok() {
        fed += stream.len();
    }
    PEAK.get() - before
}

#[test]
fn spec_18_a_parser_holds_no_more_than_the_limit_of_an_endless_event() {
    for chunk in [1, 64, 1_400, 65_536] {
        for (start, again) in [
            (&b"data: "[..], &b"x"[..]),
            (b"", b"data: x\n"),
            (b"", b"data\n"),
            (b"", b"data: 0123456789012345678901234567890123456789\r\n"),
            (b"", b"event: x\n"),
            (b"id: ", b"x"),
            (b": ", b"x"),
            (b"unknown: ", b"x"),
            (b"retry: ", b"1"),
            (b"", b": x\n"),
            (b"data: ", b"\xff"),
            (b"event: ", b"\xff\xf0\x9f"),
            (b"", b"data: \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\n"),
            (b"data", b"data: x"),
        ] {
            let peak = peak(start, again, chunk);
            // A line or two beside the data, and the message of the error.
            assert!(
                peak <= LIMIT + (130 << 10),
                "{peak} for {:?} by {chunk}",
                again.escape_ascii().to_string()
            );
        }
    }
}
