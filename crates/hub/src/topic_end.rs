use ssecast_codec::{Error, ErrorKind};

/// The end of a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// It comes behind every event of the topic.
    pub(crate) sequence: u64,
    /// When it came, by this process's clock.
    pub(crate) at: u64,
    /// The same as the log's entry says it, so that all processes draw the same line; zero without a store.
    pub(crate) published_at: u64,
    /// The topic's name is free again. Connections that had it still know that it has ended.
    pub(crate) is_forgotten: bool,
}

/// The refusal of an event of a topic that has ended.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::TopicEnded, "topic", "has ended: nothing is published to it any more")
}

/// The refusal of a stream with nothing in it.
pub(crate) fn all_ended() -> Error {
    let problem =
        "have ended, and the client has all of them: answer 204, by which an EventSource stays away";
    Error::new(ErrorKind::TopicEnded, "topics", problem)
}
