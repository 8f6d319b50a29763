//! What an idle connection costs, counted at the allocator.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::{Duration, Instant};

use ssecast_engine::{Config, Event, Framing, Hub, Pull, Sockets, Subscription};

/// The bytes that are allocated now.
static BYTES: AtomicIsize = AtomicIsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

// SAFETY: everything is left to the system's allocator; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(count(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(count(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most that one may cost, with every index that it stands in.
const LIMIT: isize = 1024;

fn attach(pull: &Pull, sockets: &Sockets, pairs: &[(UnixStream, UnixStream)], topics: &[&str]) {
    for (host, _) in pairs {
        let id = pull.open_paused(&Subscription { topics, last_event_id: None }).unwrap();
        pull.attach_socket(sockets, id, host.as_fd(), Framing::Chunked, true).unwrap();
    }
}

/// Waits until all of them have got an event, and the engine has put its tools away.
fn settle(hub: &Hub, pairs: &mut [(UnixStream, UnixStream)], text: &str) {
    hub.publish("t", &Event { data: Some(text), ..Event::default() }).unwrap();
    let mut buffer = [0; 4096];
    for (_, client) in pairs {
        let mut seen = 0;
        while !buffer[..seen].windows(text.len()).any(|window| window == text.as_bytes()) {
            seen += client.read(&mut buffer[seen..]).unwrap();
        }
    }
}

/// The bytes that are allocated once nothing changes any more.
fn resting() -> isize {
    let deadline = Instant::now() + Duration::from_secs(50);
    let mut last = (0, BYTES.load(Ordering::Relaxed));
    while last.0 < 20 {
        assert!(Instant::now() < deadline, "it never rests");
        std::thread::sleep(Duration::from_millis(20));
        let now = BYTES.load(Ordering::Relaxed);
        last = if now == last.1 { (last.0 + 1, now) } else { (0, now) };
    }
    last.1
}

#[test]
fn an_idle_connection_costs_at_most_a_kilobyte_in_the_engine() {
    // The number after a power of two finds every table that grows by doubling at its emptiest.
    for (connections, topics) in
        [(1025, &["t"][..]), (2000, &["t"]), (2049, &["t"]), (2049, &["t", "u", "v"])]
    {
        let mut pairs: Vec<_> = (0..connections).map(|_| UnixStream::pair().unwrap()).collect();
        let hub = Hub::new(Config::default()).unwrap();
        let pull = Pull::new(&hub, || {});
        let sockets = Sockets::new(2);
        attach(&pull, &sockets, &pairs[..2], topics);
        settle(&hub, &mut pairs[..2], "first");
        let before = resting();
        attach(&pull, &sockets, &pairs[2..], topics);
        settle(&hub, &mut pairs, "second");
        let each = (resting() - before) / (count(connections) - 2);
        println!("{each} bytes for each of {connections} connections with {} topics", topics.len());
        assert!(each <= LIMIT, "{each} bytes for each of {connections} connections");
    }
}
