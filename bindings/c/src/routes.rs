use std::sync::Arc;

use ssecast::{Attachment, ConnectionId, OriginDecision, QueryTopics, Reason, Request, Responder, Router};

use crate::callbacks::Callbacks;
use crate::error::{Failure, ssecast_result};
use crate::listen_config::{ssecast_listen_config, ssecast_origin_callback, ssecast_route_callback};
use crate::request::ssecast_request;
use crate::responder::ssecast_responder;
use crate::slice::ssecast_slice;

/// The caller's functions as the listener's router.
pub(crate) struct Routes {
    route: ssecast_route_callback,
    allows: ssecast_origin_callback,
    callbacks: Arc<Callbacks>,
}

impl Router for Routes {
    fn route(&self, request: Request, responder: Responder) {
        let Some(route) = self.route else { return QueryTopics.route(request, responder) };
        let request = ssecast_request::new(request);
        let responder = Box::into_raw(Box::new(ssecast_responder::new(responder, &self.callbacks)));
        // SAFETY: the caller's function and data; the request lives as long as the call, and the responder is
        // handed over.
        unsafe { route(self.callbacks.user_data, &raw const request, responder) };
    }

    fn allows_origin(&self, origin: &str, request: Request, decision: OriginDecision) {
        // Without the function no origin is decided on.
        let Some(allows) = self.allows else { return };
        let request = ssecast_request::new(request);
        let origin = ssecast_slice::new(origin.as_bytes());
        // SAFETY: the caller's function and data; the origin and the request live as long as the call.
        let answer = unsafe { allows(self.callbacks.user_data, origin, &raw const request) };
        if answer < 0 {
            decision.fail()
        } else {
            decision.decide(answer > 0)
        };
    }

    fn opened(&self, stream: Attachment) {
        self.callbacks.opened(stream, self.callbacks.user_data);
    }

    fn ended(&self, connection: ConnectionId, reason: Reason) {
        self.callbacks.ended(connection, reason);
    }

    fn drained(&self, connection: ConnectionId) {
        self.callbacks.drained(connection);
    }
}

impl TryFrom<&ssecast_listen_config> for Routes {
    type Error = Failure;

    fn try_from(config: &ssecast_listen_config) -> Result<Self, Failure> {
        if config.route.is_some() == (config.query_topics != 0) {
            let problem = "must be set, or else query_topics, and not both";
            return Err(Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "route", problem));
        }
        let callbacks = Callbacks {
            on_open: config.on_open,
            on_close: config.on_close,
            on_drain: config.on_drain,
            user_data: config.user_data,
        };
        Ok(Self { route: config.route, allows: config.cors_allows, callbacks: Arc::new(callbacks) })
    }
}
