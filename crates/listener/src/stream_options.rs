use std::fmt;
use std::sync::Arc;

use ssecast_engine::Host;
use ssecast_hub::Replay;

/// The stream that a router allows a client.
///
/// ```
/// use ssecast_listener::{Request, Responder, StreamOptions};
/// let router = |request: Request, responder: Responder| {
///     let stream = StreamOptions {
///         topics: &["ticks"],
///         headers: vec![("Set-Cookie".into(), "seen=1; Path=/".into())],
///         ..StreamOptions::default()
///     };
///     responder.allow_with(stream).map(drop).unwrap_or_default();
/// };
/// # fn is_a_router(_: impl ssecast_listener::Router) {}
/// # is_a_router(router);
/// ```
#[derive(Clone, Default)]
pub struct StreamOptions<'a> {
    /// What it reads; none makes a private stream.
    pub topics: &'a [&'a str],
    /// What it begins with if the client has no last event ID. `None` is what the
    /// [configuration](crate::ListenerConfig::replay) says.
    pub replay: Option<Replay>,
    /// Headers of this response. One takes the place of the configuration's header of the same name.
    pub headers: Vec<(String, String)>,
    /// Is told what becomes of this stream, in place of the router. Its end is told in any case, also if it never began.
    pub host: Option<Arc<dyn Host>>,
}

impl fmt::Debug for StreamOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topics, replay, headers, host } = self;
        f.debug_struct("StreamOptions")
            .field("topics", topics)
            .field("replay", replay)
            .field("headers", headers)
            .field("host", &host.is_some())
            .finish()
    }
}
