use std::fmt;
use std::time::Duration;

/// Why there is no connection, or no longer one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The answer's status is not 200.
    Status(u16),
    /// The answer is no event stream; its content type, as it came.
    ContentType(String),
    /// The connection failed or was cut; what the host knows of it.
    Network(String),
    /// The answer ended as a whole.
    Ended,
    /// An event was larger than the limit.
    TooLarge,
    /// No byte came for too long.
    Idle,
}

impl Cause {
    /// The cause as every language spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::ContentType(_) => "content-type",
            Self::Network(_) => "network",
            Self::Ended => "ended",
            Self::TooLarge => "too-large",
            Self::Idle => "idle",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status}, not 200"),
            Self::ContentType(found) if found.is_empty() => {
                f.write_str("the answer has no Content-Type, not text/event-stream")
            }
            Self::ContentType(found) => write!(f, "the answer is {found}, not text/event-stream"),
            Self::Network(problem) => write!(f, "the connection failed: {problem}"),
            Self::Ended => f.write_str("the server ended the stream"),
            Self::TooLarge => f.write_str("an event was larger than the limit"),
            Self::Idle => f.write_str("nothing came for longer than the idle time"),
        }
    }
}

/// A connection that is lost, or that there never was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub cause: Cause,
    /// The wait before the next connection; `None` if there will be none and the source is closed.
    pub retry_in: Option<Duration>,
}
