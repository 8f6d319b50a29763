//! What an idle connection costs, counted at the allocator.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ssecast_engine::{Config, Event, Framing, Hub, LoopConnections, Sockets, Subscription};
use ssecast_listener::{Listener, ListenerConfig, QueryTopics};

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

const GET: &str = "GET /?topic=t HTTP/1.1\r\nHost: localhost:8080\r\nAccept: text/event-stream\r\n\r\n";

/// The most that one may cost, with every index that it stands in.
const LIMIT: isize = 1024;

fn attach(
    event_loop: &LoopConnections,
    sockets: &Sockets,
    pairs: &[(UnixStream, UnixStream)],
    topics: &[&str],
) {
    for (host, _) in pairs {
        let id = event_loop.open_paused(&Subscription { topics, ..Subscription::default() }).unwrap();
        event_loop.attach_socket(sockets, id, host.as_fd(), Framing::Chunked, true).unwrap();
    }
}

/// Waits until all of them have got an event, and the engine has put its tools away.
fn settle<'a>(hub: &Hub, clients: impl Iterator<Item = &'a mut UnixStream>, text: &str) {
    hub.publish("t", &Event { data: Some(text), ..Event::default() }).unwrap();
    let mut buffer = [0; 4096];
    for client in clients {
        let mut seen = 0;
        while !buffer[..seen].windows(text.len()).any(|window| window == text.as_bytes()) {
            seen += client.read(&mut buffer[seen..]).unwrap();
        }
    }
}

/// Waits until so many connections are registered.
fn registered(hub: &Hub, connections: usize) {
    let deadline = Instant::now() + Duration::from_secs(50);
    while hub.stats().connections < connections as u64 {
        assert!(Instant::now() < deadline, "only {} are registered", hub.stats().connections);
        std::thread::sleep(Duration::from_millis(1));
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

/// What is counted is the whole process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn an_idle_client_of_the_listener_costs_at_most_a_kilobyte_before_and_behind_its_head() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let connections = 2049;
    let hub = Hub::new(Config::default()).unwrap();
    let config = ListenerConfig { head_time: Duration::from_secs(600), ..ListenerConfig::default() };
    let listener = Listener::bind(&hub, "127.0.0.1:0", config, QueryTopics).unwrap();
    let connect = |_| UnixStream::from(OwnedFd::from(TcpStream::connect(listener.address()).unwrap()));
    let mut first: Vec<_> = (0..4).map(connect).collect();
    first.iter_mut().for_each(|client| client.write_all(GET.as_bytes()).unwrap());
    registered(&hub, 4);
    settle(&hub, first.iter_mut(), "first");
    // The client's side is a table of descriptors, which is no cost of the listener's.
    let mut clients = Vec::with_capacity(connections);
    let before = resting();
    clients.extend((0..connections).map(connect));
    // All of the head but the end of its last line.
    clients.iter_mut().for_each(|client| client.write_all(&GET.as_bytes()[..GET.len() - 2]).unwrap());
    let half_open = (resting() - before) / count(connections);
    clients.iter_mut().for_each(|client| client.write_all(b"\r\n").unwrap());
    registered(&hub, 4 + connections);
    settle(&hub, clients.iter_mut(), "second");
    let each = (resting() - before) / count(connections);
    println!(
        "{half_open} bytes for each of {connections} without a complete head, then {each} for the stream"
    );
    assert!(half_open <= LIMIT && each <= LIMIT, "{half_open}, {each}");
}

#[test]
fn an_idle_connection_costs_at_most_a_kilobyte_in_the_engine() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // The number after a power of two finds every table that grows by doubling at its emptiest.
    for (connections, topics) in
        [(1025, &["t"][..]), (2000, &["t"]), (2049, &["t"]), (2049, &["t", "u", "v"])]
    {
        let mut pairs: Vec<_> = (0..connections).map(|_| UnixStream::pair().unwrap()).collect();
        let hub = Hub::new(Config::default()).unwrap();
        let event_loop = LoopConnections::new(&hub, || {});
        let sockets = Sockets::new(2);
        attach(&event_loop, &sockets, &pairs[..2], topics);
        settle(&hub, pairs[..2].iter_mut().map(|pair| &mut pair.1), "first");
        let before = resting();
        attach(&event_loop, &sockets, &pairs[2..], topics);
        settle(&hub, pairs.iter_mut().map(|pair| &mut pair.1), "second");
        let each = (resting() - before) / (count(connections) - 2);
        println!("{each} bytes for each of {connections} connections with {} topics", topics.len());
        assert!(each <= LIMIT, "{each} bytes for each of {connections} connections");
    }
}
