//! A hub, its event loop, and clients with real sockets.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod client;

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub(crate) use client::{Body, Client, events, narrow, tcp, tiny};
use ssecast_engine::{
    Config, ConnectionId, Content, Delivery, Error, Event, Framing, History, Hub, LoopConnections,
    ManualClock, Policy, Reason, SlowClient, Sockets, Subscription,
};

/// Far longer than anything takes: what never comes fails the test instead of hanging it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// The host: an event loop with pull delivery, and what it was told.
pub(crate) struct Rig {
    pub(crate) hub: Hub,
    pub(crate) connections: LoopConnections,
    pub(crate) sockets: Sockets,
    pub(crate) wakes: Arc<Wakes>,
    /// What the host wrote itself, by connection.
    pub(crate) written: HashMap<ConnectionId, Vec<u8>>,
    pub(crate) ended: HashMap<ConnectionId, (Reason, bool)>,
    pub(crate) drained: Vec<ConnectionId>,
    /// The host's own descriptors.
    pub(crate) held: HashMap<ConnectionId, OwnedFd>,
    /// A connection to nudge the engine's thread with when a clock was moved by hand.
    spare: Option<(ConnectionId, Client)>,
}

/// How often the host was woken.
#[derive(Default)]
pub(crate) struct Wakes {
    count: Mutex<usize>,
    rung: Condvar,
}

/// Keeps everything and says nothing but events: each test turns on what it is about.
pub(crate) fn quiet() -> Config {
    Config {
        history: History { events: Some(10_000), bytes: None, age: None },
        heartbeat: None,
        retry: None,
        ..Config::default()
    }
}

pub(crate) fn slow(bytes: usize, time: Duration, policy: Policy) -> Config {
    Config { slow_client: SlowClient { bytes, time, policy }, ..quiet() }
}

/// For clients that may lag as long as the test takes.
pub(crate) fn patient() -> Config {
    slow(1 << 30, PATIENCE * 100, Policy::Disconnect)
}

pub(crate) fn data(text: &str) -> Event<'_> {
    Event { data: Some(text), ..Event::default() }
}

impl Wakes {
    pub(crate) fn count(&self) -> usize {
        *self.count.lock().unwrap()
    }

    fn ring(&self) {
        *self.count.lock().unwrap() += 1;
        self.rung.notify_all();
    }

