//! What a parser said, in a form that tests compare.

use ssecast_codec::{Error, Item, Parser};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Event { event: String, data: String, last_event_id: String, id: Option<String> },
    Id(String),
    Retry(u64),
    Comment(String),
}

impl From<Item<'_>> for Entry {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Event(message) => Self::Event {
                event: message.event.into(),
                data: message.data.into(),
                last_event_id: message.last_event_id.into(),
                id: message.id.map(Into::into),
            },
            Item::Id(id) => Self::Id(id.into()),
            Item::Retry(retry) => Self::Retry(retry),
            Item::Comment(comment) => Self::Comment(comment.into()),
        }
    }
}

/// Everything that can be seen of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    pub(crate) error: Option<Error>,
    pub(crate) last_event_id: String,
    pub(crate) retry: Option<u64>,
}

impl Log {
    /// Feeds the chunks to `parser` until one fails.
    pub(crate) fn of<'a>(parser: &mut Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut entries = Vec::new();
        let feed = |chunk| parser.feed(chunk, |item| entries.push(item.into()));
        let error = chunks.into_iter().map(feed).find_map(Result::err);
        Self { entries, error, last_event_id: parser.last_event_id().into(), retry: parser.retry() }
    }
}

/// Cuts `input` into chunks, with the sizes used in turn; a size of 0 is an empty chunk.
pub(crate) fn cut<'a>(mut input: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for &size in sizes.iter().cycle() {
        if input.is_empty() || sizes.iter().all(|&size| size == 0) {
            break;
        }
        let (chunk, rest) = input.split_at(size.min(input.len()));
        chunks.push(chunk);
        input = rest;
    }
    chunks.push(input);
    chunks
}
