use std::fmt;
use std::sync::Arc;

use ssecast_engine::ConnectionId;
use ssecast_hub::{Error, ErrorKind, Replay};

use crate::command_queue::CommandQueue;
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
        self.allow_as(topics, None)
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
        self.allow_as(topics, Some(replay))
    }

    fn allow_as(&self, topics: &[&str], replay: Option<Replay>) -> Result<bool, Error> {
        topics.iter().try_for_each(|topic| ssecast_hub::check_topic(topic))?;
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
        Ok(self.answer(Decision::Allow(Allowed { topics, replay, hold })))
    }

    /// Gives a stranger a stream of the topics that it has named itself. None, more than 64, or one that can't be a topic
    /// is answered 400: each topic costs the hub something with every event.
    pub fn allow_named(&self, topics: &[&str]) {
        if topics.is_empty() || topics.len() > MOST_NAMED || self.allow(topics).is_err() {
            // A bad request is no error here.
            self.answer(Decision::Refuse(400));
        }
    }

    /// Answers with a status from 400 to 599, or with 204, by which an `EventSource` does not come back. Returns
    /// whether the answer counts.
    ///
    /// # Errors
    /// [`InvalidOption`](ssecast_hub::ErrorKind::InvalidOption) for another status; then the request waits for
    /// another answer.
    pub fn refuse(&self, status: u16) -> Result<bool, Error> {
        if status != 204 && !(400..600).contains(&status) {
            let problem = format!("must be 204 or from 400 to 599, not {status}");
            return Err(Error::new(ErrorKind::InvalidOption, "status", problem));
        }
        Ok(self.answer(Decision::Refuse(status)))
    }

    /// Answers that there can be no stream for the moment: 503 with `Retry-After`, or a stream that ends at once to a
    /// client that would not come back after a 503 ([`Unavailable`](ssecast_engine::Unavailable)). Returns whether the answer
    /// counts.
    #[allow(clippy::must_use_candidate, reason = "as with the other answers, not every router asks")]
    pub fn unavailable(&self) -> bool {
        self.answer(Decision::Unavailable)
    }

    fn answer(&self, decision: Decision) -> bool {
        // In a child of the listener's process no client waits.
        self.queue.is_here() && self.ticket.answer() && self.queue.push(&self.ticket, decision)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.answer(Decision::Refuse(500));
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("connection", &self.connection()).finish_non_exhaustive()
    }
}
