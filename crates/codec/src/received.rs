use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    sync::Arc,
};

use core::{fmt, ops::Deref};

use crate::Message;

/// A last event ID that events share; empty if there is none. It is a `str` wherever one is asked for.
///
/// ```
/// use ssecast_codec::LastEventId;
/// let id = LastEventId::from("7");
/// assert_eq!((&*id, id.to_string()), ("7", "7".to_owned()));
/// assert!(LastEventId::default().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
// Most streams have no ids, and counting the references of an id that no event has would take a tenth of an event's time.
pub struct LastEventId(Option<Arc<str>>);

impl From<&str> for LastEventId {
    fn from(id: &str) -> Self {
        Self((!id.is_empty()).then(|| id.into()))
    }
}

impl Deref for LastEventId {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl AsRef<str> for LastEventId {
    fn as_ref(&self) -> &str {
        self
    }
}

impl fmt::Display for LastEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// An event that was received, with texts of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The type: `message` unless the event had another.
    pub event: Cow<'static, str>,
    /// The data lines, joined with LF.
    pub data: String,
    /// The last event ID of the stream: of this event, or of an earlier one.
    pub last_event_id: LastEventId,
    /// Whether this event itself carried that id.
    pub has_id: bool,
}

impl Received {
    /// Copies the texts of a message. `last_event_id` is the message's, kept by the caller so that events share it.
    #[inline]
    #[must_use]
    pub fn of(message: &Message<'_>, last_event_id: &LastEventId) -> Self {
        Self {
            event: if message.event == "message" {
                "message".into()
            } else {
                message.event.to_owned().into()
            },
            data: message.data.to_owned(),
            last_event_id: last_event_id.clone(),
            has_id: message.id.is_some(),
        }
    }
}
