//! The vectors that every language runs. Their format stands in the README.md beside them.

mod log;

use log::{Entry, Log, cut};
use serde::Deserialize;
use ssecast_codec::{Error, Event, Parser, retry_from_f64, retry_from_str};

/// Text is one part, or several that are joined.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Hex { hex: String },
    Repeat { repeat: Box<Text>, times: usize },
    Parts(Vec<Text>),
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => text.clone().into_bytes(),
            Self::Hex { hex } => hex
                .split(' ')
                .map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))
                .collect(),
            Self::Repeat { repeat, times } => repeat.bytes().repeat(*times),
            Self::Parts(parts) => parts.iter().flat_map(Self::bytes).collect(),
        }
    }

    fn string(&self) -> String {
        String::from_utf8(self.bytes()).expect("an expectation is UTF-8")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedItem {
    event: Option<Text>,
    data: Option<Text>,
    last_event_id: Option<Text>,
    id: Option<Text>,
    retry: Option<u64>,
    comment: Option<Text>,
}

impl From<&ExpectedItem> for Entry {
    fn from(item: &ExpectedItem) -> Self {
        let id = item.id.as_ref().map(Text::string);
        if let Some(data) = &item.data {
            Self::Event {
                event: item.event.as_ref().map_or("message".into(), Text::string),
                data: data.string(),
                last_event_id: item.last_event_id.as_ref().map(Text::string).unwrap_or_default(),
                id,
            }
        } else if let Some(retry) = item.retry {
            Self::Retry(retry)
        } else if let Some(comment) = &item.comment {
            Self::Comment(comment.string())
        } else {
            Self::Id(id.expect("an item has data, retry, comment or id"))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParseVector {
    name: String,
    rules: Vec<u8>,
    input: Text,
    items: Vec<ExpectedItem>,
    /// What the end brings where the unfinished event is asked for.
    unfinished: Option<Vec<ExpectedItem>>,
    last_event_id: Option<Text>,
    retry: Option<u64>,
    max_event_bytes: Option<usize>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chunk {
    input: Text,
    items: Vec<ExpectedItem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChunksVector {
    name: String,
    rules: Vec<u8>,
    chunks: Vec<Chunk>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Retry {
    Number(f64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFields {
    event: Option<Text>,
    id: Option<Text>,
    retry: Option<Retry>,
    data: Option<Text>,
    comment: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodeVector {
    name: String,
    rules: Vec<u8>,
    event: EventFields,
    output: Option<Text>,
    error: Option<String>,
    message: Option<String>,
}

fn vectors<T: for<'de> Deserialize<'de>>(json: &str) -> Vec<T> {
    serde_json::from_str(json).expect("the vectors have the format of their README.md")
}

fn parse_vectors() -> Vec<ParseVector> {
    vectors(include_str!("../../../tests/vectors/parse.json"))
}

fn encode_vectors() -> Vec<EncodeVector> {
    vectors(include_str!("../../../tests/vectors/encode.json"))
}

fn chunks_vectors() -> Vec<ChunksVector> {
    vectors(include_str!("../../../tests/vectors/chunks.json"))
}

/// Sizes of chunks that look random and are the same on every run.
fn irregular_sizes(seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 60) as usize
    };
    (0..97).map(|_| next()).chain([1]).collect()
}

fn check_parse(vector: &ParseVector, input: &[u8], sizes: &[usize]) {
    let limit = vector.max_event_bytes.unwrap_or(Parser::DEFAULT_MAX_EVENT_BYTES);
    let mut parser = Parser::with_max_event_bytes(limit);
    let log = Log::of(&mut parser, cut(input, sizes));
    let expected: Vec<Entry> = vector.items.iter().map(Into::into).collect();
    let error = log.error.as_ref().map(|error| error.kind().code());
    // A difference of 10 MB can't be read.
    assert!(log.entries == expected, "{}: {:.2000?}", vector.name, format!("{:?}", log.entries));
    assert_eq!(error, vector.error.as_deref(), "{}", vector.name);
    if vector.error.is_none() {
        let last_event_id = vector.last_event_id.as_ref().map(Text::string).unwrap_or_default();
        assert_eq!(log.last_event_id, last_event_id, "{}", vector.name);
        assert_eq!(log.retry, vector.retry, "{}", vector.name);
    }
    if let Some(unfinished) = &vector.unfinished {
        let expected: Vec<Entry> = unfinished.iter().map(Into::into).collect();
        let mut entries = Vec::new();
        parser.finish_with(|item| entries.push(Entry::from(item))).expect("below the limit");
        assert_eq!(entries, expected, "{}", vector.name);
    }
}

#[test]
fn every_parse_vector_holds_for_every_chunking() {
    for vector in parse_vectors() {
        let input = vector.input.bytes();
        check_parse(&vector, &input, &[usize::MAX]);
        if input.len() > 1_000_000 {
            check_parse(&vector, &input, &[65_536]);
            check_parse(&vector, &input, &[1_021]);
            continue;
        }
        for size in [1, 2, 3, 7] {
            check_parse(&vector, &input, &[size]);
        }
        for seed in 0..20 {
            check_parse(&vector, &input, &irregular_sizes(seed));
        }
    }
}

#[test]
fn every_chunks_vector_gives_its_items_before_the_next_chunk() {
    for vector in chunks_vectors() {
        let mut parser = Parser::new();
        for (number, chunk) in vector.chunks.iter().enumerate() {
            let log = Log::of(&mut parser, [chunk.input.bytes().as_slice()]);
            let expected: Vec<Entry> = chunk.items.iter().map(Into::into).collect();
            assert_eq!(log.entries, expected, "{}, chunk {number}", vector.name);
        }
    }
}

/// Encodes as a language without types would: `retry` is checked at run time.
fn encode(fields: &EventFields) -> Result<Vec<u8>, Error> {
    let text = |text: &Option<Text>| text.as_ref().map(Text::string);
    let (event, id) = (text(&fields.event), text(&fields.id));
    let (data, comment) = (text(&fields.data), text(&fields.comment));
    let retry = match &fields.retry {
        Some(Retry::Number(number)) => Some(retry_from_f64(*number)?),
        Some(Retry::Text(digits)) => Some(retry_from_str(digits)?),
        None => None,
    };
    Event {
        event: event.as_deref(),
        id: id.as_deref(),
        retry,
        data: data.as_deref(),
        comment: comment.as_deref(),
    }
    .encode()
}

#[test]
fn every_encode_vector_gives_its_bytes_or_its_error() {
    for vector in encode_vectors() {
        match (encode(&vector.event), &vector.output) {
            (Ok(bytes), Some(output)) => assert!(bytes == output.bytes(), "{}", vector.name),
            (Err(error), None) => {
                assert_eq!(Some(error.kind().code()), vector.error.as_deref(), "{}", vector.name);
                if let Some(message) = &vector.message {
                    assert_eq!(&error.to_string(), message, "{}", vector.name);
                }
            }
            (result, _) => panic!("{}: {result:?}", vector.name),
        }
    }
}

#[test]
fn every_rule_of_the_codec_has_a_vector() {
    let mut rules: Vec<u8> = Vec::new();
    rules.extend(parse_vectors().iter().flat_map(|vector| &vector.rules));
    rules.extend(chunks_vectors().iter().flat_map(|vector| &vector.rules));
    rules.extend(encode_vectors().iter().flat_map(|vector| &vector.rules));
    // SPEC 33 is about the caller's objects, which bytes do not show.
    for rule in (1..=18).chain(29..=34).filter(|rule| *rule != 33) {
        assert!(rules.contains(&rule), "SPEC {rule}");
    }
}
