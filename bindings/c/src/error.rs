use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};

use ssecast::{Error, ErrorKind, Language, OptionKey};

use ssecast_result::*;

/// What became of a call. The numbers never change and are never used for anything else. Those below 100 are the
/// same errors in every language of ssecast; those from 100 on exist only in C.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_result {
    /// It is done.
    SSECAST_OK = 0,
    /// An event's type holds CR, LF or NUL, or is not UTF-8.
    SSECAST_INVALID_EVENT = 1,
    /// An event's id holds CR, LF or NUL, is not UTF-8, is taken by a retained event, or is reserved.
    SSECAST_INVALID_ID = 2,
    /// A reconnection time is not a whole number of milliseconds.
    SSECAST_INVALID_RETRY = 3,
    /// Data or a comment is not UTF-8.
    SSECAST_INVALID_DATA = 4,
    /// A topic is empty, longer than 256 bytes, or not UTF-8.
    SSECAST_INVALID_TOPIC = 5,
    /// An option is out of its range.
    SSECAST_INVALID_OPTION = 6,
    /// One event is larger than the limit.
    SSECAST_EVENT_TOO_LARGE = 7,
    /// The hub has as many topics as it may have.
    SSECAST_TOO_MANY_TOPICS = 8,
    /// The hub has as many connections as it may have: answer 503.
    SSECAST_TOO_MANY_CONNECTIONS = 9,
    /// The hub is closed, or closing.
    SSECAST_CLOSED = 10,
    /// A defect in ssecast itself; please report it.
    SSECAST_INTERNAL = 11,
    /// A descriptor is not that of a connected stream socket.
    SSECAST_INVALID_SOCKET = 12,
    /// The socket is written by ssecast already.
    SSECAST_ATTACHED = 13,
    /// The process has no descriptor left.
    SSECAST_TOO_MANY_DESCRIPTORS = 14,
    /// More waits than could be offered to connections yet: publish again later.
    SSECAST_BACKLOG_FULL = 15,
    /// The store can't be used: it can't be reached, or not by this process.
    SSECAST_STORE_UNAVAILABLE = 16,
    /// The store was not free, or did not answer, in time.
    SSECAST_STORE_TIMED_OUT = 17,
    /// There is no room left where the store is.
    SSECAST_STORE_FULL = 18,
    /// What is in the store is not a log, is damaged, or was made by a newer version.
    SSECAST_STORE_FORMAT = 19,
    /// The topic has ended: nothing is published to it any more. A client whose topics have all ended, and that has
    /// everything of them, gets no stream: answer it 204, by which an `EventSource` stays away.
    SSECAST_TOPIC_ENDED = 20,
    /// A pointer that is required is NULL.
    SSECAST_NULL_POINTER = 100,
    /// The size that a structure begins with, or a length, is not a possible one.
    SSECAST_INVALID_SIZE = 101,
    /// The buffer has less room than the result has bytes.
    SSECAST_BUFFER_TOO_SMALL = 102,
    /// There is nothing now: wait until the descriptor is readable.
    SSECAST_WOULD_BLOCK = 103,
    /// The stream has ended, or is ending.
    SSECAST_ENDED = 104,
    /// More waits for this one connection than its limit allows; the event was not taken.
    SSECAST_TOO_MUCH_PENDING = 105,
    /// The handle is in use: by another thread, or by the call whose callback this is.
    SSECAST_BUSY = 106,
}

/// What went wrong, in detail. Pass the address of one, or NULL; it is written when a call fails, and left alone
/// when it succeeds. It needs no initialization, owns nothing, and its layout never changes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_error {
    /// The result that the call returned.
    pub result: ssecast_result,
    /// The `errno` of the system's error that is behind it, such as `EADDRINUSE`; 0 if none is.
    pub os_error: c_int,
    /// What `option` allows, if its limit was reached; otherwise 0.
    pub limit: u64,
    /// The argument or field that it is about, such as `id`. Ends with a zero byte, as the other texts do, and is cut if it
    /// is longer.
    pub field: [c_char; 60],
    /// The field of a configuration that it is about, or whose limit was reached, such as `max_event_bytes`; empty if
    /// there is none.
    pub option: [c_char; 60],
    /// The message without the names of the field and of the option: for a language that spells them in its own way.
    pub problem: [c_char; 200],
    /// One sentence that begins with the field and says how to mend it.
    pub message: [c_char; 256],
}

