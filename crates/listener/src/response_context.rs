use ssecast_engine::expects_stream;

use crate::request::Request;

/// What every answer to a request depends on, whatever it says.
#[derive(Clone, Default)]
pub(crate) struct ResponseContext {
    /// Only the head is sent.
    pub(crate) is_head: bool,
    /// The client comes back by itself when a stream has ended, and not after a status.
    pub(crate) expects_stream: bool,
    /// The header lines for pages of other origins.
    pub(crate) cors: String,
}

impl ResponseContext {
    pub(crate) fn new(request: &Request, cors: String) -> Self {
        let expects_stream = expects_stream(request.method(), request.values("accept"));
        Self { is_head: request.method() == "HEAD", expects_stream, cors }
    }
}
