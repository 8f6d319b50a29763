use std::ffi::{c_int, c_void};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};

use ssecast::codec::{Item, Parser};

use crate::entry::{entry, exclusive, free, output, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::slice::ssecast_slice;

use ssecast_item_kind::*;

/// The most bytes of one event that `ssecast_parser_new` allows when it is given 0: 16 MiB.
pub const SSECAST_DEFAULT_MAX_EVENT_BYTES: usize = 16_777_216;

/// The reconnection time of a stream that has set none.
pub const SSECAST_NO_RETRY: u64 = u64::MAX;

const _: () = assert!(SSECAST_DEFAULT_MAX_EVENT_BYTES == Parser::DEFAULT_MAX_EVENT_BYTES);

/// Parses one stream, which arrives in chunks of any size.
///
/// One thread at a time: a call that meets another one fails with `SSECAST_BUSY`, and so does a call from inside the
/// callback.
pub struct ssecast_parser(Mutex<Parser>);

/// What an item is.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_item_kind {
    /// A dispatched event: `event`, `data`, `last_event_id`, and `id` if the event itself carried one.
    SSECAST_ITEM_EVENT = 1,
    /// A block without data set the last event ID to `id`.
    SSECAST_ITEM_ID = 2,
    /// The stream set the reconnection time to `retry`.
    SSECAST_ITEM_RETRY = 3,
    /// A comment, in `data`, without the colon and one space after it.
    SSECAST_ITEM_COMMENT = 4,
}

/// What a parser finds. Fields that the kind has not are left out, or 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_item {
    /// How many bytes the library has filled in: a field that a later version has appended is there if it lies within them.
    pub size: usize,
    /// Which of the fields below count.
    pub kind: ssecast_item_kind,
    /// Always 0.
    pub reserved: u32,
    /// The event's type: `message` unless the stream says another.
    pub event: ssecast_slice,
    /// The lines of data, joined with LF; or the comment.
    pub data: ssecast_slice,
    /// The id that the item itself carries.
    pub id: ssecast_slice,
    /// The last event ID of the stream: of this event, or of an earlier one.
    pub last_event_id: ssecast_slice,
    /// The reconnection time in milliseconds; what is larger than a `uint64_t` is the largest one.
    pub retry: u64,
}

/// Takes what a parser finds, on the thread that feeds it and before `ssecast_parser_feed` returns. Everything in
/// `item` is valid until the callback returns. It returns 0 to go on; anything else ends the stream there, as
/// `ssecast_parser_finish` does, and drops the rest of the chunk.
pub type ssecast_item_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, item: *const ssecast_item) -> c_int>;

/// Makes a parser at the beginning of a stream. No event may have more than `max_event_bytes` bytes; 0 sets the
/// default. Give it back with `ssecast_parser_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_parser_new(
    max_event_bytes: usize,
    parser: *mut *mut ssecast_parser,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        let parser = output(parser, "parser")?;
        let limit = if max_event_bytes == 0 { Parser::DEFAULT_MAX_EVENT_BYTES } else { max_event_bytes };
        let made = ssecast_parser(Mutex::new(Parser::with_max_event_bytes(limit)));
        // SAFETY: not NULL.
        unsafe { parser.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

/// Frees a parser. Not from inside its callback. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_parser_free(parser: *mut ssecast_parser) {
    // SAFETY: NULL or from `ssecast_parser_new`, and not used again.
    unsafe { free(parser) };
}

/// Parses one chunk and calls `on_item` for each item in it. Any bytes are a stream.
///
/// Fails with `SSECAST_EVENT_TOO_LARGE`, after the items that came before that event, and then on every call until
/// the parser is finished or reset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_parser_feed(
    parser: *mut ssecast_parser,
    chunk: ssecast_slice,
    on_item: ssecast_item_callback,
    user_data: *mut c_void,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's parser.
        let mut parser = unsafe { lock(parser) }?;
        // SAFETY: the caller's chunk is there until the call returns.
        let chunk = unsafe { chunk.bytes("chunk") }?.unwrap_or_default();
        let on_item = on_item.ok_or_else(|| Failure::null("on_item"))?;
        parser.feed(chunk, |item| {
            let item = ssecast_item::from(item);
            // SAFETY: the caller's function and data; the item lives as long as the call.
            match unsafe { on_item(user_data, &raw const item) } {
                0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })?;
        Ok(())
    })
}

/// Ends the stream: an event that is not complete is dropped. The parser is then at the beginning of the next stream,
/// and keeps the last event ID and the reconnection time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_parser_finish(
    parser: *mut ssecast_parser,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's parser.
        unsafe { lock(parser) }?.finish();
        Ok(())
    })
}

/// Forgets everything but the limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_parser_reset(
    parser: *mut ssecast_parser,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's parser.
        unsafe { lock(parser) }?.reset();
        Ok(())
    })
}

/// Gives the last event ID: what a client sends to resume; empty if there is none. It is valid until the next call
/// for this parser.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_parser_last_event_id(
    parser: *mut ssecast_parser,
    last_event_id: *mut ssecast_slice,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's parser.
        let parser = unsafe { lock(parser) }?;
        let last_event_id = output(last_event_id, "last_event_id")?;
        // SAFETY: not NULL.
        unsafe { last_event_id.write(ssecast_slice::new(parser.last_event_id().as_bytes())) };
        Ok(())
    })
}

/// Gives the reconnection time in milliseconds, or `SSECAST_NO_RETRY` if the stream has set none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_parser_retry(
    parser: *mut ssecast_parser,
    retry: *mut u64,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's parser.
        let parser = unsafe { lock(parser) }?;
        let retry = output(retry, "retry")?;
        // SAFETY: not NULL.
        unsafe { retry.write(parser.retry().unwrap_or(SSECAST_NO_RETRY)) };
        Ok(())
    })
}

/// # Safety
/// It is NULL or from `ssecast_parser_new`, and not freed before the guard is dropped.
unsafe fn lock<'a>(parser: *mut ssecast_parser) -> Result<MutexGuard<'a, Parser>, Failure> {
    // SAFETY: the caller's promise.
    exclusive(&unsafe { required(parser, "parser") }?.0, "parser")
}

impl From<Item<'_>> for ssecast_item {
    fn from(item: Item<'_>) -> Self {
        let slice = |text: &str| ssecast_slice::new(text.as_bytes());
        let empty = Self {
            size: size_of::<Self>(),
            kind: SSECAST_ITEM_EVENT,
            reserved: 0,
            event: ssecast_slice::NONE,
            data: ssecast_slice::NONE,
            id: ssecast_slice::NONE,
            last_event_id: ssecast_slice::NONE,
            retry: 0,
        };
        match item {
            Item::Event(message) => Self {
                event: slice(message.event),
                data: slice(message.data),
                id: message.id.map_or(ssecast_slice::NONE, slice),
                last_event_id: slice(message.last_event_id),
                ..empty
            },
            Item::Id(id) => Self { kind: SSECAST_ITEM_ID, id: slice(id), last_event_id: slice(id), ..empty },
            Item::Retry(retry) => Self { kind: SSECAST_ITEM_RETRY, retry, ..empty },
            Item::Comment(comment) => Self { kind: SSECAST_ITEM_COMMENT, data: slice(comment), ..empty },
        }
    }
}
