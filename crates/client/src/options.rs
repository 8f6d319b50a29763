use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use ssecast_codec::{Error, ErrorKind, OptionKey, Parser};

/// How a source connects and reads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The method of the request. Default `GET`. A redirect turns POST into GET where browsers do.
    pub method: String,
    /// The last event ID to begin with; none by default.
    pub last_event_id: String,
    /// How long to wait before the next connection.
    pub retry: Retry,
    /// The silence, comments included, after which the host gives a connection up; `None`, the default, waits for ever.
    pub idle: Option<Duration>,
    /// The most bytes of one event. Default 16 MiB.
    pub max_event_bytes: usize,
    /// Where the jitter begins. Random by default: clients with one seed come back in the same moment.
    pub seed: u64,
}

/// How long a source waits before it connects again, and after which answers it does.
///
/// The first wait is the stream's own reconnection time, or `first`. Each further one is longer by `growth`, until an event
/// comes: a server that accepts connections and drops them is not hammered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Retry {
    /// The wait while the stream has set no reconnection time. Default 2 s.
    pub first: Duration,
    /// What waits grow to; a longer reconnection time of the stream's still holds. Default 30 s.
    pub longest: Duration,
    /// By how much each wait is longer than the one before. At least 1; default 2.
    pub growth: f64,
    /// The part of a wait by which it may be longer at random, so that clients spread. From 0 to 1; default 0.5.
    pub jitter: f64,
    /// The statuses after which the source tries again. None by default, as the standard has it (SPEC 24).
    pub statuses: Vec<u16>,
}

impl Retry {
    /// No wait is shorter, whatever the stream says.
    pub const SHORTEST: Duration = Duration::from_millis(100);
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(30),
            growth: 2.0,
            jitter: 0.5,
            statuses: Vec::new(),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            last_event_id: String::new(),
            retry: Retry::default(),
            idle: None,
            max_event_bytes: Parser::DEFAULT_MAX_EVENT_BYTES,
            // The standard library's hasher begins at random.
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl Options {
    /// Refuses what can't work, naming the option.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let invalid = |option: OptionKey, problem| Err(Error::new(ErrorKind::InvalidOption, option, problem));
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.method.is_empty() || !self.method.bytes().all(is_token) {
            return invalid(OptionKey::Method, "must be an HTTP method, such as GET or POST");
        }
        if self.last_event_id.contains(['\0', '\r', '\n']) {
            return Err(Error::new(
                ErrorKind::InvalidId,
                OptionKey::LastEventId,
                "must not contain NUL, CR or LF: no header can carry them",
            ));
        }
        if self.retry.growth.is_nan() || !(1.0..=1000.0).contains(&self.retry.growth) {
            return invalid(OptionKey::RetryGrowth, "must be a number from 1 to 1000");
        }
        if !(0.0..=1.0).contains(&self.retry.jitter) {
            return invalid(OptionKey::RetryJitter, "must be a number from 0 to 1");
        }
        if self.retry.statuses.iter().any(|status| !(201..=599).contains(status)) {
            return invalid(OptionKey::RetryStatuses, "must be statuses other than 200, from 201 to 599");
        }
        if self.idle.is_some_and(|idle| idle.is_zero()) {
            return invalid(OptionKey::Idle, "must be longer than zero; leave it out to wait for ever");
        }
        if self.max_event_bytes == 0 {
            return invalid(OptionKey::MaxEventBytes, "must be at least 1");
        }
        Ok(())
    }
}
