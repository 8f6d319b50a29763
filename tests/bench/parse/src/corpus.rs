//! The streams that are parsed, made the same on every run.

use std::fmt::Write;

/// One stream, and where its events end.
pub struct Corpus {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub event_ends: Vec<usize>,
}

impl Corpus {
    fn of(name: &'static str, bytes: usize, mut event: impl FnMut(usize, &mut String)) -> Self {
        let mut text = String::new();
        let mut event_ends = Vec::new();
        while text.len() < bytes {
            event(event_ends.len(), &mut text);
            event_ends.push(text.len());
        }
        Self { name, bytes: text.into_bytes(), event_ends }
    }

    /// Other line ends in the same stream.
    fn with_line_ends(&self, name: &'static str, line_end: &str) -> Self {
        let text = std::str::from_utf8(&self.bytes).expect("every corpus is UTF-8");
        let mut event_ends = vec![];
        let mut replaced = String::new();
        let mut start = 0;
        for &end in &self.event_ends {
            replaced += &text[start..end].replace('\n', line_end);
            event_ends.push(replaced.len());
            start = end;
        }
        Self { name, bytes: replaced.into_bytes(), event_ends }
    }

    /// Cuts the stream into chunks: of a size, or one for each event.
    pub fn chunks(&self, size: Option<usize>) -> Vec<&[u8]> {
        match size {
            Some(size) => self.bytes.chunks(size).collect(),
            None => {
                let starts = std::iter::once(&0).chain(&self.event_ends);
                starts.zip(&self.event_ends).map(|(&start, &end)| &self.bytes[start..end]).collect()
            }
        }
    }
}

/// The words of a model's answer come in pieces of a few bytes; the length varies as theirs does.
fn word(number: usize, words: &[&'static str]) -> &'static str {
    words[number.wrapping_mul(2_654_435_761) % 1_000_003 % words.len()]
}

/// All of them, each with about this many bytes.
pub fn all(bytes: usize) -> Vec<Corpus> {
    const ENGLISH: [&str; 8] = [
        " the",
        " a",
        " parser",
        " streams",
        " is",
        ".",
        " understanding",
        " of interoperability between implementations",
    ];
    const MIXED: [&str; 8] =
        ["你好", "，世界", "これは", "テスト", " Привет", " мир и все остальные", "🎉🎉", "مرحبا بالعالم"];
    let deltas = Corpus::of("LLM deltas, 120 to 250 bytes", bytes, |number, text| {
        let content = word(number, &ENGLISH);
        let padding = &"                "[..number % 9];
        writeln!(
            text,
            r#"data: {{"id":"chatcmpl-9xYz{number:06}","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":"{content}{padding}"}}}}]}}"#
        )
        .expect("a String takes everything");
        text.push('\n');
    });
    let crlf = deltas.with_line_ends("LLM deltas, CRLF", "\r\n");
    let cr = deltas.with_line_ends("LLM deltas, CR", "\r");
    vec![
        deltas,
        Corpus::of("9-byte events", bytes, |_, text| text.push_str("data: x\n\n")),
        Corpus::of("id + event + data", bytes, |number, text| {
            let content = word(number, &ENGLISH);
            write!(text, "id: {number}\nevent: update\ndata: {{\"n\":{number},\"text\":\"{content}\"}}\n\n")
                .expect("a String takes everything");
        }),
        Corpus::of("multi-line data", bytes, |number, text| {
            for line in 0..4 {
                let content = word(number + line, &ENGLISH);
                writeln!(text, "data: line {line} of it: {content}").expect("a String takes everything");
            }
            text.push('\n');
        }),
        Corpus::of("40 KiB events", bytes, |number, text| {
            text.push_str("data: ");
            for piece in 0..4_000 {
                text.push_str(["lorem ipsum ", "dolor sit ", "amet, "][(number + piece) % 3]);
            }
            text.push_str("\n\n");
        }),
        Corpus::of("non-ASCII text", bytes, |number, text| {
            text.push_str(r#"data: {"type":"content_block_delta","text":""#);
            for piece in 0..1 + number % 12 {
                text.push_str(word(number + piece, &MIXED));
            }
            text.push_str("\"}\n\n");
        }),
        crlf,
        cr,
        Corpus::of("256 KiB line", bytes, |_, text| {
            text.push_str("data: ");
            text.push_str(&"0123456789abcdef".repeat(16 << 10));
            text.push_str("\n\n");
        }),
    ]
}