/// Gives a result's name, such as `SSECAST_INVALID_ID`, and `SSECAST_UNKNOWN` for a number that has none. The text
/// is static and ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn ssecast_result_text(result: u32) -> *const c_char {
    let named = NAMES.iter().find(|(known, _)| *known as u32 == result);
    named.map_or(c"SSECAST_UNKNOWN", |(_, name)| name).as_ptr()
}

const NAMES: [(ssecast_result, &CStr); 28] = [
    (SSECAST_OK, c"SSECAST_OK"),
    (SSECAST_INVALID_EVENT, c"SSECAST_INVALID_EVENT"),
    (SSECAST_INVALID_ID, c"SSECAST_INVALID_ID"),
    (SSECAST_INVALID_RETRY, c"SSECAST_INVALID_RETRY"),
    (SSECAST_INVALID_DATA, c"SSECAST_INVALID_DATA"),
    (SSECAST_INVALID_TOPIC, c"SSECAST_INVALID_TOPIC"),
    (SSECAST_INVALID_OPTION, c"SSECAST_INVALID_OPTION"),
    (SSECAST_EVENT_TOO_LARGE, c"SSECAST_EVENT_TOO_LARGE"),
    (SSECAST_TOO_MANY_TOPICS, c"SSECAST_TOO_MANY_TOPICS"),
    (SSECAST_TOO_MANY_CONNECTIONS, c"SSECAST_TOO_MANY_CONNECTIONS"),
    (SSECAST_CLOSED, c"SSECAST_CLOSED"),
    (SSECAST_INTERNAL, c"SSECAST_INTERNAL"),
    (SSECAST_INVALID_SOCKET, c"SSECAST_INVALID_SOCKET"),
    (SSECAST_ATTACHED, c"SSECAST_ATTACHED"),
    (SSECAST_TOO_MANY_DESCRIPTORS, c"SSECAST_TOO_MANY_DESCRIPTORS"),
    (SSECAST_BACKLOG_FULL, c"SSECAST_BACKLOG_FULL"),
    (SSECAST_STORE_UNAVAILABLE, c"SSECAST_STORE_UNAVAILABLE"),
    (SSECAST_STORE_TIMED_OUT, c"SSECAST_STORE_TIMED_OUT"),
    (SSECAST_STORE_FULL, c"SSECAST_STORE_FULL"),
    (SSECAST_STORE_FORMAT, c"SSECAST_STORE_FORMAT"),
    (SSECAST_TOPIC_ENDED, c"SSECAST_TOPIC_ENDED"),
    (SSECAST_NULL_POINTER, c"SSECAST_NULL_POINTER"),
    (SSECAST_INVALID_SIZE, c"SSECAST_INVALID_SIZE"),
    (SSECAST_BUFFER_TOO_SMALL, c"SSECAST_BUFFER_TOO_SMALL"),
    (SSECAST_WOULD_BLOCK, c"SSECAST_WOULD_BLOCK"),
    (SSECAST_ENDED, c"SSECAST_ENDED"),
    (SSECAST_TOO_MUCH_PENDING, c"SSECAST_TOO_MUCH_PENDING"),
    (SSECAST_BUSY, c"SSECAST_BUSY"),
];

impl From<ErrorKind> for ssecast_result {
    fn from(kind: ErrorKind) -> Self {
        let same = |(result, _): &&(Self, &CStr)| *result as u32 == kind.number();
        NAMES.iter().find(same).map_or(SSECAST_INTERNAL, |(result, _)| *result)
    }
}

/// A call that failed, on its way to the caller.
#[derive(Debug)]
pub(crate) struct Failure {
    result: ssecast_result,
    field: Cow<'static, str>,
    /// The option that it is about, or whose limit was reached, and what it allows then.
    option: Option<OptionKey>,
    limit: Option<u64>,
    problem: Cow<'static, str>,
    os_error: Option<i32>,
}

