use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ssecast_engine::{ConnectionId, Framing, Unavailable, retry_after};
use ssecast_hub::{ErrorKind, Hub, Reason, Subscription};

use crate::command_queue::CommandQueue;
use crate::config::ListenerConfig;
use crate::handover::Handover;
use crate::origin_decision::OriginDecision;
use crate::pending_connection::{ANSWERING, Answer, Asked, DECIDING, Phase, READING};
use crate::pending_connections::PendingConnections;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::responder::Responder;
use crate::response::{stream_head, unavailable};
use crate::response_context::ResponseContext;
use crate::router::Streams;
use crate::ticket::{Allowed, Decision, Ticket};

/// How long a client may take to take its answer, and when the listener closes.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(2);
const LAST_ANSWER_TIME: Duration = Duration::from_millis(250);

/// What clients are told that can't have a stream for the moment.
const CLOSING: &str = "the server is closing";
const FULL: &str = "there is no room for another stream";

/// The requests of a listener, from their heads to their answers: what the router is asked, and what comes of it.
pub(crate) struct Requests {
    pub(crate) pending: PendingConnections,
    pub(crate) config: ListenerConfig,
    queue: Arc<CommandQueue>,
    hub: Hub,
    streams: Arc<Streams>,
    handover: Handover,
    /// The listener is closed: the router is asked no more.
    is_closing: bool,
}

impl Requests {
    pub(crate) fn new(
        hub: &Hub,
        queue: Arc<CommandQueue>,
        config: ListenerConfig,
        streams: Streams,
        pending: PendingConnections,
    ) -> Self {
        let streams = Arc::new(streams);
        let handover = Handover::new(hub, Arc::clone(&streams));
        Self { pending, config, queue, hub: hub.clone(), streams, handover, is_closing: false }
    }

    /// Something has happened on a connection.
    pub(crate) fn proceed(&mut self, slot: usize) {
        match self.pending.proceed(slot, &self.config) {
            None => {}
            Some(Ok(request)) => self.consider(slot, request),
            Some(Err(refusal)) => self.refuse_unread(slot, &refusal),
        }
    }

    /// Asks the router about the origin, if it decides on those, and goes on with the request.
    fn consider(&mut self, slot: usize, request: Request) {
        let context = ResponseContext::new(&request, self.config.cors_lines(Some(&request)));
        let time = self.config.answer_time;
        let origin = self.config.asked_origin(&request).filter(|_| self.is_open()).map(str::to_owned);
        let Some(origin) = origin else { return self.answer(slot, request, context, time) };
        if let Some(responder) = self.ask(slot, &request, context, time, Some(request.clone())) {
            self.while_open(responder, |streams, responder| {
                streams.allows_origin(&origin, request, OriginDecision::new(responder));
            });
        }
    }

    /// Answers what needs no router, and asks it about the rest, within a time.
    fn answer(&mut self, slot: usize, request: Request, mut context: ResponseContext, time: Duration) {
        if let Some((refusal, lines)) = self.config.answer(&request) {
            context.cors.push_str(&lines);
            return self.refuse(slot, &refusal, &context);
        }
        if !self.is_open() {
            return self.turn_away(slot, CLOSING, &context);
        }
        if let Some(responder) = self.ask(slot, &request, context, time, None) {
            self.while_open(responder, |streams, responder| streams.route(request, responder));
        }
    }

    fn is_open(&self) -> bool {
        !self.is_closing && !self.hub.is_closed()
    }

