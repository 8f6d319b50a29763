use std::fmt;
use std::str::FromStr;

use ssecast_codec::{Error, ErrorKind};

use crate::reset::ResetReason;
use crate::sync::{AtomicU64, Ordering};

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The client went away.
    Client,
    /// The server ended this one connection, or all of its topics had ended and it had got everything.
    Server,
    /// The hub was closed.
    Shutdown,
    /// The client was too slow, and the policy is to disconnect.
    Lagged,
    /// Something on the server failed: a source of events, the host's stream.
    Error,
}

impl Reason {
    /// Every reason, in the order in which [`Stats`] counts them.
    pub const ALL: [Self; 5] = [Self::Client, Self::Server, Self::Shutdown, Self::Lagged, Self::Error];

    /// The reason as every language spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Shutdown => "shutdown",
            Self::Lagged => "lagged",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Reason {
    type Err = Error;

    /// Finds a reason by its [name](Self::name).
    ///
    /// ```
    /// use ssecast_hub::Reason;
    /// assert_eq!("lagged".parse(), Ok(Reason::Lagged));
    /// let error = "tired".parse::<Reason>().unwrap_err();
    /// let message = r#"reason must be one of client, server, shutdown, lagged, error, not "tired""#;
    /// assert_eq!(error.to_string(), message);
    /// ```
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|reason| reason.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            let problem = format!("must be one of {names}, not {name:?}");
            Error::new(ErrorKind::InvalidOption, "reason", problem)
        })
    }
}

/// How a hub's store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreState {
    /// Nothing was published, and nobody connected: it is not open yet.
    Unopened,
    /// It works.
    Ready,
    /// Its last use failed. Connections stay, and events are refused until it works again.
    Degraded,
}

impl StoreState {
    /// The state as every language spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unopened => "unopened",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
        }
    }
}

impl fmt::Display for StoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a hub holds now and has done since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Open connections.
    pub connections: u64,
    /// Topics that have subscribers or had events.
    pub topics: u64,
    /// Events published, the ends of topics among them; with a store, all entries of this life of its log, whoever wrote them.
    pub published: u64,
    /// How the store is, if the hub has one.
    pub store: Option<StoreState>,
    /// Events handed over to connections, each counted once for each of them.
    pub delivered: u64,
    /// Bytes handed over to connections, without the framing of HTTP.
    pub bytes: u64,
    /// Events in the history of all topics.
    pub history_events: u64,
    /// Bytes of memory that events cost: the history, what slow clients still need, what waits for single connections, and
    /// what counts the events that are gone.
    pub held_bytes: u64,
    /// Connections that something waits for because they did not take it yet.
    pub lagging: u64,
    /// The bytes that wait for the slowest of them.
    pub lag_bytes: u64,
    /// Bytes that were published, or sent to single connections, and that no delivery thread or event loop has offered to
    /// its connections yet.
    pub backlog_bytes: u64,
    /// Clients that were told that they can have no stream for the moment: the hub was full or closing, or a router did not
    /// answer in time.
    pub refused: u64,
    /// Connections ended, by [`Reason`] in the order of [`Reason::ALL`].
    pub disconnects: [u64; Reason::ALL.len()],
    /// Reset events sent, by [`ResetReason`] in the order of [`ResetReason::ALL`].
    pub resets: [u64; ResetReason::ALL.len()],
}

impl Stats {
    /// How many connections ended for a reason.
    #[must_use]
    pub fn disconnects(&self, reason: Reason) -> u64 {
        self.disconnects[reason as usize]
    }

    /// How many reset events were sent for a reason.
    #[must_use]
    pub fn resets(&self, reason: ResetReason) -> u64 {
        self.resets[reason as usize]
    }
}

/// One line for people: what is there now, and what was done. For machines there is [`Hub::metrics`](crate::Hub::metrics).
///
/// ```
/// let hub = ssecast_hub::Hub::new(ssecast_hub::Config::default())?;
/// let line = "0 connections, 0 topics, 0 published, 0 delivered (0 bytes), 0 lagging, 0 refused";
/// assert_eq!(hub.stats().to_string(), line);
/// # Ok::<(), ssecast_hub::Error>(())
/// ```
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, topics, published, delivered, bytes, lagging, refused, .. } = self;
        write!(f, "{connections} connections, {topics} topics, {published} published, ")?;
        write!(f, "{delivered} delivered ({bytes} bytes), {lagging} lagging, {refused} refused")?;
        let reasons =
            Reason::ALL.into_iter().map(|reason| ("disconnected", reason.name(), self.disconnects(reason)));
        let resets = ResetReason::ALL.into_iter().map(|reason| ("reset", reason.name(), self.resets(reason)));
        for (what, reason, count) in reasons.chain(resets).filter(|(_, _, count)| *count > 0) {
            write!(f, ", {count} {what} ({reason})")?;
        }
        self.store.map_or(Ok(()), |store| write!(f, ", store {store}"))
    }
}

/// The counters behind [`Stats`] that grow without the log's lock.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) disconnects: [AtomicU64; Reason::ALL.len()],
    pub(crate) resets: [AtomicU64; ResetReason::ALL.len()],
    /// Bytes that were sent to single connections and not offered to them yet.
    pub(crate) private_backlog: AtomicU64,
    /// Bytes of memory that the events of single connections cost.
    pub(crate) private_held: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Counters {
    pub(crate) fn private_backlog(&self) -> u64 {
        self.private_backlog.load(Ordering::Relaxed)
    }

    pub(crate) fn read<const N: usize>(counters: &[AtomicU64; N]) -> [u64; N] {
        std::array::from_fn(|index| counters[index].load(Ordering::Relaxed))
    }
}
