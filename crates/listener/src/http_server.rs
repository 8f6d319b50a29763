use std::borrow::Cow;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::unix::SourceFd;
use mio::{Events, Poll, Token};
use ssecast_engine::{
    ConnectionId, Framing, Host, Socket, Sockets, Transfer, Unavailable, expects_stream,
    is_out_of_descriptors, retry_after,
};
use ssecast_hub::{ErrorKind, Hub, Reader, Reason, Subscription};

use crate::command_queue::CommandQueue;
use crate::config::ListenerConfig;
use crate::origin_decision::OriginDecision;
use crate::pending_connection::{ANSWERING, Answer, Asked, DECIDING, Head, Phase, READING, ReadOutcome};
use crate::pending_connections::PendingConnections;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::responder::Responder;
use crate::response::{stream_head, unavailable};
use crate::router::Streams;
use crate::ticket::{Allowed, Decision, Ticket};

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

/// How long a client may take to take its answer, and when the listener closes.
const ANSWER_TIME: Duration = Duration::from_secs(2);
const LAST_ANSWER_TIME: Duration = Duration::from_millis(250);

/// For ever, as a time that a moment can be away.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// What clients are told that can't have a stream for the moment.
const CLOSING: &str = "the server is closing";
const FULL: &str = "there is no room for another stream";