    /// Waits until there were more wake-ups than `seen`.
    pub(crate) fn wait(&self, seen: usize, patience: Duration) -> usize {
        let count = self.count.lock().unwrap();
        *self.rung.wait_timeout_while(count, patience, |count| *count <= seen).unwrap().0
    }
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        Self::of(Hub::new(config).expect("a valid configuration"))
    }

    /// With a clock that is moved by hand.
    pub(crate) fn manual(config: Config) -> (Self, ManualClock) {
        let clock = ManualClock::default();
        (Self::of(Hub::with_clock(config, clock.clone()).expect("a valid configuration")), clock)
    }

    pub(crate) fn of(hub: Hub) -> Self {
        let wakes = Arc::new(Wakes::default());
        let rung = Arc::clone(&wakes);
        Self {
            connections: LoopConnections::new(&hub, move || rung.ring()),
            hub,
            sockets: Sockets::new(1),
            wakes,
            written: HashMap::new(),
            ended: HashMap::new(),
            drained: Vec::new(),
            held: HashMap::new(),
            spare: None,
        }
    }

    /// A client over TCP, with chunks.
    pub(crate) fn connect(&mut self, topics: &[&str]) -> (ConnectionId, Client) {
        self.attach(topics, None, tcp(), Framing::Chunked)
    }

    pub(crate) fn attach(
        &mut self,
        topics: &[&str],
        last_event_id: Option<&str>,
        (host, client): (OwnedFd, std::os::unix::net::UnixStream),
        framing: Framing,
    ) -> (ConnectionId, Client) {
        let id = self
            .connections
            .open_paused(&Subscription { topics, last_event_id, ..Subscription::default() })
            .expect("an open hub");
        self.connections
            .attach_socket(&self.sockets, id, host.as_fd(), framing, false)
            .expect("a stream socket");
        self.held.insert(id, host);
        (id, Client::new(client, framing))
    }

    /// A client whose connection the host lets go of.
    pub(crate) fn release(
        &mut self,
        topics: &[&str],
        (host, client): (OwnedFd, std::os::unix::net::UnixStream),
        framing: Framing,
    ) -> (ConnectionId, Client) {
        let id = self
            .connections
            .open_paused(&Subscription { topics, ..Subscription::default() })
            .expect("an open hub");
        self.connections
            .attach_socket(&self.sockets, id, host.as_fd(), framing, true)
            .expect("a stream socket");
        (id, Client::new(client, framing))
    }

    /// A connection that the host writes itself.
    pub(crate) fn open(&mut self, topics: &[&str]) -> ConnectionId {
        self.connections.open(&Subscription { topics, ..Subscription::default() }).expect("an open hub")
    }

    pub(crate) fn publish(&self, topic: &str, text: &str) {
        self.hub.publish(topic, &data(text)).expect("a valid event");
    }

    pub(crate) fn send(&self, id: ConnectionId, text: &str) -> bool {
        self.connections.send(id, &data(text)).expect("a valid event")
    }

    /// One turn of the event loop.
    pub(crate) fn turn(&mut self) {
        let mut deliveries = Vec::new();
        while self.connections.take(256, &mut deliveries) {}
        for Delivery { connection, content } in deliveries {
            match content {
                Content::Batch(batch) => {
                    self.written.entry(connection).or_default().extend_from_slice(&batch.bytes());
                }
                Content::End(reason) => {
                    assert!(self.ended.insert(connection, (reason, false)).is_none(), "told twice");
                }
                Content::Cut(reason) => {
                    assert!(self.ended.insert(connection, (reason, true)).is_none(), "told twice");
                }
                Content::Drained => self.drained.push(connection),
            }
        }
    }

    /// Runs the event loop until something is so.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.wakes.count();
            self.turn();
            if is_so(self) {
                return;
            }
            assert!(Instant::now() < deadline, "in vain: {what}");
            // What no wake-up comes for, such as a counter, is looked at again soon.
            self.wakes.wait(seen, Duration::from_millis(5));
        }
    }

    /// Runs the event loop until it has been told of a connection's end.
    pub(crate) fn end_of(&mut self, id: ConnectionId) -> (Reason, bool) {
        self.until("the end of a connection", |rig| rig.ended.contains_key(&id));
        self.ended[&id]
    }

    /// Ends a body as the host does, once the engine has let go of the connection.
    pub(crate) fn write(&self, id: ConnectionId, bytes: &[u8]) {
        let sent = rustix::net::send(&self.held[&id], bytes, rustix::net::SendFlags::NOSIGNAL);
        assert_eq!(sent.expect("an open socket"), bytes.len());
    }

    /// Moves the time on, and gets the engine's thread to look at it and to do what is due.
    pub(crate) fn advance(&mut self, clock: &ManualClock, by: Duration) {
        clock.advance(by);
        self.nudge();
    }

    /// Gets the engine's thread to make a whole turn, and sees that it did.
    pub(crate) fn nudge(&mut self) {
        if self.spare.is_none() {
            self.spare = Some(self.attach(&[], None, tcp(), Framing::Raw));
        }
        let (id, mut client) = self.spare.take().expect("just made");
        for _ in 0..2 {
            client.clear();
            assert!(self.send(id, "nudge"));
            client.read_until("data: nudge\n\n");
        }
        self.spare = Some((id, client));
    }
}

/// Polls until a condition holds that no callback reports.
pub(crate) fn eventually(what: &str, is_so: impl FnMut() -> bool) {
    let mut is_so = is_so;
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> ssecast_engine::ErrorKind {
    result.expect_err("a refusal").kind()
}
