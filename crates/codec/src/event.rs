use alloc::{format, vec::Vec};

use crate::{
    Error, ErrorKind, OptionKey,
    line::{line_end, lines},
};

/// One event to encode, borrowed from the caller.
///
/// `None` leaves a field out; `Some("")` writes it with an empty value, which is a different thing for `data`
/// (SPEC 13) and for `id`, where it resets the receiver's last event ID.
///
/// ```
/// use ssecast_codec::Event;
/// let event = Event { event: Some("tick"), id: Some("7"), data: Some("one\ntwo"), ..Event::default() };
/// assert_eq!(event.encode()?, b"id: 7\nevent: tick\ndata: one\ndata: two\n\n");
/// # Ok::<(), ssecast_codec::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event type. The receiver takes none, or an empty one, for `message`.
    pub event: Option<&'a str>,
    /// The id that a receiver sends back to resume.
    pub id: Option<&'a str>,
    /// The receiver's reconnection time in milliseconds.
    pub retry: Option<u64>,
    /// The text. Each CRLF, CR and LF in it begins a new `data` line; the receiver reads all of them as LF.
    pub data: Option<&'a str>,
    /// Text for people and proxies, which receivers ignore. Split like `data`.
    pub comment: Option<&'a str>,
}

/// In one line: an event of this text, with what else it has.
///
/// ```
/// use ssecast_codec::Event;
/// let event = Event::data("1").event("tick").id("7").retry(2_000).comment("hello");
/// assert_eq!(event.encode()?, b": hello\nid: 7\nevent: tick\nretry: 2000\ndata: 1\n\n");
/// # Ok::<(), ssecast_codec::Error>(())
/// ```
impl<'a> Event<'a> {
    /// An event of this text, and nothing else.
    #[must_use]
    pub const fn data(data: &'a str) -> Self {
        Self { event: None, id: None, retry: None, data: Some(data), comment: None }
    }

    /// The same event with this type.
    #[must_use]
    pub const fn event(self, event: &'a str) -> Self {
        Self { event: Some(event), ..self }
    }

