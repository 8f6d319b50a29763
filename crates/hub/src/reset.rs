use std::fmt;

use bytes::Bytes;
use ssecast_codec::{Error, Event};

/// Why a client is told that it may have lost events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetReason {
    /// Its last event ID is from another life of the hub: the server was restarted.
    Epoch,
    /// Events after its last event ID are no longer in the history.
    Expired,
    /// Its last event ID is none that this hub knows.
    Unknown,
    /// It was too slow, and the policy is to skip.
    Lagged,
}

impl ResetReason {
    /// Every reason, in the order in which [`Stats`](crate::Stats) counts them.
    pub const ALL: [Self; 4] = [Self::Epoch, Self::Expired, Self::Unknown, Self::Lagged];

    /// The reason as the reset event's data says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Lagged => "lagged",
        }
    }
}

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A loss that a client must be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reset {
    pub(crate) reason: ResetReason,
    /// How many events of its topics the client does not get, where that is known.
    pub(crate) missed: Option<u64>,
}

impl Reset {
    /// The reset event. Its id is the new cursor, so that a client which is cut right after it resumes from there.
    pub(crate) fn frame(self, event: &str, id: Option<&str>) -> Result<Bytes, Error> {
        let missed = self.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
        let data = format!(r#"{{"reason":"{}","missed":{missed}}}"#, self.reason.name());
        Event { event: Some(event), id, data: Some(&data), ..Event::default() }.encode().map(Bytes::from)
    }
}
