use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Poll, Token};
use ssecast_engine::is_out_of_descriptors;
use ssecast_hub::Hub;

use crate::command_queue::CommandQueue;
use crate::config::ListenerConfig;
use crate::pending_connection::{ANSWERING, DECIDING, Head, Phase, READING};
use crate::pending_connections::PendingConnections;
use crate::requests::{ANSWER_TIME, Requests};
use crate::router::Streams;

/// The token of the listening socket; client connections have those below.
pub(crate) const LISTENING: Token = Token(usize::MAX - 1);

/// The token of the waker.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// How many connections are accepted before the others are looked at again.
const TURN: usize = 256;

/// How long to wait when the system has no descriptor, or no memory, for a connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The age at which a connection without a head is given up for a new one that the system has no descriptor for.
const STALE: Duration = Duration::from_secs(1);

/// One in so much of the router's time: as long as that a request keeps its place though another one needs it.
const PROTECTED: u32 = 3;

/// For ever, as a time that a moment can be away.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// The thread of a listener: it accepts connections, and tells [`Requests`] what happens on them, and which time is over.
pub(crate) struct HttpServer {
    queue: Arc<CommandQueue>,
    poll: Poll,
    /// The listening socket, until the listener is closed.
    listening: Option<TcpListener>,
    requests: Requests,
    /// There may be more connections to accept: from this moment on.
    accept_at: Option<Instant>,
}

impl HttpServer {
    pub(crate) fn new(
        hub: &Hub,
        queue: Arc<CommandQueue>,
        poll: Poll,
        listening: TcpListener,
        mut config: ListenerConfig,
        streams: Streams,
    ) -> io::Result<Self> {
        config.head_time = config.head_time.min(LONGEST);
        config.answer_time = config.answer_time.min(LONGEST);
        let pending = PendingConnections::new(poll.registry().try_clone()?);
        let requests = Requests::new(hub, Arc::clone(&queue), config, streams, pending);
        Ok(Self { queue, poll, listening: Some(listening), requests, accept_at: None })
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while self.listening.is_some() || self.requests.pending.len() > 0 {
            let timeout = if self.queue.parker.try_park() { self.timeout() } else { Some(Duration::ZERO) };
            // It fails only when a signal interrupts it, and then there are no events.
            if self.poll.poll(&mut events, timeout).is_err() {
                events.clear();
            }
            self.turn(&events);
        }
        for (ticket, decision) in self.queue.close_for_good() {
            self.requests.decide(&ticket, decision);
        }
    }

    /// When the next turn is due even if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let next = [self.requests.pending.deadline(), self.accept_at].into_iter().flatten().min()?;
        // The poll counts in whole milliseconds: a deadline is reached at the next one.
        let wait = next.saturating_duration_since(Instant::now());
        Some(if wait.is_zero() { wait } else { wait + Duration::from_millis(1) })
    }

    fn turn(&mut self, events: &Events) {
        self.queue.parker.begin();
        let (answers, closing) = self.queue.take();
        if closing && self.listening.is_some() {
            self.close();
        }
        for (ticket, decision) in answers {
            self.requests.decide(&ticket, decision);
        }
        for event in events {
            match event.token() {
                WAKE => {}
                LISTENING => self.accept_at = Some(Instant::now()),
                Token(slot) => self.requests.proceed(slot),
            }
        }
        if self.accept_at.is_some_and(|at| at <= Instant::now()) {
            self.accept_at = self.accept();
        }
        self.requests.expire();
    }

    /// Accepts connections. Returns when to try again, if there may be more.
    fn accept(&mut self) -> Option<Instant> {
        for _ in 0..TURN {
            match self.listening.as_ref()?.accept() {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return None,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ if is_out_of_descriptors(&error) && self.make_room(STALE) => {}
                    _ => return Some(Instant::now() + BACK_OFF),
                },
            }
        }
        Some(Instant::now())
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        let is_full = self.requests.pending.len() >= self.requests.config.max_pending;
        if !is_full || self.make_room(Duration::ZERO) || self.give_up_undecided() {
            // It fails when the client has left just now, or the system has no memory: then it is closed.
            let _ = self.requests.pending.admit(
                stream,
                peer,
                Phase::Reading(Head::default()),
                self.requests.config.head_time,
            );
        }
    }

    /// Gives up the oldest connection that has its answer, or else that has no complete head, if it is of some age.
    fn make_room(&mut self, age: Duration) -> bool {
        let now = Instant::now();
        let oldest = |phase: usize, time: Duration| {
            let (deadline, slot) = self.requests.pending.oldest(phase)?;
            (deadline + age <= now + time).then_some(slot)
        };
        let slot = oldest(ANSWERING, ANSWER_TIME).or_else(|| oldest(READING, self.requests.config.head_time));
        slot.is_some_and(|slot| self.requests.pending.dismiss(slot).is_some())
    }

    /// Answers the request that waits for the router the longest, if it has waited a good part of its time: a router that
    /// never answers keeps no new client out.
    fn give_up_undecided(&mut self) -> bool {
        let time = self.requests.config.answer_time;
        let late = Instant::now() + time.saturating_sub(time / PROTECTED);
        let Some((_, slot)) =
            self.requests.pending.oldest(DECIDING).filter(|(deadline, _)| *deadline <= late)
        else {
            return false;
        };
        self.requests.refuse_late(slot)
    }

    /// Closes the listening socket, and has every request answered that has no answer yet.
    fn close(&mut self) {
        if let Some(listening) = self.listening.take() {
            let _ = self.poll.registry().deregister(&mut SourceFd(&listening.as_raw_fd()));
            // A child of this process may have it too, and would keep clients waiting at it.
            let _ = rustix::net::shutdown(&listening, rustix::net::Shutdown::Both);
        }
        self.accept_at = None;
        self.requests.close();
    }
}
