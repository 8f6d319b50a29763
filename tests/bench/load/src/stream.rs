use memchr::memchr;

use crate::marker;
use crate::report::Report;

/// The longest head of a response.
const MAX_HEAD: usize = 16 << 10;

/// One connection's response, as far as the bench cares: the head, the chunks, and the markers in the events.
pub struct Stream {
    state: State,
    /// A head or a chunk's size line that is not complete yet.
    partial: Vec<u8>,
    /// A marker that is not: it may be cut by the end of a read, and by the end of a chunk.
    cut: Vec<u8>,
    /// The number that the next event should have.
    pub next: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Head,
    /// Before or in a line with the size of a chunk, or the line end of the chunk before it.
    Size,
    /// In a chunk, with so many bytes to come.
    Chunk(usize),
    Raw,
    Failed,
}

/// What a stream came to after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Joining,
    Joined,
    Failed,
}

impl Default for Stream {
    fn default() -> Self {
        Self { state: State::Head, partial: Vec::new(), cut: Vec::new(), next: 0 }
    }
}

impl Stream {
    /// Takes bytes that arrived at a time.
    pub fn feed(&mut self, mut bytes: &[u8], now: u64, report: &mut Report) -> Progress {
        while !bytes.is_empty() {
            match self.state {
                State::Head => bytes = self.head(bytes),
                State::Size => bytes = self.size(bytes, report),
                State::Chunk(left) => {
                    let (content, rest) = bytes.split_at(bytes.len().min(left));
                    self.events(content, now, report);
                    bytes = rest;
                    self.state =
                        if content.len() == left { State::Size } else { State::Chunk(left - content.len()) };
                }
                State::Raw => {
                    self.events(bytes, now, report);
                    bytes = &[];
                }
                State::Failed => break,
            }
        }
        match self.state {
            State::Head => Progress::Joining,
            State::Failed => Progress::Failed,
            _ => Progress::Joined,
        }
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&self.partial, b"\r\n\r\n") else {
            if self.partial.len() > MAX_HEAD {
                self.state = State::Failed;
            }
            return &[];
        };
        let head = self.partial[..end].to_ascii_lowercase();
        let contains = |text: &[u8]| memchr::memmem::find(&head, text).is_some();
        self.state = match contains(b"\r\ntransfer-encoding: chunked") {
            _ if !head.starts_with(b"http/1.1 200 ") => State::Failed,
            true => State::Size,
            false => State::Raw,
        };
        self.partial = Vec::new();
        &bytes[end + 4 - before..]
    }

    fn size<'a>(&mut self, bytes: &'a [u8], report: &mut Report) -> &'a [u8] {
        let Some(end) = memchr(b'\n', bytes) else {
            self.partial.extend_from_slice(bytes);
            return &[];
        };
        self.partial.extend_from_slice(&bytes[..end]);
        let digits = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        if !digits.is_empty() {
            let size =
                std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
            report.chunks += 1;
            self.state = match size {
                // The last chunk ends the stream, which none of these servers should do.
                None | Some(0) => State::Failed,
                Some(size) => State::Chunk(size),
            };
        }
        self.partial.clear();
        &bytes[end + 1..]
    }

    /// Finds the markers.
    fn events(&mut self, mut bytes: &[u8], now: u64, report: &mut Report) {
        if !self.cut.is_empty() {
            let (more, rest) = bytes.split_at(bytes.len().min(marker::LENGTH - self.cut.len()));
            self.cut.extend_from_slice(more);
            bytes = rest;
            if self.cut.len() < marker::LENGTH {
                return;
            }
            let found = marker::parse(&self.cut);
            self.cut.clear();
            self.event(found, now, report);
        }
        while let Some(start) = memchr(marker::SIGN, bytes) {
            let Some(found) = bytes.get(start..start + marker::LENGTH) else {
                self.cut.extend_from_slice(&bytes[start..]);
                return;
            };
            self.event(marker::parse(found), now, report);
            bytes = &bytes[start + marker::LENGTH..];
        }
    }

    fn event(&mut self, (sequence, sent_at): (u64, u64), now: u64, report: &mut Report) {
        report.event(sequence, sent_at, self.next, now);
        self.next = sequence + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response of three events, in chunks of so many bytes.
    fn response(chunk: usize) -> (Vec<u8>, u64) {
        let mut events = vec![];
        for sequence in 0..3 {
            events.extend_from_slice(b"data: ");
            marker::write(&mut events, sequence, 100);
            events.extend_from_slice(b"xxx\n\n");
        }
        let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in events.chunks(chunk) {
            response.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            response.extend_from_slice(chunk);
            response.extend_from_slice(b"\r\n");
        }
        (response, events.chunks(chunk).len() as u64)
    }

    #[test]
    fn every_event_is_counted_in_any_chunks_and_any_reads() {
        for chunk in 1..150 {
            let (response, chunks) = response(chunk);
            for size in 1..response.len() {
                let (mut stream, mut report) = (Stream::default(), Report::default());
                for piece in response.chunks(size) {
                    assert_ne!(
                        stream.feed(piece, 150, &mut report),
                        Progress::Failed,
                        "chunks of {chunk}, reads of {size}"
                    );
                }
                assert_eq!(
                    (stream.next, report.deliveries, report.chunks),
                    (3, 3, chunks),
                    "chunks of {chunk}, reads of {size}"
                );
                assert_eq!((report.repeated, report.skipped, report.latency.max()), (0, 0, 50));
            }
        }
    }

    #[test]
    fn a_repeated_and_a_skipped_event_are_seen() {
        let mut report = Report::default();
        let mut stream = Stream { state: State::Raw, ..Stream::default() };
        for sequence in [0, 0, 1, 4] {
            let mut bytes = Vec::new();
            marker::write(&mut bytes, sequence, 0);
            stream.feed(&bytes, 0, &mut report);
        }
        assert_eq!((report.repeated, report.skipped), (1, 2));
    }

    #[test]
    fn another_status_fails() {
        let mut report = Report::default();
        let progress = Stream::default().feed(b"HTTP/1.1 503 Busy\r\n\r\n", 0, &mut report);
        assert_eq!(progress, Progress::Failed);
    }
}