/// The thread of a listener: it reads requests, and hands a connection over when the router allows it a stream.
pub(crate) struct HttpServer {
    queue: Arc<CommandQueue>,
    poll: Poll,
    /// The listening socket, until the listener is closed.
    listening: Option<TcpListener>,
    hub: Hub,
    reader: Reader,
    sockets: Sockets,
    streams: Arc<Streams>,
    config: ListenerConfig,
    pending: PendingConnections,
    /// There may be more connections to accept: from this moment on.
    accept_at: Option<Instant>,
    buffer: Box<[u8]>,
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
        Ok(Self {
            queue,
            poll,
            listening: Some(listening),
            hub: hub.clone(),
            // It registers subscribers and delivers nothing.
            reader: hub.reader(Arc::new(|| {})),
            sockets: Sockets::shared(),
            streams: Arc::new(streams),
            config,
            pending,
            accept_at: None,
            buffer: vec![0; 16 << 10].into(),
        })
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while self.listening.is_some() || self.pending.len() > 0 {
            let timeout = if self.queue.parker.try_park() { self.timeout() } else { Some(Duration::ZERO) };
            // It fails only when a signal interrupts it, and then there are no events.
            if self.poll.poll(&mut events, timeout).is_err() {
                events.clear();
            }
            self.turn(&events);
        }
        for (ticket, decision) in self.queue.close_for_good() {
            self.decide(&ticket, decision);
        }
    }

    /// When the next turn is due even if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let next = [self.pending.deadline(), self.accept_at].into_iter().flatten().min()?;
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
            self.decide(&ticket, decision);
        }
        for event in events {
            match event.token() {
                WAKE => {}
                LISTENING => self.accept_at = Some(Instant::now()),
                Token(slot) => self.proceed(slot),
            }
        }
        if self.accept_at.is_some_and(|at| at <= Instant::now()) {
            self.accept_at = self.accept();
        }
        self.expire();
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
        let is_full = self.pending.len() >= self.config.max_pending;
        if !is_full || self.make_room(Duration::ZERO) || self.give_up_undecided() {
            // It fails when the client has left just now, or the system has no memory: then it is closed.
            let _ = self.pending.admit(stream, peer, Phase::Reading(Head::default()), self.config.head_time);
        }
    }

    /// Gives up the oldest connection that has its answer, or else that has no complete head, if it is of some age.
    fn make_room(&mut self, age: Duration) -> bool {
        let now = Instant::now();
        let oldest = |phase: usize, time: Duration| {
            let (deadline, slot) = self.pending.oldest(phase)?;
            (deadline + age <= now + time).then_some(slot)
        };
        let slot = oldest(ANSWERING, ANSWER_TIME).or_else(|| oldest(READING, self.config.head_time));
        slot.is_some_and(|slot| self.pending.dismiss(slot).is_some())
    }

    /// Answers the request that waits for the router the longest, if it has waited a good part of its time: a router that
    /// never answers keeps no new client out.
    fn give_up_undecided(&mut self) -> bool {
        let time = self.config.answer_time;
        let late = Instant::now() + time.saturating_sub(time / PROTECTED);
        let Some((_, slot)) = self.pending.oldest(DECIDING).filter(|(deadline, _)| *deadline <= late) else {
            return false;
        };
        self.refuse_late(slot)
    }

    /// Answers a request that the router has not decided about. Returns whether there was still no answer.
    fn refuse_late(&mut self, slot: usize) -> bool {
        let Some(Phase::Deciding(asked)) = self.pending.phase(slot) else { return false };
        // An answer that is on its way is taken in the next turn.
        let is_open = asked.ticket.void();
        if is_open {
            self.turn_away_asked(slot, "the server took too long");
        }
        is_open
    }

    /// Something has happened on a connection.
    fn proceed(&mut self, slot: usize) {
        let Some(client) = self.pending.get_mut(slot) else { return };
        let stays = match &client.phase {
            Phase::Reading(_) => return self.read(slot),
            Phase::Deciding(_) => client.drain(&mut self.buffer),
            Phase::Answering(_) => client.send_answer(&mut self.buffer),
        };
        if !stays {
            self.pending.dismiss(slot);
        }
    }

    fn read(&mut self, slot: usize) {
        loop {
            let Some(client) = self.pending.get_mut(slot) else { return };
            let result = client.read(&mut self.buffer);
            let Phase::Reading(head) = &mut client.phase else { return };
            match result {
                ReadOutcome::Nothing => return,
                ReadOutcome::End | ReadOutcome::Gone => {
                    self.pending.dismiss(slot);
                    return;
                }
                ReadOutcome::Some(length) => {
                    match head.add(&self.buffer[..length], &self.config, client.peer) {
                        Ok(None) => {}
                        Ok(Some(request)) => return self.consider(slot, request),
                        Err(refusal) => {
                            let cors = self.config.cors_lines(None);
                            return self.refuse(slot, &refusal, &cors, false);
                        }
                    }
                }
            }
        }
    }

    /// Asks the router about the origin, if it decides on those, and goes on with the request.
    fn consider(&mut self, slot: usize, request: Request) {
        let cors = self.config.cors_lines(Some(&request));
        let time = self.config.answer_time;
        let is_open = !self.hub.is_closed() && self.listening.is_some();
        let Some(origin) = self.config.asked_origin(&request).filter(|_| is_open).map(str::to_owned) else {
            return self.answer(slot, request, cors, time);
        };
        if let Some(responder) = self.ask(slot, &request, cors, time, Some(request.clone())) {
            self.while_open(responder, |streams, responder| {
                streams.allows_origin(&origin, request, OriginDecision::new(responder));
            });
        }
    }

    /// Answers what needs no router, and asks it about the rest, within a time.
    fn answer(&mut self, slot: usize, request: Request, cors: String, time: Duration) {
        let is_head = request.method() == "HEAD";
        let expects_stream = expects_stream(request.method(), request.values("accept"));
        if let Some((refusal, lines)) = self.config.answer(&request) {
            return self.refuse(slot, &refusal, &(cors + &lines), is_head);
        }
        if self.hub.is_closed() || self.listening.is_none() {
            return self.turn_away(slot, CLOSING, expects_stream, &cors, is_head);
        }
        if let Some(responder) = self.ask(slot, &request, cors, time, None) {
            self.while_open(responder, |streams, responder| streams.route(request, responder));
        }
    }

    /// Lets a connection wait for the router. `None` if the client has left.
    fn ask(
        &mut self,
        slot: usize,
        request: &Request,
        cors: String,
        time: Duration,
        undecided: Option<Request>,
    ) -> Option<Responder> {
        let client = self.pending.get_mut(slot)?;
        if !client.drain(&mut self.buffer) {
            self.pending.dismiss(slot);
            return None;
        }
        let ticket = Arc::new(Ticket::new(ConnectionId::unique(), slot));
        let asked = Asked {
            ticket: Arc::clone(&ticket),
            framing: if request.is_old { Framing::Raw } else { Framing::Chunked },
            is_head: request.method() == "HEAD",
            expects_stream: expects_stream(request.method(), request.values("accept")),
            last_event_id: request.last_event_id().map(str::to_owned),
            cors,
            undecided,
        };
        self.pending.enter(slot, Phase::Deciding(Box::new(asked)), time);
        Some(Responder { queue: Arc::clone(&self.queue), ticket })
    }

    /// Calls the router, before whose return the hub is not over.
    fn while_open(&self, responder: Responder, call: impl FnOnce(&Streams, Responder)) {
        match self.hub.hold() {
            Ok(_hold) => call(&self.streams, responder),
            Err(_) => _ = responder.unavailable(),
        }
    }

    /// Goes on with a request whose origin the router has decided on. Both answers have one time.
    fn origin_decided(&mut self, slot: usize, allowed: bool) {
        let Some(client) = self.pending.get_mut(slot) else { return };
        let left = client.deadline.saturating_duration_since(Instant::now());
        let Phase::Deciding(asked) = &mut client.phase else { return };
        let Some(request) = asked.undecided.take() else { return };
        let cors = self.config.decided_cors_lines(&request, allowed);
        self.answer(slot, request, cors, left);
    }

    /// Answers with something that is no stream, and parts.
    fn refuse(&mut self, slot: usize, refusal: &Refusal, lines: &str, is_head: bool) {
        let asks_to_wait = matches!(refusal.status, 429 | 503) && refusal.header("retry-after").is_none();
        let retry = if asks_to_wait { self.retry_after() } else { String::new() };
        let answer = refusal.response(&(retry + lines), is_head);
        self.send_answer(slot, answer);
    }

    fn send_answer(&mut self, slot: usize, answer: Vec<u8>) {
        let time = if self.listening.is_some() { ANSWER_TIME } else { LAST_ANSWER_TIME };
        self.pending.enter(slot, Phase::Answering(Answer::new(answer)), time);
        self.proceed(slot);
    }

    /// Answers that there can be no stream for the moment, and parts.
    fn turn_away(
        &mut self,
        slot: usize,
        detail: &'static str,
        expects_stream: bool,
        cors: &str,
        is_head: bool,
    ) {
        let answer = Unavailable::for_client(&self.hub, expects_stream);
        let answer = unavailable(&answer, detail, cors, &self.config.headers, is_head);
        self.send_answer(slot, answer);
    }

    /// The same for a request that waits for the router's answer.
    fn turn_away_asked(&mut self, slot: usize, detail: &'static str) {
        if let Some(Phase::Deciding(asked)) = self.pending.phase(slot) {
            let (cors, is_head, expects_stream) = (asked.cors.clone(), asked.is_head, asked.expects_stream);
            self.turn_away(slot, detail, expects_stream, &cors, is_head);
        }
    }

    fn retry_after(&self) -> String {
        format!("Retry-After: {}\r\n", retry_after(&self.hub))
    }

    /// Carries out what the router decided.
    fn decide(&mut self, ticket: &Arc<Ticket>, decision: Decision) {
        let slot = ticket.slot;
        let asked = match self.pending.phase(slot) {
            Some(Phase::Deciding(asked)) if Arc::ptr_eq(&asked.ticket, ticket) => asked,
            _ => {
                if let Decision::Allow(allowed) = decision {
                    self.never_began(ticket.connection, &allowed, Reason::Client);
                }
                return;
            }
        };
        match decision {
            Decision::Refuse(refusal) => {
                let (cors, is_head) = (asked.cors.clone(), asked.is_head);
                self.refuse(slot, &refusal, &cors, is_head);
            }
            Decision::Unavailable => self.turn_away_asked(slot, FULL),
            Decision::Origin(allowed) => self.origin_decided(slot, allowed),
            Decision::Allow(allowed)
                if asked.last_event_id.as_deref().is_some_and(ssecast_hub::is_finished) =>
            {
                self.answer_finished(slot, &allowed);
            }
            Decision::Allow(allowed) => self.open(slot, &allowed),
        }
    }

    /// Hands a connection over: from here on it is a stream.
    fn open(&mut self, slot: usize, allowed: &Allowed) {
        let Some(Phase::Deciding(asked)) = self.pending.phase(slot) else {
            return;
        };
        let topics: Vec<&str> = allowed.topics.iter().map(String::as_str).collect();
        let last_event_id = asked.last_event_id.as_deref();
        let subscription = Subscription {
            topics: &topics,
            last_event_id,
            replay: allowed.replay.unwrap_or(self.config.replay),
        };
        // To HEAD the answer is that to GET, and there is no stream behind it.
        let ready = if asked.is_head {
            self.hub.check_subscription(&subscription).map(|()| None)
        } else {
            self.sockets.worker().and_then(|worker| Ok(Some((worker, self.reader.subscribe(&subscription)?))))
        };
        let (connection, cors) = (asked.ticket.connection, asked.cors.clone());
        let (worker, subscriber) = match ready {
            Ok(Some(ready)) => ready,
            Ok(None) => {
                let answer = stream_head(asked.framing, &cors, &self.headers(allowed));
                self.send_answer(slot, answer);
                return self.never_began(connection, allowed, Reason::Server);
            }
            Err(error) if error.kind() == ErrorKind::TopicEnded => {
                return self.answer_finished(slot, allowed);
            }
            Err(error) => {
                let reason = if error.kind() == ErrorKind::Closed { Reason::Shutdown } else { Reason::Error };
                self.turn_away_asked(slot, FULL);
                return self.never_began(connection, allowed, reason);
            }
        };
        let Some(client) = self.pending.dismiss(slot) else { return };
        let Phase::Deciding(asked) = client.phase else { return };
        let framing = asked.framing;
        let head = Bytes::from(stream_head(framing, &cors, &self.headers(allowed)));
        // It fails when the client has left just now.
        let Ok(socket) = Socket::take(OwnedFd::from(client.stream), worker, head) else {
            return self.never_began(connection, allowed, Reason::Client);
        };
        let host = self.host(allowed);
        let _ = socket.attach(
            &self.hub,
            subscriber,
            Transfer { framing, released: true, name: connection, host },
        );
        // The topics that changed while it was this reader's are the thread's to look at.
        self.reader.changed(&mut Vec::new());
    }

    /// Answers a client that there is nothing more for, so that it stays away.
    fn answer_finished(&mut self, slot: usize, allowed: &Allowed) {
        let Some(Phase::Deciding(asked)) = self.pending.phase(slot) else { return };
        let (connection, cors, is_head) = (asked.ticket.connection, asked.cors.clone(), asked.is_head);
        self.refuse(slot, &Refusal::new(204), &cors, is_head);
        self.never_began(connection, allowed, Reason::Server);
    }

    /// What is told what becomes of a stream.
    fn host(&self, allowed: &Allowed) -> Arc<dyn Host> {
        match &allowed.host {
            Some(host) => Arc::new(host.clone()),
            None => Arc::clone(&self.streams) as Arc<dyn Host>,
        }
    }

    /// The stream of a request that was allowed will never begin.
    fn never_began(&self, connection: ConnectionId, allowed: &Allowed, reason: Reason) {
        self.host(allowed).ended(connection, reason, false);
    }

    /// The headers that a stream's response has besides its own.
    fn headers<'a>(&'a self, allowed: &'a Allowed) -> Cow<'a, [(String, String)]> {
        if allowed.headers.is_empty() {
            return Cow::Borrowed(&self.config.headers);
        }
        let is_replaced =
            |name: &str| allowed.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let kept = self.config.headers.iter().filter(|(name, _)| !is_replaced(name));
        kept.chain(&allowed.headers).cloned().collect()
    }

    /// Gives up those whose time is over.
    fn expire(&mut self) {
        let now = Instant::now();
        while let Some(slot) = self.pending.take_late(READING, now) {
            self.give_up(slot, &Refusal::saying(408, "the head took too long"));
        }
        while let Some(slot) = self.pending.take_late(DECIDING, now) {
            self.refuse_late(slot);
        }
        while let Some(slot) = self.pending.take_late(ANSWERING, now) {
            self.pending.dismiss(slot);
        }
    }

    /// Answers a connection whose head is not complete; one that has said nothing is just closed.
    fn give_up(&mut self, slot: usize, refusal: &Refusal) {
        match self.pending.phase(slot) {
            Some(Phase::Reading(head)) if !head.is_empty() => {
                let cors = self.config.cors_lines(None);
                self.refuse(slot, refusal, &cors, false);
            }
            _ => drop(self.pending.dismiss(slot)),
        }
    }

    /// Closes the listening socket, and answers every request that has no answer yet.
    fn close(&mut self) {
        if let Some(listening) = self.listening.take() {
            let _ = self.poll.registry().deregister(&mut SourceFd(&listening.as_raw_fd()));
            // A child of this process may have it too, and would keep clients waiting at it.
            let _ = rustix::net::shutdown(&listening, rustix::net::Shutdown::Both);
        }
        self.accept_at = None;
        for slot in self.pending.slots() {
            match self.pending.phase(slot) {
                Some(Phase::Reading(_)) => self.give_up(slot, &Refusal::saying(503, CLOSING)),
                Some(Phase::Deciding(asked)) if asked.ticket.void() => self.turn_away_asked(slot, CLOSING),
                Some(Phase::Answering(_)) => self.pending.hurry(slot, LAST_ANSWER_TIME),
                _ => {}
            }
        }
    }
}
