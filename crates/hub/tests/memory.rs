//! The memory that a hub says it holds, beside what it takes from the allocator.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ssecast_hub::{Config, Event, History, Hub, Subscription};

struct Counting;

static HELD: AtomicU64 = AtomicU64::new(0);

/// What an allocation costs: its bytes and a word, in steps of two words.
fn cost(layout: Layout) -> u64 {
    (layout.size() + 8).next_multiple_of(16).max(32) as u64
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(cost(layout), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(cost(layout), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Both are about all memory of the process, so they run one after the other.
#[test]
fn a_hub_holds_no_more_memory_than_it_says() {
    for own_ids in [false, true] {
        the_history(own_ids);
        what_waits_for_one_connection(own_ids);
    }
}

fn the_history(own_ids: bool) {
    for bytes in [1 << 18, 1 << 20, 3 << 19] {
        let history = History { events: None, bytes: Some(bytes), age: None };
        let before = HELD.load(Ordering::Relaxed);
        let hub = Hub::new(Config { history, ..Config::default() }).unwrap();
        // The index has its worst size only after events have left it.
        for number in 0..bytes / 50 {
            let id = format!("order-{number}");
            let event = Event { id: own_ids.then_some(&*id), data: Some("x"), ..Event::default() };
            hub.publish("t", &event).unwrap();
        }
        let (held, said) = (HELD.load(Ordering::Relaxed) - before, hub.stats().held_bytes);
        assert!(held <= said + said / 20, "{held} bytes for {said}, own ids: {own_ids}");
        assert!(held > said / 2, "{held} bytes for {said}, own ids: {own_ids}");
    }
}

fn what_waits_for_one_connection(own_ids: bool) {
    let hub = Hub::new(Config::default()).unwrap();
    let mut reader = hub.reader(Arc::new(|| ()));
    let mut subscriber = reader.subscribe(&Subscription::default()).unwrap();
    let before = (HELD.load(Ordering::Relaxed), hub.stats().held_bytes);
    for number in 0..5000 {
        let id = format!("order-{number}");
        let event = Event { id: own_ids.then_some(&*id), data: Some("x"), ..Event::default() };
        assert!(subscriber.send(&event).unwrap());
    }
    let (held, said) = (HELD.load(Ordering::Relaxed) - before.0, hub.stats().held_bytes - before.1);
    assert!(held <= said + said / 20, "{held} bytes for {said}, own ids: {own_ids}");
    assert!(held > said / 2, "{held} bytes for {said}, own ids: {own_ids}");
    drop(subscriber);
    assert_eq!(hub.stats().held_bytes, 0, "what was never sent is gone with the connection");
}
