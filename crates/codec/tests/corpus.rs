//! Replays what the fuzzer found worth keeping: `make fuzz` looks for more.

#[allow(dead_code, reason = "each suite asks what it needs")]
mod checks;
mod log;
mod reference;

use std::{fs, path::Path};

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = 0;
    for file in fs::read_dir(&folder).expect("the corpus is committed") {
        let path = file.expect("a file of the corpus").path();
        let bytes = fs::read(&path).expect("a file of the corpus");
        assert!(std::panic::catch_unwind(|| check(&bytes)).is_ok(), "{}", path.display());
        files += 1;
    }
    assert!(files >= 50, "{} has {files} files", folder.display());
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
