//! Measures parsers of Rust on the same streams: one line of JSON for each. `run.mjs` makes a table of them.
//!
//! `parse corpora FOLDER` writes the streams for the other languages, and `parse run PARSER CORPUS SIZE` runs one
//! alone, for a profiler.

mod corpus;
mod parsers;

use std::{
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use corpus::Corpus;
use parsers::PARSERS;
use serde_json::json;

/// The sizes of chunks; none is one event a chunk.
const SIZES: [Option<usize>; 3] = [None, Some(1_400), Some(16 << 10)];

fn main() {
    let quick = std::env::var_os("QUICK").is_some();
    let corpora = corpus::all(if quick { 1 << 20 } else { 4 << 20 });
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => corpora.iter().for_each(|corpus| measure(corpus, quick)),
        ["corpora", folder] => write(&corpora, Path::new(folder)),
        ["run", name, corpus, size] => run(name, &corpora, corpus, size.parse().ok()),
        _ => panic!("parse [corpora FOLDER | run PARSER CORPUS SIZE]"),
    }
}

/// The rounds take turns, so that a busy machine disturbs all alike; the best time counts. One that takes a second for a
/// round has one.
fn measure(corpus: &Corpus, quick: bool) {
    for size in SIZES {
        let chunks = chunks(corpus, size);
        let expected = PARSERS[0].1(&chunks);
        let mut best = [Duration::MAX; PARSERS.len()];
        let mut right = [true; PARSERS.len()];
        for _ in 0..if quick { 5 } else { 15 } {
            for ((best, right), (_, parse)) in best.iter_mut().zip(&mut right).zip(PARSERS) {
                if (Duration::from_secs(1)..Duration::MAX).contains(best) {
                    continue;
                }
                let start = Instant::now();
                let seen = parse(black_box(&chunks));
                *best = start.elapsed().min(*best);
                *right = seen == expected;
            }
        }
        for ((best, right), (name, _)) in best.iter().zip(right).zip(PARSERS) {
            // A parser that loses events gets no number.
            let rate = right.then(|| corpus.bytes.len() as f64 / best.as_secs_f64() / 1e6);
            println!(
                "{}",
                json!({ "language": "Rust", "corpus": corpus.name, "chunk": size, "parser": name, "rate": rate })
            );
        }
    }
}

fn chunks(corpus: &Corpus, size: Option<usize>) -> Vec<Bytes> {
    corpus.chunks(size).into_iter().map(Bytes::copy_from_slice).collect()
}

fn write(corpora: &[Corpus], folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    let mut index = Vec::new();
    for (number, corpus) in corpora.iter().enumerate() {
        let file = format!("{number}.stream");
        fs::write(folder.join(&file), &corpus.bytes).expect("a file");
        index.push(
            json!({ "name": corpus.name, "file": file, "eventEnds": corpus.event_ends, "sizes": SIZES }),
        );
    }
    fs::write(folder.join("index.json"), json!(index).to_string()).expect("a file");
}

fn run(name: &str, corpora: &[Corpus], corpus: &str, size: Option<usize>) {
    let (_, parse) = PARSERS.iter().find(|(known, _)| *known == name).expect("a parser's name");
    let corpus = corpora.iter().find(|known| known.name.contains(corpus)).expect("a corpus's name");
    let chunks = chunks(corpus, size);
    for _ in 0..100 {
        black_box(parse(&chunks));
    }
}
