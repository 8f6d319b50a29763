//! The entries of stores, by the vectors that hold every version of ssecast together.

use serde::Deserialize;
use ssecast_hub::{Entry, EntryKind, ErrorKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    entries: Vec<Vector>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    kind: String,
    at: String,
    fingerprint: String,
    topic: String,
    id: Option<String>,
    block: String,
    bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    bytes: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/entries.json")).expect("they are JSON")
}

fn bytes(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two digits")).collect()
}

#[test]
fn entries_have_the_bytes_that_the_format_says() {
    for vector in vectors().entries {
        let entry = Entry {
            kind: match &*vector.kind {
                "end" => EntryKind::End,
                "notice" => EntryKind::Notice,
                _ => EntryKind::Event,
            },
            at: vector.at.parse().unwrap(),
            fingerprint: vector.fingerprint.parse().unwrap(),
            topic: &vector.topic,
            id: vector.id.as_deref(),
            block: vector.block.as_bytes(),
        };
        let mut encoded = Vec::new();
        entry.encode_into(&mut encoded);
        assert_eq!(encoded, bytes(&vector.bytes), "{}", vector.name);
        assert_eq!(Entry::decode(&encoded).unwrap(), entry, "{}", vector.name);
        // No beginning of one is another one, as long as its texts are not whole.
        for length in 0..28 + vector.topic.len() + vector.id.as_ref().map_or(0, String::len) {
            assert!(Entry::decode(&encoded[..length]).is_err(), "{}, {length} bytes", vector.name);
        }
    }
}

#[test]
fn bytes_that_are_no_entry_are_refused() {
    for refused in vectors().refused {
        let bytes = bytes(&refused.bytes);
        let error = Entry::decode(&bytes).expect_err(&refused.name);
        assert_eq!(error.kind(), ErrorKind::StoreFormat, "{}", refused.name);
    }
}

#[test]
fn a_newer_version_says_what_to_do() {
    let error = Entry::decode(&[2, 9, 9, 9]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "store has an entry of version 2; this ssecast knows 1: update this process"
    );
}
