use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::any::Any;
use core::fmt;

use crate::option_key::{Language, OptionKey};

/// What went wrong, with a number and a code that never change and are never reused.
///
/// The same list serves every language: the number is the C result, [`code`](Self::code) is `error.code` in Node,
/// and Python has one exception class for each. Numbers from 100 on are results that only C has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum ErrorKind {
    /// An event type holds CR, LF or NUL (SPEC 29).
    InvalidEvent = 1,
    /// An event id holds CR, LF or NUL, is taken by a retained event, or is reserved (SPEC 29, 32).
    InvalidId = 2,
    /// A reconnection time is not a non-negative whole number of milliseconds (SPEC 30).
    InvalidRetry = 3,
    /// Data is not text: invalid UTF-8, or a value that has no serialised form.
    InvalidData = 4,
    /// A topic is empty or longer than 256 bytes.
    InvalidTopic = 5,
    /// An option is unknown or out of its range.
    InvalidOption = 6,
    /// One event is larger than the limit (SPEC 18).
    EventTooLarge = 7,
    /// The hub has as many topics as it may have.
    TooManyTopics = 8,
    /// The hub has as many connections as it may have.
    TooManyConnections = 9,
    /// The hub is closed, or closing.
    Closed = 10,
    /// A defect in ssecast itself; please report it.
    Internal = 11,
    /// A descriptor is not that of a connected stream socket.
    InvalidSocket = 12,
    /// The connection is written by ssecast already.
    Attached = 13,
    /// The process has no descriptor left.
    TooManyDescriptors = 14,
    /// More waits than the hub's delivery has offered to its connections: the publisher is too fast.
    BacklogFull = 15,
    /// The store can't be used: it can't be reached, or not by this process.
    StoreUnavailable = 16,
    /// The store was not free, or did not answer, in time.
    StoreTimedOut = 17,
    /// There is no room left where the store is.
    StoreFull = 18,
    /// What is in the store is not a log, is damaged, or was made by a newer version.
    StoreFormat = 19,
    /// The topic has ended: nothing is published to it any more, and a client that has everything of it gets no stream.
    TopicEnded = 20,
}

impl ErrorKind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [Self; 20] = [
        Self::InvalidEvent,
        Self::InvalidId,
        Self::InvalidRetry,
        Self::InvalidData,
        Self::InvalidTopic,
        Self::InvalidOption,
        Self::EventTooLarge,
        Self::TooManyTopics,
        Self::TooManyConnections,
        Self::Closed,
        Self::Internal,
        Self::InvalidSocket,
        Self::Attached,
        Self::TooManyDescriptors,
        Self::BacklogFull,
        Self::StoreUnavailable,
        Self::StoreTimedOut,
        Self::StoreFull,
        Self::StoreFormat,
        Self::TopicEnded,
    ];

    /// The stable number: the C result code. Zero is success and never stands here.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The stable text: `error.code` in Node.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidEvent => "SSECAST_INVALID_EVENT",
            Self::InvalidId => "SSECAST_INVALID_ID",
            Self::InvalidRetry => "SSECAST_INVALID_RETRY",
            Self::InvalidData => "SSECAST_INVALID_DATA",
            Self::InvalidTopic => "SSECAST_INVALID_TOPIC",
            Self::InvalidOption => "SSECAST_INVALID_OPTION",
            Self::EventTooLarge => "SSECAST_EVENT_TOO_LARGE",
            Self::TooManyTopics => "SSECAST_TOO_MANY_TOPICS",
            Self::TooManyConnections => "SSECAST_TOO_MANY_CONNECTIONS",
            Self::Closed => "SSECAST_CLOSED",
            Self::Internal => "SSECAST_INTERNAL",
            Self::InvalidSocket => "SSECAST_INVALID_SOCKET",
            Self::Attached => "SSECAST_ATTACHED",
            Self::TooManyDescriptors => "SSECAST_TOO_MANY_DESCRIPTORS",
            Self::BacklogFull => "SSECAST_BACKLOG_FULL",
            Self::StoreUnavailable => "SSECAST_STORE_UNAVAILABLE",
            Self::StoreTimedOut => "SSECAST_STORE_TIMED_OUT",
            Self::StoreFull => "SSECAST_STORE_FULL",
            Self::StoreFormat => "SSECAST_STORE_FORMAT",
            Self::TopicEnded => "SSECAST_TOPIC_ENDED",
        }
    }
}

/// An error of ssecast: its kind, the field it is about, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    field: ErrorField,
    problem: Cow<'static, str>,
    /// The option whose limit was reached, and that limit.
    limit: Option<(OptionKey, u64)>,
    errno: Option<i32>,
}