impl Failure {
    pub(crate) fn new(
        result: ssecast_result,
        field: impl Into<Cow<'static, str>>,
        problem: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            result,
            field: field.into(),
            option: None,
            limit: None,
            problem: problem.into(),
            os_error: None,
        }
    }

    /// Names the option that the problem is about.
    pub(crate) fn about(self, option: OptionKey) -> Self {
        Self { option: Some(option), ..self }
    }

    pub(crate) fn null(field: &'static str) -> Self {
        Self::new(SSECAST_NULL_POINTER, field, "must not be NULL")
    }

    #[cfg(test)]
    pub(crate) fn result(&self) -> ssecast_result {
        self.result
    }

    fn option_name(&self) -> &'static str {
        self.option.map_or("", |option| option.name(Language::C))
    }

    fn message(&self) -> String {
        let Self { field, problem, .. } = self;
        match (self.option_name(), self.limit) {
            (option, Some(limit)) => format!("{field} {problem}; {option} allows {limit}"),
            (option, None) if option.is_empty() || option == field => format!("{field} {problem}"),
            (option, None) => format!("{field} {problem} ({option})"),
        }
    }

    /// Writes the detail where the caller wants it.
    ///
    /// # Safety
    /// `error` is NULL or may be written.
    pub(crate) unsafe fn report(&self, error: *mut ssecast_error) -> ssecast_result {
        if !error.is_null() {
            let detail = ssecast_error {
                result: self.result,
                os_error: self.os_error.unwrap_or(0),
                field: terminated(&self.field),
                limit: self.limit.unwrap_or_default(),
                option: terminated(self.option_name()),
                problem: terminated(&self.problem),
                message: terminated(&self.message()),
            };
            // SAFETY: the caller's promise.
            unsafe { error.write(detail) };
        }
        self.result
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (problem, limit) = error.parts();
        Self {
            result: error.kind().into(),
            field: error.field_in(Language::C).to_owned().into(),
            option: error.option(),
            limit,
            problem: problem.to_owned().into(),
            os_error: error.os_error(),
        }
    }
}

/// Cuts a text between characters so that a zero byte has room; one inside it, where it would end, becomes a `?`.
pub(crate) fn terminated<const N: usize>(text: &str) -> [c_char; N] {
    let mut array = [0; N];
    let end = (0..N).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0).min(text.len());
    let visible = |byte: u8| if byte == 0 { b'?' } else { byte };
    for (place, byte) in array.iter_mut().zip(text.as_bytes()[..end].iter().copied().map(visible)) {
        *place = byte.cast_signed() as c_char;
    }
    array
}

#[cfg(test)]
impl ssecast_error {
    pub(crate) const EMPTY: Self = Self {
        result: SSECAST_OK,
        os_error: 0,
        limit: 0,
        field: [0; 60],
        option: [0; 60],
        problem: [0; 200],
        message: [0; 256],
    };

    pub(crate) fn text(&self) -> &str {
        // SAFETY: it ends with a zero byte.
        unsafe { CStr::from_ptr(self.message.as_ptr()) }.to_str().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_core_has_its_own_number_and_name_here() {
        for kind in ErrorKind::ALL {
            let result = ssecast_result::from(kind);
            assert_eq!(result as u32, kind.number(), "{kind:?}");
            // SAFETY: the text is static.
            let name = unsafe { CStr::from_ptr(ssecast_result_text(kind.number())) };
            assert_eq!(name.to_str().unwrap(), kind.code());
        }
    }

    #[test]
    fn the_names_are_those_of_the_constants() {
        for (result, name) in NAMES {
            assert_eq!(format!("{result:?}"), name.to_str().unwrap());
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let failure = Failure::new(SSECAST_INVALID_ID, "é".repeat(40), "x\0y".to_owned());
        let mut error = ssecast_error::EMPTY;
        // SAFETY: it may be written.
        unsafe { failure.report(&raw mut error) };
        assert_eq!(error.text(), format!("{} x?y", "é".repeat(40)));
        // SAFETY: it ends with a zero byte.
        let field = unsafe { CStr::from_ptr(error.field.as_ptr()) };
        assert_eq!(field.to_str().unwrap(), "é".repeat(29));
    }
}
