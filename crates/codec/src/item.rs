use core::ops::ControlFlow;

/// What a [`Parser`](crate::Parser) finds, in the order of the stream. It lives as long as the call that receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A dispatched event.
    Event(Message<'a>),
    /// A block without data set the last event ID (SPEC 12).
    Id(&'a str),
    /// A new reconnection time in milliseconds; it takes effect now, before its block is dispatched (SPEC 11).
    Retry(u64),
    /// A comment, without the colon and one space after it.
    Comment(&'a str),
}

/// A dispatched event. A field that lies whole in the chunk being fed is a slice of that chunk, if it is no small one.
///
/// ```
/// use ssecast_codec::{Item, Parser};
/// let mut parser = Parser::new();
/// parser.feed(b"id: 7\ndata: one\ndata: two\n\n", |item| {
///     let Item::Event(message) = item else { return };
///     assert_eq!(message.event, "message");
///     assert_eq!(message.data, "one\ntwo");
///     assert_eq!(message.last_event_id, "7");
/// })?;
/// # Ok::<(), ssecast_codec::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The type: `message` unless the block had another.
    pub event: &'a str,
    /// The data lines, joined with LF.
    pub data: &'a str,
    /// The last event ID of the stream: of this event, or of an earlier one (SPEC 14).
    pub last_event_id: &'a str,
    /// The id that this event itself carried.
    pub id: Option<&'a str>,
}

/// What the function that receives items returns: nothing, to take them all, or a [`ControlFlow`] to stop early.
///
/// ```
/// use core::ops::ControlFlow;
/// use ssecast_codec::Parser;
/// let mut count = 0;
/// Parser::new().feed(b"data: 1\n\ndata: 2\n\n", |_| {
///     count += 1;
///     ControlFlow::Break(())
/// })?;
/// assert_eq!(count, 1);
/// # Ok::<(), ssecast_codec::Error>(())
/// ```
pub trait Flow: sealed::Sealed {
    /// Whether the receiver wants no more items.
    fn is_break(&self) -> bool;
}

/// What a receiver returns may get more to say: only this crate says what does.
mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for core::ops::ControlFlow<()> {}
}

impl Flow for () {
    #[inline]
    fn is_break(&self) -> bool {
        false
    }
}

impl Flow for ControlFlow<()> {
    #[inline]
    fn is_break(&self) -> bool {
        ControlFlow::is_break(self)
    }
}
