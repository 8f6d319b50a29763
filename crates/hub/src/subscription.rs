/// What a connection asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscription<'a> {
    /// The topics that this connection may read. None makes a private stream: only what is sent to it alone.
    pub topics: &'a [&'a str],
    /// The id of the last event that the client has, as it says itself; empty is the same as none.
    pub last_event_id: Option<&'a str>,
}
