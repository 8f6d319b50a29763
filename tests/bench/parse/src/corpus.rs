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

const ENGLISH: [&str; 16] = [
    " the",
    " a",
    " parser",
    " streams",
    " is",
    ".",
    " understanding",
    " of",
    " interoperability",
    "\\n\\n",
    " between",
    " you",
    ",",
    "1",
    " can",
    " implementations",
];
const CHINESE: [&str; 12] =
    ["你好", "，", "世界", "这是", "一个", "测试", "。", "我们", "可以", "服务器", "发送事件", "的"];
const RUSSIAN: [&str; 10] =
    [" Привет", " мир", " и", " все", " остальные", ",", " которые", " читают", " это", " сообщение"];
const GERMAN: [&str; 10] =
    [" Grüße", " aus", " Österreich", ",", " für", " über", " déjà vu", " façade", " Straße", " wäre"];

/// A few words one after the other.
fn words(number: usize, count: usize, of: &[&'static str]) -> String {
    (0..count).map(|piece| word(number * 31 + piece, of)).collect()
}

/// All of them, each with about this many bytes: streams as services send them, and some that are hard in one way each.
pub fn all(bytes: usize) -> Vec<Corpus> {
    let mut all = services(bytes);
    let crlf = all[0].with_line_ends("chat completions, CRLF", "\r\n");
    all.extend(hard(bytes));
    all.push(crlf);
    all
}

fn services(bytes: usize) -> Vec<Corpus> {
    let chat = |name, of: &'static [&'static str]| {
        Corpus::of(name, bytes, move |number, text| {
            let content = word(number, of);
            write!(
                text,
                "data: {{\"id\":\"chatcmpl-CkX9Zt0bq4mQv1\",\"object\":\"chat.completion.chunk\",\"created\":1764288000,\"model\":\"gpt-5.2-mini\",\
                 \"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\
                 \"logprobs\":null,\"finish_reason\":null}}],\"usage\":null,\"obfuscation\":\"{}\"}}\n\n",
                &"xK2mP9qLw4Zt"[..number % 12]
            )
            .expect("a String takes everything");
        })
    };
    let anthropic = |name, of: &'static [&'static str]| {
        Corpus::of(name, bytes, move |number, text| {
            let content = words(number, 1 + number % 4, of);
            write!(
                text,
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{content}\"}}}}\n\n"
            )
            .expect("a String takes everything");
            if number % 64 == 63 {
                text.push_str("event: ping\ndata: {\"type\": \"ping\"}\n\n");
            }
        })
    };
    let prose = |name, of: &'static [&'static str]| {
        Corpus::of(name, bytes, move |number, text| {
            let content = words(number, 4 + number % 24, of);
            write!(text, "id: {number}\ndata: {{\"text\":\"{content}\"}}\n\n")
                .expect("a String takes everything");
        })
    };
    vec![
        chat("chat completions", &ENGLISH),
        chat("chat completions, Chinese", &CHINESE),
        Corpus::of("Responses", bytes, |number, text| {
            let content = word(number, &ENGLISH);
            write!(
                text,
                "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":{number},\
                 \"item_id\":\"msg_68af4030baa48193b0b43b4c2a176a1a0e6d1fd5a1b0\",\"output_index\":0,\"content_index\":0,\"delta\":\"{content}\",\
                 \"logprobs\":[],\"obfuscation\":\"{}\"}}\n\n",
                &"vTq81hZcR2Ykp0"[..number % 14]
            )
            .expect("a String takes everything");
        }),
        anthropic("Anthropic", &ENGLISH),
        anthropic("Anthropic, Chinese", &CHINESE),
        Corpus::of("MCP", bytes, |number, text| {
            let content = words(number, 20 + number % 200, &ENGLISH);
            write!(
                text,
                "event: message\nid: 7d3f1c9a-{number:08x}_1764288000123_{number:08x}\ndata: {{\"result\":{{\"content\":[{{\"type\":\"text\",\
                 \"text\":\"{content}\"}}],\"structuredContent\":{{\"count\":{number}}}}},\"jsonrpc\":\"2.0\",\"id\":{number}}}\n\n"
            )
            .expect("a String takes everything");
        }),
        Corpus::of("Wikimedia", bytes, |number, text| {
            // One in eight titles is not ASCII, as in the mixture of all wikis.
            let of: &[&str] = if number % 8 == 0 { &RUSSIAN } else { &ENGLISH };
            let title = words(number, 3, of);
            let comment = words(number + 7, 12, &ENGLISH);
            write!(
                text,
                "event: message\nid: [{{\"topic\":\"eqiad.mediawiki.recentchange\",\"partition\":0,\"timestamp\":1764288{number:06}}},\
                 {{\"topic\":\"codfw.mediawiki.recentchange\",\"partition\":0,\"offset\":-1}}]\n\
                 data: {{\"$schema\":\"/mediawiki/recentchange/1.0.0\",\"meta\":{{\"uri\":\"https://en.wikipedia.org/wiki/{number}\",\
                 \"request_id\":\"8a2f1c3e-51b7-4f0e-9d1c-{number:012x}\",\"id\":\"a1b2c3d4-0000-4000-8000-{number:012x}\",\"domain\":\"en.wikipedia.org\",\
                 \"stream\":\"mediawiki.recentchange\",\"dt\":\"2026-11-28T00:00:00.000Z\",\"topic\":\"eqiad.mediawiki.recentchange\",\"partition\":0,\
                 \"offset\":{number}}},\"id\":{number},\"type\":\"edit\",\"namespace\":0,\"title\":\"{title}\",\"comment\":\"{comment}\",\"timestamp\":1764288000,\
                 \"user\":\"Example{number}\",\"bot\":false,\"minor\":true,\"length\":{{\"old\":10230,\"new\":10301}},\"revision\":{{\"old\":1,\"new\":{number}}},\
                 \"server_url\":\"https://en.wikipedia.org\",\"server_name\":\"en.wikipedia.org\",\"wiki\":\"enwiki\",\"parsedcomment\":\"{comment}\"}}\n\n"
            )
            .expect("a String takes everything");
        }),
        Corpus::of("Mastodon", bytes, |number, text| {
            let of: &[&str] = [&ENGLISH[..], &GERMAN, &ENGLISH, &CHINESE][number % 4];
            let content = words(number, 20 + number % 60, of);
            write!(
                text,
                "event: update\ndata: {{\"id\":\"1156{number:014}\",\"created_at\":\"2026-11-28T00:00:00.000Z\",\"in_reply_to_id\":null,\"sensitive\":false,\
                 \"visibility\":\"public\",\"language\":\"en\",\"uri\":\"https://mastodon.example/users/{number}/statuses/1156{number:014}\",\"replies_count\":0,\
                 \"content\":\"<p>{content}</p>\",\"account\":{{\"id\":\"{number}\",\"username\":\"user{number}\",\"display_name\":\"Üser 🎉\",\"locked\":false,\
                 \"avatar\":\"https://files.mastodon.example/accounts/avatars/{number}/original/a.png\",\"followers_count\":{number}}},\
                 \"media_attachments\":[],\"mentions\":[],\"tags\":[],\"emojis\":[],\"card\":null,\"poll\":null}}\n\n"
            )
            .expect("a String takes everything");
            if number % 16 == 15 {
                text.push_str(":thump\n");
            }
        }),
        prose("Cyrillic", &RUSSIAN),
        prose("Latin-1", &GERMAN),
    ]
}

fn hard(bytes: usize) -> Vec<Corpus> {
    vec![
        Corpus::of("9-byte events", bytes, |_, text| text.push_str("data: x\n\n")),
        Corpus::of("multi-line data", bytes, |number, text| {
            for line in 0..4 {
                let content = word(number + line, &ENGLISH);
                writeln!(text, "data: line {line} of it: {content}").expect("a String takes everything");
            }
            text.push('\n');
        }),
        Corpus::of("256 KiB line", bytes, |_, text| {
            text.push_str("data: ");
            text.push_str(&"0123456789abcdef".repeat(16 << 10));
            text.push_str("\n\n");
        }),
    ]
}
