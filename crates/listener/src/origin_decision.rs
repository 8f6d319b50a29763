use std::fmt;

use crate::refusal::Refusal;
use crate::responder::Responder;
use crate::ticket::Decision;

/// Decides on the origin of one request, once, from any thread, at once or later. While it is out, the client waits, and no
/// other. One that is dropped undecided answers 500.
///
/// ```
/// use ssecast_listener::{OriginDecision, Request, Responder, Router};
/// struct Tenants;
/// impl Router for Tenants {
///     fn route(&self, _: Request, responder: Responder) {
///         let _ = responder.allow(&["ticks"]);
///     }
///     fn allows_origin(&self, origin: &str, _: Request, decision: OriginDecision) {
///         decision.decide(origin.ends_with(".app.example"));
///     }
/// }
/// ```
pub struct OriginDecision(Responder);

impl OriginDecision {
    pub(crate) fn new(responder: Responder) -> Self {
        Self(responder)
    }

    /// Says whether pages of the origin may read the answer; a preflight is answered then, and another request goes on to
    /// [`Router::route`](crate::Router::route). Returns whether the client still waited.
    #[allow(clippy::must_use_candidate, reason = "not every router asks")]
    pub fn decide(&self, allowed: bool) -> bool {
        self.0.answer(Decision::Origin(allowed))
    }

    /// Answers 500: there is no decision, by a fault of the server's.
    #[allow(clippy::must_use_candidate, reason = "not every router asks")]
    pub fn fail(&self) -> bool {
        self.0.answer(Decision::Refuse(Refusal::new(500)))
    }

    /// Answers that there can be no stream for the moment, as [`Responder::unavailable`] does.
    #[allow(clippy::must_use_candidate, reason = "not every router asks")]
    pub fn unavailable(&self) -> bool {
        self.0.unavailable()
    }
}

impl fmt::Debug for OriginDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginDecision").finish_non_exhaustive()
    }
}
