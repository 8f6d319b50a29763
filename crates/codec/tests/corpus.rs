//! Replays what the fuzzer found worth keeping: `make fuzz` looks for more.

#[allow(dead_code, reason = "each suite asks what it needs")]
mod checks;
mod log;
mod reference;

use std::{fs, path::Path};

/// Each line is a JSON string whose characters are the bytes of one input (`fuzz/corpus.py`).
fn replay(target: &str, check: fn(&[u8])) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/corpus/{target}.jsonl"));
    let corpus = fs::read_to_string(&path).expect("the corpus is committed");
    assert!(corpus.lines().count() >= 50, "{}", path.display());
    for (number, line) in corpus.lines().enumerate() {
        let input: String = serde_json::from_str(line).expect("a JSON string");
        let bytes: Vec<u8> = input.chars().map(|byte| u8::try_from(byte).expect("a byte")).collect();
        let result = std::panic::catch_unwind(|| check(&bytes));
        assert!(result.is_ok(), "line {} of {}", number + 1, path.display());
    }
}

#[test]
fn the_corpus_of_streams_gives_what_the_naive_rules_give() {
    replay("reference", checks::reference);
}

#[test]
fn the_corpus_of_chunks_gives_the_same_in_any_chunking() {
    replay("chunks", checks::chunks);
}

#[test]
fn the_corpus_of_events_is_read_back_as_it_was_written() {
    replay("round_trip", checks::fields);
}
