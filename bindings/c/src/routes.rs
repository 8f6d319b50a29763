use std::sync::Arc;

use ssecast::{Attachment, ConnectionId, QueryTopics, Reason, Request, Responder, Router};

use crate::callbacks::Callbacks;
use crate::error::{Failure, ssecast_result};
use crate::listen_config::{ssecast_listen_config, ssecast_route_callback};
use crate::request::ssecast_request;
use crate::responder::ssecast_responder;

/// The caller's functions as the listener's router.
pub(crate) struct Routes {
    route: ssecast_route_callback,
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
        Ok(Self { route: config.route, callbacks: Arc::new(callbacks) })
    }
}
