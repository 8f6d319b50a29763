use ssecast_engine::{Attachment, ConnectionId, Host};
use ssecast_hub::Reason;

use crate::guarded::guard;
use crate::origin_decision::OriginDecision;
use crate::request::Request;
use crate::responder::Responder;

/// Decides what requests get, and is told what becomes of their streams.
///
/// A function of a request and its responder is a router; so is a pair of a router and a function that says whether pages of an
/// origin may read the answer to a request:
///
/// ```
/// use ssecast_listener::{Request, Responder, Router};
/// let route = |_: Request, responder: Responder| drop(responder.allow(&["ticks"]));
/// let allows = |origin: &str, _: &Request| origin.ends_with(".app.example");
/// # fn is_a_router(_: impl Router) {}
/// is_a_router((route, allows));
/// ```
///
/// All calls come from threads of the engine, outside every
/// lock, and must return soon; what takes longer keeps the [`Responder`] and answers from elsewhere. A call that
/// panics harms only its own request, which is answered 500 if it was not by then.
pub trait Router: Send + Sync + 'static {
    /// Decides on a request, now or later, by its responder. It is called on the listener's thread.
    fn route(&self, request: Request, responder: Responder);

    /// Decides, now or later, whether pages of an origin may read the answer to a request, which may be a preflight. It is
    /// called on the listener's thread if the configuration says [`Decided`](ssecast_engine::Origins::Decided) and the request
    /// has an origin, before [`route`](Self::route). By itself it allows none.
    fn allows_origin(&self, origin: &str, request: Request, decision: OriginDecision) {
        let _ = (origin, request);
        decision.decide(false);
    }

    /// A stream has begun: from here on the attachment takes private events, changes of topics, and the end. Its
    /// [`connection`](Attachment::connection) is what [`Responder::connection`] was.
    fn opened(&self, stream: Attachment) {
        let _ = stream;
    }

    /// A stream is over, and its connection closed. It is called once for each request that was
    /// [allowed](Responder::allow), also if the stream never began: because the client had left, say, or the hub has
    /// as many connections as it may have.
    fn ended(&self, connection: ConnectionId, reason: Reason) {
        let _ = (connection, reason);
    }

    /// As [`Host::drained`](ssecast_engine::Host::drained): what was sent to the connection alone has left.
    fn drained(&self, connection: ConnectionId) {
        let _ = connection;
    }
}

impl<F: Fn(Request, Responder) + Send + Sync + 'static> Router for F {
    fn route(&self, request: Request, responder: Responder) {
        self(request, responder);
    }
}

impl<R, A> Router for (R, A)
where
    R: Router,
    A: Fn(&str, &Request) -> bool + Send + Sync + 'static,
{
    fn route(&self, request: Request, responder: Responder) {
        self.0.route(request, responder);
    }

    fn allows_origin(&self, origin: &str, request: Request, decision: OriginDecision) {
        decision.decide((self.1)(origin, &request));
    }

    fn opened(&self, stream: Attachment) {
        self.0.opened(stream);
    }

    fn ended(&self, connection: ConnectionId, reason: Reason) {
        self.0.ended(connection, reason);
    }

    fn drained(&self, connection: ConnectionId) {
        self.0.drained(connection);
    }
}

/// The router for programs without secrets: a client reads the topics that it names in the query, as in
/// `/?topic=ticks&topic=news`. Any client that reaches the listener may read all topics, and make new ones.
///
/// A request that names none, more than 64, or one that can't be a topic, is answered 400.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueryTopics;

impl Router for QueryTopics {
    fn route(&self, request: Request, responder: Responder) {
        let topics = request.query().filter(|(name, _)| *name == "topic").map(|(_, topic)| topic);
        responder.allow_named(&topics.collect::<Vec<_>>());
    }
}

/// The router as the host of its streams.
pub(crate) struct Streams(pub(crate) Box<dyn Router>);

impl Streams {
    pub(crate) fn route(&self, request: Request, responder: Responder) {
        guard(|| self.0.route(request, responder));
    }

    pub(crate) fn allows_origin(&self, origin: &str, request: Request, decision: OriginDecision) {
        guard(|| self.0.allows_origin(origin, request, decision));
    }
}

impl Host for Streams {
    fn opened(&self, attachment: &Attachment) {
        guard(|| self.0.opened(attachment.clone()));
    }

    fn ended(&self, connection: ConnectionId, reason: Reason, _cut: bool) {
        guard(|| self.0.ended(connection, reason));
    }

    fn drained(&self, connection: ConnectionId) {
        guard(|| self.0.drained(connection));
    }
}
