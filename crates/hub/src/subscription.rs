use std::str::FromStr;

use ssecast_codec::{Error, ErrorKind, OptionKey};

/// What a connection asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscription<'a> {
    /// The topics that this connection may read. None makes a private stream: only what is sent to it alone.
    pub topics: &'a [&'a str],
    /// The id of the last event that the client has, as it says itself; empty is the same as none.
    pub last_event_id: Option<&'a str>,
    /// What it gets first if it has no last event ID. With one it resumes, and this plays no role.
    pub replay: Replay,
}

/// How much of the history a client without a last event ID gets before it goes on live. Between the two nothing is lost and
/// nothing comes twice. What had left the history by then is no loss of the client's, and a replay is no lag.
///
/// ```
/// use ssecast_hub::{Config, Event, Hub, Next, Replay, Subscription};
/// # use std::sync::Arc;
/// let hub = Hub::new(Config::default())?;
/// for text in ["1", "2", "3"] {
///     hub.publish("ticks", &Event { data: Some(text), ..Event::default() })?;
/// }
/// let mut reader = hub.reader(Arc::new(|| ()));
/// let last_two = Subscription { topics: &["ticks"], replay: Replay::Last(2), ..Subscription::default() };
/// let mut subscriber = reader.subscribe(&last_two)?;
/// let mut seen = String::new();
/// while let Next::Batch(batch) = reader.next(&mut subscriber) {
///     seen.push_str(std::str::from_utf8(&batch.bytes()).unwrap());
/// }
/// assert!(!seen.contains("data: 1\n") && seen.contains("data: 2\n") && seen.ends_with("data: 3\n\n"));
/// # Ok::<(), ssecast_hub::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// The last events, so many of all its topics together.
    Last(usize),
    /// All that is kept.
    All,
}

impl Default for Replay {
    /// Nothing: it begins live.
    fn default() -> Self {
        Self::Last(0)
    }
}

impl FromStr for Replay {
    type Err = Error;

    /// Reads a number of events, or `all`.
    ///
    /// ```
    /// use ssecast_hub::Replay;
    /// assert_eq!("all".parse(), Ok(Replay::All));
    /// assert_eq!("10".parse(), Ok(Replay::Last(10)));
    /// let error = "some".parse::<Replay>().unwrap_err();
    /// assert_eq!(error.to_string(), r#"replay must be a number of events or "all", not "some""#);
    /// ```
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "all" {
            return Ok(Self::All);
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).map(Self::Last).ok_or_else(|| {
            let problem = format!("must be a number of events or \"all\", not {text:?}");
            Error::new(ErrorKind::InvalidOption, OptionKey::Replay, problem)
        })
    }
}
