use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::sockopt;
use ssecast_codec::{Item, Parser};
use ssecast_engine::Framing;

use super::PATIENCE;

/// The far end of a connection. Any stream socket will do: only what all of them can is used.
pub(crate) struct Client {
    pub(crate) socket: UnixStream,
    pub(crate) framing: Framing,
    /// All that came.
    pub(crate) bytes: Vec<u8>,
    /// How much of it was whole chunks.
    framed: usize,
    looked: usize,
    body: Body,
    parser: Parser,
    events: Vec<String>,
}

/// What came of a body so far.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) chunks: usize,
    /// The last chunk was there, and nothing of the chunks is missing.
    pub(crate) complete: bool,
    /// What came after the last chunk.
    pub(crate) after: Vec<u8>,
}

/// Two ends of a TCP connection on this machine: the host's, then the client's.
pub(crate) fn tcp() -> (OwnedFd, UnixStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    let (host, _) = listener.accept().expect("the other end");
    host.set_nodelay(true).expect("an open socket");
    (host.into(), UnixStream::from(OwnedFd::from(client)))
}

/// Two ends of a connection that holds very little: the host's, then the client's.
pub(crate) fn tiny() -> (OwnedFd, UnixStream) {
    let (host, client) = UnixStream::pair().expect("two descriptors");
    sockopt::set_socket_send_buffer_size(host.as_fd(), 1).expect("the smallest buffer that there is");
    (host.into(), client)
}

/// A TCP connection whose host's end holds very little. The client's end is left alone: a tiny one makes TCP wait
/// for its own timers.
pub(crate) fn narrow() -> (OwnedFd, UnixStream) {
    let (host, client) = tcp();
    sockopt::set_socket_send_buffer_size(host.as_fd(), 1).expect("an open socket");
    (host, client)
}

impl Client {
    pub(crate) fn new(socket: UnixStream, framing: Framing) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).expect("an open socket");
        Self {
            socket,
            framing,
            bytes: Vec::new(),
            framed: 0,
            looked: 0,
            body: Body::default(),
            parser: Parser::new(),
            events: Vec::new(),
        }
    }

    /// Reads once. Returns whether the connection goes on.
    pub(crate) fn read(&mut self) -> bool {
        let mut buffer = vec![0; 64 << 10];
        let length = loop {
            break match self.socket.read(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
                Err(error) => panic!("{error}, after {:?}", self.text()),
            };
        };
        self.bytes.extend_from_slice(&buffer[..length]);
        let before = self.body.bytes.len();
        match self.framing {
            Framing::Raw => self.body.bytes.extend_from_slice(&buffer[..length]),
            Framing::Chunked => self.framed += self.body.dechunk(&self.bytes[self.framed..]),
        }
        see(&mut self.parser, &self.body.bytes[before..], &mut self.events);
        length > 0
    }

    /// Forgets all that came.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        (self.framed, self.looked) = (0, 0);
        (self.body, self.events) = (Body::default(), Vec::new());
        self.parser = Parser::new();
    }

    pub(crate) fn read_to_end(&mut self) {
        while self.read() {}
    }

    /// Reads until so many events are there.
    pub(crate) fn read_events(&mut self, count: usize) -> &[String] {
        while self.events.len() < count {
            assert!(self.read(), "the stream ended after {} of {count} events", self.events.len());
        }
        &self.events
    }

    /// Reads until the body is complete.
    pub(crate) fn read_body(&mut self) -> &Body {
        while !self.body.complete {
            assert!(self.read(), "the stream ended within the body: {:?}", self.text());
        }
        &self.body
    }

    /// Reads until something is there, not before what was there the last time.
    pub(crate) fn read_until(&mut self, what: &str) {
        let found = |bytes: &[u8]| bytes.windows(what.len()).position(|bytes| bytes == what.as_bytes());
        loop {
            if let Some(at) = found(&self.bytes[self.looked..]) {
                self.looked += at;
                return;
            }
            self.looked = self.looked.max(self.bytes.len().saturating_sub(what.len()));
            assert!(self.read(), "{what:?} never came, but {:?}", self.text());
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("an open socket");
    }

    /// The events that have come.
    pub(crate) fn events(&self) -> &[String] {
        &self.events
    }

    /// The last event ID that the client has.
    pub(crate) fn last_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The body without its framing; one that broke the rules of chunks has failed the test.
    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Cuts the connection so that the host's end gets a reset.
    pub(crate) fn reset(self) {
        sockopt::set_socket_linger(self.socket.as_fd(), Some(std::time::Duration::ZERO)).expect("open");
    }
}

impl Body {
    /// Takes whole chunks. Returns how many bytes they are.
    fn dechunk(&mut self, bytes: &[u8]) -> usize {
        if self.complete {
            self.after.extend_from_slice(bytes);
            return bytes.len();
        }
        let mut rest = bytes;
        while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&rest[..end]).expect("a chunk's size");
            let size =
                usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("{size:?} is no chunk's size"));
            let Some(data) = rest.get(end + 2..end + 2 + size + 2) else { break };
            assert_eq!(&data[size..], b"\r\n", "a chunk ends with its line");
            self.bytes.extend_from_slice(&data[..size]);
            rest = &rest[end + 2 + size + 2..];
            if size == 0 {
                self.complete = true;
                self.after = rest.to_vec();
                return bytes.len();
            }
            self.chunks += 1;
        }
        bytes.len() - rest.len()
    }
}

fn see(parser: &mut Parser, bytes: &[u8], seen: &mut Vec<String>) {
    let see = |item: Item<'_>| match item {
        Item::Event(message) if message.event == "message" => seen.push(message.data.to_owned()),
        Item::Event(message) => seen.push(format!("{} {}", message.event, message.data)),
        _ => {}
    };
    parser.feed(bytes, see).expect("a stream within the parser's limit");
}

/// The events of a body: the data alone, or behind its type unless that is `message`.
pub(crate) fn events(bytes: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    see(&mut Parser::new(), bytes, &mut seen);
    seen
}
