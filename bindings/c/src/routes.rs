use std::ffi::c_void;
use std::sync::Arc;

use ssecast::{Attachment, ConnectionId, QueryTopics, Reason, Request, Responder, Router};

use crate::connection::ssecast_connection;
use crate::error::{Failure, ssecast_result};
use crate::listen_config::{
    ssecast_listen_config, ssecast_route_callback, ssecast_stream_close_callback,
    ssecast_stream_drain_callback, ssecast_stream_open_callback,
};
use crate::request::ssecast_request;
use crate::responder::ssecast_responder;

/// The caller's functions as the listener's router.
pub(crate) struct Routes(Arc<Callbacks>);

/// The caller's functions for all streams of a listener.
pub(crate) struct Callbacks {
    route: ssecast_route_callback,
    on_open: ssecast_stream_open_callback,
    on_close: ssecast_stream_close_callback,
    on_drain: ssecast_stream_drain_callback,
    pub(crate) user_data: *mut c_void,
}

// SAFETY: the user data is only handed back to the caller's own functions, which the header says run on other
// threads.
unsafe impl Send for Callbacks {}
// SAFETY: the same.
unsafe impl Sync for Callbacks {}

impl Router for Routes {
    fn route(&self, request: Request, responder: Responder) {
        let Some(route) = self.0.route else { return QueryTopics.route(request, responder) };
        let request = ssecast_request::new(request);
        let responder = Box::into_raw(Box::new(ssecast_responder::new(responder, &self.0)));
        // SAFETY: the caller's function and data; the request lives as long as the call, and the responder is
        // handed over.
        unsafe { route(self.0.user_data, &raw const request, responder) };
    }

    fn opened(&self, stream: Attachment) {
        self.0.opened(stream, self.0.user_data);
    }

    fn ended(&self, connection: ConnectionId, reason: Reason) {
        self.0.ended(connection, reason);
    }

    fn drained(&self, connection: ConnectionId) {
        self.0.drained(connection);
    }
}

impl Callbacks {
    /// Hands out a stream, whose own user data are these.
    pub(crate) fn opened(&self, stream: Attachment, own: *mut c_void) {
        if let Some(on_open) = self.on_open {
            let number = stream.connection().to_number();
            // SAFETY: the caller's function and data; the connection is handed over.
            unsafe { on_open(self.user_data, number, ssecast_connection::handle(stream, own)) };
        }
    }

    pub(crate) fn ended(&self, connection: ConnectionId, reason: Reason) {
        if let Some(on_close) = self.on_close {
            // SAFETY: the caller's function and data.
            unsafe { on_close(self.user_data, connection.to_number(), reason.into()) };
        }
    }

    pub(crate) fn drained(&self, connection: ConnectionId) {
        if let Some(on_drain) = self.on_drain {
            // SAFETY: the caller's function and data.
            unsafe { on_drain(self.user_data, connection.to_number()) };
        }
    }
}

impl TryFrom<&ssecast_listen_config> for Routes {
    type Error = Failure;

    fn try_from(config: &ssecast_listen_config) -> Result<Self, Failure> {
        if config.route.is_some() == (config.query_topics != 0) {
            let problem = "must be set, or else query_topics, and not both";
            return Err(Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "route", problem));
        }
        Ok(Self(Arc::new(Callbacks {
            route: config.route,
            on_open: config.on_open,
            on_close: config.on_close,
            on_drain: config.on_drain,
            user_data: config.user_data,
        })))
    }
}