/// What an error is about: an option, which each language spells, or something that has the same name in all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorField {
    /// An option.
    Option(OptionKey),
    /// A field of an event, an argument, or a part such as `socket`.
    Name(Cow<'static, str>),
}

impl From<OptionKey> for ErrorField {
    fn from(option: OptionKey) -> Self {
        Self::Option(option)
    }
}

impl From<&'static str> for ErrorField {
    fn from(name: &'static str) -> Self {
        Self::Name(name.into())
    }
}

impl From<String> for ErrorField {
    fn from(name: String) -> Self {
        Self::Name(name.into())
    }
}

impl From<Cow<'static, str>> for ErrorField {
    fn from(name: Cow<'static, str>) -> Self {
        Self::Name(name)
    }
}

impl Error {
    /// Makes an error about `field`. The problem completes the sentence that begins with the field's name.
    ///
    /// ```
    /// use ssecast_codec::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::InvalidId, "id", "must not contain LF (at byte 3)");
    /// assert_eq!(error.to_string(), "id must not contain LF (at byte 3)");
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, field: impl Into<ErrorField>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, field: field.into(), problem: problem.into(), limit: None, errno: None }
    }

    /// The error for a panic, which is a defect and must not unwind into another language. `payload` is what
    /// `catch_unwind` returns.
    ///
    /// ```
    /// use ssecast_codec::Error;
    /// let panic = std::panic::catch_unwind(|| panic!("a {}", "defect")).unwrap_err();
    /// assert_eq!(Error::from_panic(&*panic).to_string(), "ssecast panicked; please report it: a defect");
    /// ```
    #[must_use]
    pub fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Self::new(ErrorKind::Internal, "ssecast", format!("panicked; please report it: {text}"))
    }

    /// Says which option's limit was reached, and what it allows. The problem names both.
    ///
    /// ```
    /// use ssecast_codec::{Error, ErrorKind, Language, OptionKey};
    /// let error = Error::new(ErrorKind::TooManyTopics, "topic", "would be one too many");
    /// let error = error.with_limit(OptionKey::MaxTopics, 10);
    /// assert_eq!(error.to_string(), "topic would be one too many; max_topics allows 10");
    /// assert_eq!(error.problem_in(Language::JavaScript), "would be one too many; maxTopics allows 10");
    /// ```
    #[must_use]
    pub fn with_limit(self, option: OptionKey, limit: u64) -> Self {
        Self { limit: Some((option, limit)), ..self }
    }

    /// Says which error of the operating system is behind it.
    #[must_use]
    pub fn with_os_error(self, number: Option<i32>) -> Self {
        Self { errno: number, ..self }
    }

    /// The number of the operating system's error that is behind it, such as `EADDRINUSE`, if one is.
    #[must_use]
    pub const fn os_error(&self) -> Option<i32> {
        self.errno
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The option that the error is about, or whose limit was reached.
    #[must_use]
    pub fn option(&self) -> Option<OptionKey> {
        match (&self.field, self.limit) {
            (ErrorField::Option(option), _) => Some(*option),
            (ErrorField::Name(_), limit) => limit.map(|(option, _)| option),
        }
    }

    /// The field, argument or option that the error is about, as Rust spells it.
    #[must_use]
    pub fn field(&self) -> &str {
        self.field_in(Language::Rust)
    }

    /// The same as a language spells it.
    #[must_use]
    pub fn field_in(&self, language: Language) -> &str {
        match &self.field {
            ErrorField::Option(option) => option.name(language),
            ErrorField::Name(name) => name,
        }
    }

    /// The problem, without the field's name, as Rust spells it.
    #[must_use]
    pub fn problem(&self) -> Cow<'_, str> {
        self.problem_in(Language::Rust)
    }

    /// The same as a language spells it.
    #[must_use]
    pub fn problem_in(&self, language: Language) -> Cow<'_, str> {
        match self.limit {
            None => Cow::Borrowed(&self.problem),
            Some((option, limit)) => {
                format!("{}; {} allows {limit}", self.problem, option.name(language)).into()
            }
        }
    }

    /// The problem alone, which names no option, and what the [`option`](Self::option) allows, if its limit was reached: for
    /// languages that put the message together themselves.
    #[must_use]
    pub fn parts(&self) -> (&str, Option<u64>) {
        (&self.problem, self.limit.map(|(_, limit)| limit))
    }

    /// The whole message, as Rust spells it.
    #[must_use]
    pub fn message(&self) -> String {
        self.message_in(Language::Rust)
    }

    /// The same as a language spells it.
    #[must_use]
    pub fn message_in(&self, language: Language) -> String {
        format!("{} {}", self.field_in(language), self.problem_in(language))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field(), self.problem())
    }
}

impl core::error::Error for Error {}