    /// Lets a connection wait for the router. `None` if the client has left.
    fn ask(
        &mut self,
        slot: usize,
        request: &Request,
        context: ResponseContext,
        time: Duration,
        undecided: Option<Request>,
    ) -> Option<Responder> {
        if !self.pending.drain(slot) {
            return None;
        }
        let ticket = Arc::new(Ticket::new(ConnectionId::unique(), slot));
        let asked = Asked {
            ticket: Arc::clone(&ticket),
            framing: if request.is_old { Framing::Raw } else { Framing::Chunked },
            last_event_id: request.last_event_id().map(str::to_owned),
            context,
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

    /// Carries out what the router decided.
    pub(crate) fn decide(&mut self, ticket: &Arc<Ticket>, decision: Decision) {
        let slot = ticket.slot;
        let asked = match self.pending.phase(slot) {
            Some(Phase::Deciding(asked)) if Arc::ptr_eq(&asked.ticket, ticket) => asked,
            _ => {
                if let Decision::Allow(allowed) = decision {
                    self.handover.never_began(ticket.connection, &allowed, Reason::Client);
                }
                return;
            }
        };
        match decision {
            Decision::Refuse(refusal) => {
                let context = asked.context.clone();
                self.refuse(slot, &refusal, &context);
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

    /// Goes on with a request whose origin the router has decided on. Both answers have one time.
    fn origin_decided(&mut self, slot: usize, allowed: bool) {
        let Some(client) = self.pending.get_mut(slot) else { return };
        let left = client.deadline.saturating_duration_since(Instant::now());
        let Phase::Deciding(asked) = &mut client.phase else { return };
        let Some(request) = asked.undecided.take() else { return };
        let cors = self.config.decided_cors_lines(&request, allowed);
        let context = ResponseContext { cors, ..asked.context.clone() };
        self.answer(slot, request, context, left);
    }

    /// Gives the client its stream.
    fn open(&mut self, slot: usize, allowed: &Allowed) {
        let Some(Phase::Deciding(asked)) = self.pending.phase(slot) else { return };
        let topics: Vec<&str> = allowed.topics.iter().map(String::as_str).collect();
        let subscription = Subscription {
            topics: &topics,
            last_event_id: asked.last_event_id.as_deref(),
            replay: allowed.replay.unwrap_or(self.config.replay),
        };
        let connection = asked.ticket.connection;
        let prepared = match self.handover.prepare(&subscription, asked.context.is_head) {
            Ok(prepared) => prepared,
            Err(error) if error.kind() == ErrorKind::TopicEnded => {
                return self.answer_finished(slot, allowed);
            }
            Err(error) => {
                let reason = if error.kind() == ErrorKind::Closed { Reason::Shutdown } else { Reason::Error };
                self.turn_away_asked(slot, FULL);
                return self.handover.never_began(connection, allowed, reason);
            }
        };
        let head = stream_head(asked.framing, &asked.context.cors, &self.headers(allowed));
        let Some(prepared) = prepared else {
            self.send_answer(slot, head);
            return self.handover.never_began(connection, allowed, Reason::Server);
        };
        let Some(client) = self.pending.dismiss(slot) else { return };
        if let Phase::Deciding(asked) = client.phase {
            self.handover.attach(client.stream, prepared, head, &asked, allowed);
        }
    }

    /// Answers a client that there is nothing more for, so that it stays away.
    fn answer_finished(&mut self, slot: usize, allowed: &Allowed) {
        let Some(Phase::Deciding(asked)) = self.pending.phase(slot) else { return };
        let (connection, context) = (asked.ticket.connection, asked.context.clone());
        self.refuse(slot, &Refusal::new(204), &context);
        self.handover.never_began(connection, allowed, Reason::Server);
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

    /// Answers with something that is no stream, and parts.
    fn refuse(&mut self, slot: usize, refusal: &Refusal, context: &ResponseContext) {
        let asks_to_wait = matches!(refusal.status, 429 | 503) && refusal.header("retry-after").is_none();
        let wait = asks_to_wait.then(|| format!("Retry-After: {}\r\n", retry_after(&self.hub)));
        let lines = wait.unwrap_or_default() + &context.cors;
        self.send_answer(slot, refusal.response(&lines, context.is_head));
    }

    /// The same where there is no complete head, so that nothing is known of the client.
    fn refuse_unread(&mut self, slot: usize, refusal: &Refusal) {
        let cors = self.config.cors_lines(None);
        self.refuse(slot, refusal, &ResponseContext { cors, ..ResponseContext::default() });
    }

    /// Answers that there can be no stream for the moment, and parts.
    fn turn_away(&mut self, slot: usize, detail: &'static str, context: &ResponseContext) {
        let answer = Unavailable::for_client(&self.hub, context.expects_stream);
        let answer = unavailable(&answer, detail, &context.cors, &self.config.headers, context.is_head);
        self.send_answer(slot, answer);
    }

    /// The same for a request that waits for the router's answer.
    fn turn_away_asked(&mut self, slot: usize, detail: &'static str) {
        if let Some(Phase::Deciding(asked)) = self.pending.phase(slot) {
            let context = asked.context.clone();
            self.turn_away(slot, detail, &context);
        }
    }

    fn send_answer(&mut self, slot: usize, answer: Vec<u8>) {
        let time = if self.is_closing { LAST_ANSWER_TIME } else { ANSWER_TIME };
        self.pending.enter(slot, Phase::Answering(Answer::new(answer)), time);
        self.proceed(slot);
    }

    /// Answers a request that the router has not decided about. Returns whether there was still no answer.
    pub(crate) fn refuse_late(&mut self, slot: usize) -> bool {
        let Some(Phase::Deciding(asked)) = self.pending.phase(slot) else { return false };
        // An answer that is on its way is taken in the next turn.
        let is_open = asked.ticket.void();
        if is_open {
            self.turn_away_asked(slot, "the server took too long");
        }
        is_open
    }

    /// Gives up those whose time is over.
    pub(crate) fn expire(&mut self) {
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
            Some(Phase::Reading(head)) if !head.is_empty() => self.refuse_unread(slot, refusal),
            _ => drop(self.pending.dismiss(slot)),
        }
    }

    /// Answers every request that has no answer yet, and asks the router no more.
    pub(crate) fn close(&mut self) {
        self.is_closing = true;
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
