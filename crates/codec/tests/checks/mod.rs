//! What must hold for any bytes at all: proptest, the fuzzer and the replay of its corpus all ask this.

use ssecast_codec::{ErrorKind, Event, Parser};

use crate::{
    log::{Entry, Log, cut},
    reference,
};

/// The rules, written naively, say the same.
pub(crate) fn reference(stream: &[u8]) {
    assert_eq!(Log::of(&mut Parser::new(), [stream]), reference::parse(stream));
}

/// Any chunking gives the same (SPEC 16), and so does any limit (SPEC 18). The first byte says how many sizes follow,
/// the second is the limit, unless it is 255.
pub(crate) fn chunks(bytes: &[u8]) {
    let [count, limit, rest @ ..] = bytes else { return };
    let (sizes, stream) = rest.split_at(rest.len().min(usize::from(count % 8) + 1));
    // Chunks of more than 256 bytes are parsed in another way.
    let size = |&size: &u8| usize::from(size) + usize::from(size.saturating_sub(0xf0)) * 0x40;
    let sizes: Vec<usize> = sizes.iter().map(size).collect();
    let limit = if *limit == u8::MAX { Parser::DEFAULT_MAX_EVENT_BYTES } else { usize::from(*limit) };
    any_chunks(stream, &sizes, limit);
}

pub(crate) fn any_chunks(stream: &[u8], sizes: &[usize], limit: usize) {
    let log = |chunks| Log::of(&mut Parser::with_max_event_bytes(limit), chunks);
    let whole = log(vec![stream]);
    assert_eq!(log(cut(stream, sizes)), whole);
    assert_eq!(log(cut(stream, &[1])), whole);
}

/// What the encoder takes, the parser reads back (SPEC 34). The first byte says which fields there are; 255, which no
/// text has, stands between them.
pub(crate) fn fields(bytes: &[u8]) {
    let [has, rest @ ..] = bytes else { return };
    let mut texts = rest.split(|byte| *byte == u8::MAX).map(String::from_utf8_lossy);
    let mut text = |bit: u8| texts.next().filter(|_| has & bit != 0);
    let (event, id, data, comment) = (text(1), text(2), text(4), text(8));
    let retry = rest.first_chunk().filter(|_| has & 16 != 0).map(|bytes| u64::from_le_bytes(*bytes));
    round_trip(&Event {
        event: event.as_deref(),
        id: id.as_deref(),
        retry,
        data: data.as_deref(),
        comment: comment.as_deref(),
    });
}

pub(crate) fn round_trip(written: &Event<'_>) {
    let is_line = |text: Option<&str>| text.is_none_or(|text| !text.contains(['\r', '\n', '\0']));
    let bytes = match written.encode() {
        Ok(bytes) => bytes,
        Err(error) => {
            let invalid = if is_line(written.event) { ErrorKind::InvalidId } else { ErrorKind::InvalidEvent };
            assert_eq!(error.kind(), invalid, "SPEC 29");
            assert!(!is_line(written.event) || !is_line(written.id), "{error}");
            return;
        }
    };
    assert!(is_line(written.event) && is_line(written.id), "SPEC 29");
    assert_eq!(bytes.len(), written.encoded_len());

    let mut expected: Vec<Entry> = Vec::new();
    if let Some(comment) = written.comment {
        expected.extend(normalised(comment).split('\n').map(|line| Entry::Comment(line.into())));
    }
    expected.extend(written.retry.map(Entry::Retry));
    let id = written.id.map(String::from);
    let last_event_id = id.clone().unwrap_or_default();
    if let Some(data) = written.data {
        let event = written.event.filter(|event| !event.is_empty()).unwrap_or("message").into();
        expected.push(Entry::Event { event, data: normalised(data), last_event_id, id });
    } else if let Some(id) = id {
        expected.push(Entry::Id(id));
    }
    assert_eq!(Log::of(&mut Parser::new(), [bytes.as_slice()]).entries, expected);
}

/// What a receiver sees of text that was split at its line ends (SPEC 34).
fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
