use std::fmt;
use std::sync::Arc;

use ssecast_engine::ConnectionId;
use ssecast_hub::{Error, Replay};

use crate::command_queue::CommandQueue;
use crate::guarded::Guarded;
use crate::headers;
use crate::refusal::Refusal;
use crate::stream_options::StreamOptions;
use crate::ticket::{Allowed, Decision, Ticket};

/// The most topics that a stranger may name.
const MOST_NAMED: usize = 64;

/// Answers one request, once, from any thread, at once or later. One that is dropped unanswered answers 500.
///
/// An answer counts only while the client waits for it: not after another one, after the client has left, or after the
/// time for it is over ([`answer_time`](crate::ListenerConfig::answer_time)). Its methods say whether it did.
pub struct Responder {
    pub(crate) queue: Arc<CommandQueue>,
    pub(crate) ticket: Arc<Ticket>,
}

impl Responder {
    /// The name that the stream will have, for [`Router::opened`](crate::Router::opened) and
    /// [`Router::ended`](crate::Router::ended). No other stream of this process's listeners ever has it.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.ticket.connection
    }

    /// Gives the client a stream of these topics; none makes a private one. Returns whether the answer counts:
    /// then [`Router::ended`](crate::Router::ended) will be called for it.
    ///
    /// If the hub takes no connection or no topic more, the client is answered as [`unavailable`](Self::unavailable)
    /// does; if it is closed, too, and then the answer does not count.
    ///
    /// # Errors
    /// [`InvalidTopic`](ssecast_hub::ErrorKind::InvalidTopic); then the request waits for another answer.
    pub fn allow(&self, topics: &[&str]) -> Result<bool, Error> {
        self.allow_with(StreamOptions { topics, ..StreamOptions::default() })
    }

    /// Gives the client a stream as [`allow`](Self::allow) does; if the client has no last event ID, the stream begins with
    /// a replay of the history.
    ///
    /// ```
    /// use ssecast_listener::{Request, Responder};
    /// use ssecast_hub::Replay;
    /// let router = |request: Request, responder: Responder| match request.path() {
    ///     "/chat" => _ = responder.allow_with_replay(&["chat"], Replay::Last(50)),
    ///     _ => _ = responder.allow(&["ticks"]),
    /// };
    /// # fn is_a_router(_: impl ssecast_listener::Router) {}
    /// # is_a_router(router);
    /// ```
    ///
    /// # Errors
    /// Those of [`allow`](Self::allow).
    pub fn allow_with_replay(&self, topics: &[&str], replay: Replay) -> Result<bool, Error> {
        self.allow_with(StreamOptions { topics, replay: Some(replay), ..StreamOptions::default() })
    }

    /// Gives the client a stream as [`allow`](Self::allow) does, with headers and a host of its own.
    ///
    /// # Errors
    /// Those of [`allow`](Self::allow), and [`InvalidOption`](ssecast_hub::ErrorKind::InvalidOption) for headers that can't be
    /// sent; then the request waits for another answer.
    pub fn allow_with(&self, stream: StreamOptions<'_>) -> Result<bool, Error> {
        let StreamOptions { topics, replay, headers, host } = stream;
        topics.iter().try_for_each(|topic| ssecast_hub::check_topic(topic))?;
        headers::check(&headers, &headers::OF_A_STREAM, self.queue.has_cors)?;
        // In a child of the listener's process the hub is another one.
        if !self.queue.is_here() {
            return Ok(false);
        }
        let Ok(hold) = self.queue.hub.hold() else {
            // The hub has ended, and with it the host's interest in new streams.
            self.unavailable();
            return Ok(false);
        };
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let host = host.map(Guarded);
        Ok(self.answer(Decision::Allow(Allowed { topics, replay, headers, host, hold })))
    }

    /// Gives a stranger a stream of the topics that it has named itself. None, more than 64, or one that can't be a topic
    /// is answered 400: each topic costs the hub something with every event.
    pub fn allow_named(&self, topics: &[&str]) {
        if topics.is_empty() || topics.len() > MOST_NAMED || self.allow(topics).is_err() {
            // A bad request is no error here.
            self.answer(Decision::Refuse(Refusal::new(400)));
        }
    }

    /// Answers with a status from 400 to 599, or with 204, by which an `EventSource` does not come back. Returns
    /// whether the answer counts.
    ///
    /// # Errors
    /// [`InvalidOption`](ssecast_hub::ErrorKind::InvalidOption) for another status; then the request waits for
    /// another answer.
    pub fn refuse(&self, status: u16) -> Result<bool, Error> {
        self.refuse_with(Refusal::new(status))
    }

    /// Answers with a status, headers and a body. Returns whether the answer counts.
    ///
    /// # Errors
    /// [`InvalidOption`](ssecast_hub::ErrorKind::InvalidOption) names the field that can't be sent; then the request waits for
    /// another answer.
    pub fn refuse_with(&self, refusal: Refusal) -> Result<bool, Error> {
        refusal.validate(self.queue.has_cors)?;
        Ok(self.answer(Decision::Refuse(refusal)))
    }

    /// Answers that there can be no stream for the moment: 503 with `Retry-After`, or a stream that ends at once to a
    /// client that would not come back after a 503 ([`Unavailable`](ssecast_engine::Unavailable)). Returns whether the answer
    /// counts.
    #[allow(clippy::must_use_candidate, reason = "as with the other answers, not every router asks")]
    pub fn unavailable(&self) -> bool {
        self.answer(Decision::Unavailable)
    }

    pub(crate) fn answer(&self, decision: Decision) -> bool {
        // In a child of the listener's process no client waits.
        self.queue.is_here() && self.ticket.answer() && self.queue.push(&self.ticket, decision)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.answer(Decision::Refuse(Refusal::new(500)));
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("connection", &self.connection()).finish_non_exhaustive()
    }
}
