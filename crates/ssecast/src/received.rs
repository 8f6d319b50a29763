use std::{borrow::Cow, sync::Arc};

use ssecast_codec::Message;

/// An event that was received, with texts of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The type: `message` unless the event had another.
    pub event: Cow<'static, str>,
    /// The data lines, joined with LF.
    pub data: String,
    /// The last event ID of the stream: of this event, or of an earlier one. Events share it.
    pub last_event_id: Arc<str>,
    /// Whether this event itself carried that id.
    pub has_id: bool,
}

impl Received {
    pub(crate) fn of(message: &Message<'_>, last_event_id: &Arc<str>) -> Self {
        Self {
            event: if message.event == "message" {
                "message".into()
            } else {
                message.event.to_owned().into()
            },
            data: message.data.to_owned(),
            last_event_id: Arc::clone(last_event_id),
            has_id: message.id.is_some(),
        }
    }
}
