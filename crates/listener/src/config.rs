use std::time::Duration;

use ssecast_hub::{Error, ErrorKind, OptionKey, Replay};

use ssecast_engine::Cors;

use crate::headers;

/// How a [`Listener`](crate::Listener) answers, and what it bears. The default suits an endpoint on the open network.
///
/// ```
/// use ssecast_engine::Cors;
/// use ssecast_listener::ListenerConfig;
/// let config =
///     ListenerConfig { path: Some("/events".into()), cors: Some(Cors::default()), ..ListenerConfig::default() };
/// # let _ = config;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The only path that there is, as it stands on the wire; any other is answered 404. `None`, the default, leaves
    /// every path to the router.
    pub path: Option<String>,
    /// Which pages of other origins may read the streams. `None`, the default, allows none.
    pub cors: Option<Cors>,
    /// What a stream begins with whose client has no last event ID, unless the router says
    /// [otherwise](crate::Responder::allow_with_replay). The default begins live.
    pub replay: Replay,
    /// Headers that every stream's response has besides its own. A `Cache-Control` stays, and what a stream needs is
    /// added to it ([`cache_control`](ssecast_engine::cache_control)).
    pub headers: Vec<(String, String)>,
    /// The most bytes of a request's head; a longer one is answered 431. Default 16 KiB.
    pub max_head_bytes: usize,
    /// The most headers of a request; more are answered 431. Default 100.
    pub max_headers: usize,
    /// How long a head may take from when the connection was accepted; then it is answered 408. Default 10 s.
    pub head_time: Duration,
    /// How long the router may take to answer; then the request is answered 503. Default 30 s.
    pub answer_time: Duration,
    /// The most connections that are no streams: their head is not complete, they wait for the router, or they have
    /// still to take an answer. One more takes the place of the oldest whose head is not complete, or else of the oldest
    /// that has waited for the router for a third of [`answer_time`](Self::answer_time), which is answered 503; if there
    /// is none it is closed. Default 4096.
    pub max_pending: usize,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            path: None,
            cors: None,
            replay: Replay::default(),
            headers: Vec::new(),
            max_head_bytes: 16 << 10,
            max_headers: 100,
            head_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(30),
            max_pending: 4096,
        }
    }
}

impl ListenerConfig {
    /// Refuses what can't work, naming the option.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let invalid = |option, problem: String| Err(Error::new(ErrorKind::InvalidOption, option, problem));
        if self.path.as_ref().is_some_and(|path| !path.starts_with('/') || path.contains(['?', '#', ' '])) {
            return invalid(
                OptionKey::Path,
                "must begin with a slash, and have no query, fragment or space".into(),
            );
        }
        for (option, number) in [
            (OptionKey::MaxHeadBytes, self.max_head_bytes),
            (OptionKey::MaxHeaders, self.max_headers),
            (OptionKey::MaxPending, self.max_pending),
        ] {
            if number == 0 {
                return invalid(option, "must be at least 1".into());
            }
        }
        for (option, time) in
            [(OptionKey::HeadTime, self.head_time), (OptionKey::AnswerTime, self.answer_time)]
        {
            if time < Duration::from_millis(1) {
                return invalid(option, "must be at least 1 ms".into());
            }
        }
        headers::check(&self.headers, &headers::OF_A_STREAM, self.cors.is_some())?;
        self.cors.as_ref().map_or(Ok(()), Cors::validate)
    }
}