    /// The same event with this id.
    #[must_use]
    pub const fn id(self, id: &'a str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The same event with this reconnection time, in milliseconds.
    #[must_use]
    pub const fn retry(self, milliseconds: u64) -> Self {
        Self { retry: Some(milliseconds), ..self }
    }

    /// The same event with this comment.
    #[must_use]
    pub const fn comment(self, comment: &'a str) -> Self {
        Self { comment: Some(comment), ..self }
    }
}

impl Event<'_> {
    /// Checks that the event type and the id fit in one line each.
    ///
    /// ```
    /// use ssecast_codec::{ErrorKind, Event};
    /// let event = Event { id: Some("7\ndata: forged"), ..Event::default() };
    /// let error = event.validate().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidId);
    /// assert_eq!(error.to_string(), "id must not contain LF (at byte 1)");
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEvent`] or [`ErrorKind::InvalidId`] for CR, LF or NUL (SPEC 29).
    pub fn validate(&self) -> Result<(), Error> {
        check_line(ErrorKind::InvalidEvent, "event", self.event)?;
        check_line(ErrorKind::InvalidId, "id", self.id)
    }

    /// Encodes the event into bytes of its own, in one allocation.
    ///
    /// ```
    /// use ssecast_codec::Event;
    /// let event = Event { data: Some(""), ..Event::default() };
    /// assert_eq!(event.encode()?, b"data: \n\n");
    /// # Ok::<(), ssecast_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.validate()?;
        let length = self.encoded_len();
        let mut out = Vec::with_capacity(length);
        self.write(&mut out, length);
        Ok(out)
    }

    /// Appends the encoded event to `out`, which grows at most once.
    ///
    /// The order is fixed: comment, id, event, retry, data, blank line; each line is the name, a colon, a
    /// space and the value. An event with no fields is the blank line alone, which fires nothing.
    ///
    /// ```
    /// use ssecast_codec::Event;
    /// let mut out = Vec::new();
    /// Event { comment: Some("hello"), retry: Some(2_000), ..Event::default() }.encode_into(&mut out)?;
    /// Event { data: Some("first"), ..Event::default() }.encode_into(&mut out)?;
    /// assert_eq!(out, b": hello\nretry: 2000\n\ndata: first\n\n");
    /// # Ok::<(), ssecast_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate); nothing is appended then.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.encode_within(usize::MAX, out)
    }

    /// Appends the encoded event to `out` as [`encode_into`](Self::encode_into) does, if it has at most `limit` bytes.
    ///
    /// ```
    /// use ssecast_codec::{ErrorKind, Event};
    /// let mut out = Vec::new();
    /// let error = Event::data("twelve bytes").encode_within(10, &mut out).unwrap_err();
    /// assert_eq!((error.kind(), out.len()), (ErrorKind::EventTooLarge, 0));
    /// # Ok::<(), ssecast_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::EventTooLarge`], and those of [`validate`](Self::validate); nothing is appended then.
    pub fn encode_within(&self, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let length = self.check_len(limit)?;
        self.validate()?;
        out.reserve(length);
        self.write(out, length);
        Ok(())
    }

    /// Counts the bytes that [`encode_into`](Self::encode_into) appends, of which there may be at most `limit`.
    ///
    /// ```
    /// use ssecast_codec::Event;
    /// assert_eq!(Event::data("1").check_len(9)?, "data: 1\n\n".len());
    /// assert!(Event::data("1").check_len(8).is_err());
    /// # Ok::<(), ssecast_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::EventTooLarge`].
    pub fn check_len(&self, limit: usize) -> Result<usize, Error> {
        let length = self.encoded_len();
        if length > limit {
            let error =
                Error::new(ErrorKind::EventTooLarge, "event", format!("has {length} bytes when encoded"));
            return Err(error.with_limit(OptionKey::MaxEventBytes, limit as u64));
        }
        Ok(length)
    }

    /// Counts the bytes that [`encode_into`](Self::encode_into) appends.
    ///
    /// ```
    /// use ssecast_codec::Event;
    /// let event = Event { data: Some("a\r\nb"), ..Event::default() };
    /// assert_eq!(event.encoded_len(), "data: a\ndata: b\n\n".len());
    /// ```
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.len_with(lines_len)
    }

    /// Counts its bytes, of which those of the comment and the data are counted by `lines_len`.
    fn len_with(&self, lines_len: fn(&str, &str) -> usize) -> usize {
        let of = |prefix: &str, value: Option<&str>| value.map_or(0, |value| lines_len(prefix, value));
        let retry = self.retry.map_or(0, |retry| "retry: \n".len() + decimal_len(retry));
        of(": ", self.comment)
            + self.id.map_or(0, |id| line_len("id: ", id))
            + self.event.map_or(0, |event| line_len("event: ", event))
            + retry
            + of("data: ", self.data)
            + "\n".len()
    }

    /// Appends its `length` bytes.
    fn write(&self, out: &mut Vec<u8>, length: usize) {
        // Most values are one line. Each line end in a value would make it longer, so that it need not be looked for again.
        let write_lines = if length == self.len_with(line_len) { write_line } else { write_lines };
        write_lines(out, ": ", self.comment);
        write_line(out, "id: ", self.id);
        write_line(out, "event: ", self.event);
        if let Some(retry) = self.retry {
            out.extend_from_slice(b"retry: ");
            write_decimal(out, retry);
            out.push(b'\n');
        }
        write_lines(out, "data: ", self.data);
        out.push(b'\n');
    }
}

fn check_line(kind: ErrorKind, field: &'static str, value: Option<&str>) -> Result<(), Error> {
    let Some(value) = value else { return Ok(()) };
    let Some(at) = memchr::memchr3(b'\r', b'\n', 0, value.as_bytes()) else { return Ok(()) };
    let name = match value.as_bytes()[at] {
        b'\r' => "CR",
        b'\n' => "LF",
        _ => "NUL",
    };
    Err(Error::new(kind, field, format!("must not contain {name} (at byte {at})")))
}

fn write_line(out: &mut Vec<u8>, prefix: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
    }
}

fn write_lines(out: &mut Vec<u8>, prefix: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    lines(value).for_each(|line| write_line(out, prefix, Some(line)));
}

fn line_len(prefix: &str, line: &str) -> usize {
    prefix.len() + line.len() + "\n".len()
}

fn lines_len(prefix: &str, value: &str) -> usize {
    if line_end(value.as_bytes()).is_none() {
        return line_len(prefix, value);
    }
    lines(value).map(|line| line_len(prefix, line)).sum()
}

fn decimal_len(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

fn write_decimal(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    out.resize(start + decimal_len(number), b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
