use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ssecast_engine::{Attachment, Config, ConnectionId, Framing, Hub, Reason};
use ssecast_listener::{Listener, ListenerConfig, Request, Responder, Router};

use crate::rig::{Client, PATIENCE, data, eventually, quiet};

/// A hub with a listener, and what its router was told.
pub(crate) struct Endpoint {
    pub(crate) hub: Hub,
    pub(crate) listener: Listener,
    pub(crate) told: Arc<Told>,
}

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) routed: Mutex<Vec<Request>>,
    pub(crate) opened: Mutex<HashMap<ConnectionId, Attachment>>,
    pub(crate) ended: Mutex<Vec<(ConnectionId, Reason)>>,
    pub(crate) drained: Mutex<Vec<ConnectionId>>,
}

/// A router that takes notes.
struct Clerk<F>(F, Arc<Told>);

impl<F: Fn(Request, Responder) + Send + Sync + 'static> Router for Clerk<F> {
    fn route(&self, request: Request, responder: Responder) {
        self.1.routed.lock().unwrap().push(request.clone());
        (self.0)(request, responder);
    }

    fn opened(&self, stream: Attachment) {
        self.1.opened.lock().unwrap().insert(stream.connection(), stream);
    }

    fn ended(&self, connection: ConnectionId, reason: Reason) {
        self.1.ended.lock().unwrap().push((connection, reason));
    }

    fn drained(&self, connection: ConnectionId) {
        self.1.drained.lock().unwrap().push(connection);
    }
}

/// What a client is told when it gets no stream.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, if the answer has it once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| line.split_once(": "));
        let value = values.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        assert!(!values.any(|(other, _)| other.eq_ignore_ascii_case(name)), "twice: {name} in {}", self.head);
        value
    }
}

/// One connection of a client.
pub(crate) struct Visit(pub(crate) TcpStream);

impl Endpoint {
    pub(crate) fn new(
        hub: Config,
        config: ListenerConfig,
        route: impl Fn(Request, Responder) + Send + Sync + 'static,
    ) -> Self {
        let hub = Hub::new(hub).unwrap();
        let told = Arc::new(Told::default());
        let clerk = Clerk(route, Arc::clone(&told));
        let listener = Listener::bind(&hub, ("127.0.0.1", 0), config, clerk).unwrap();
        Self { hub, listener, told }
    }

    /// Gives every client the topic `t`.
    pub(crate) fn open(config: ListenerConfig) -> Self {
        Self::new(quiet(), config, |_, responder| assert!(responder.allow(&["t"]).unwrap()))
    }

    pub(crate) fn visit(&self) -> Visit {
        connect(&self.listener)
    }

    /// What a request gets that gets no stream.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        ask(&self.listener, request)
    }

    /// A client that has a stream.
    pub(crate) fn stream(&self) -> Client {
        let mut visit = self.visit();
        visit.say(GET);
        visit.stream(Framing::Chunked)
    }

    pub(crate) fn publish(&self, text: &str) {
        self.hub.publish("t", &data(text)).unwrap();
    }

    /// That others are served.
    pub(crate) fn serves(&self) {
        let mut client = self.stream();
        self.publish("others are served");
        client.read_until("others are served");
    }

    pub(crate) fn end(&self) -> (ConnectionId, Reason) {
        eventually("the end of a stream", || !self.told.ended.lock().unwrap().is_empty());
        let ended = self.told.ended.lock().unwrap();
        assert_eq!(ended.len(), 1);
        ended[0]
    }
}

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// What a browser's `EventSource` sends.
pub(crate) const BROWSER: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";

pub(crate) fn connect(listener: &Listener) -> Visit {
    let socket = TcpStream::connect(listener.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    Visit(socket)
}

/// What a request gets that gets no stream.
pub(crate) fn ask(listener: &Listener, request: &str) -> Answer {
    let mut visit = connect(listener);
    visit.say(request);
    visit.answer()
}

impl Visit {
    pub(crate) fn say(&mut self, words: &str) {
        self.0.write_all(words.as_bytes()).unwrap();
    }

    /// Reads the head of a response: no byte behind it.
    pub(crate) fn head(&mut self) -> Answer {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                end => panic!("{end:?} within the head: {:?}", String::from_utf8_lossy(&head)),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|head| head[..3].parse().ok());
        Answer { status: status.unwrap_or_else(|| panic!("{head}")), head, body: String::new() }
    }

    /// Reads a response that the end of the connection follows, as it must.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        self.0.read_to_string(&mut answer.body).unwrap();
        assert_eq!(answer.header("connection"), Some("close"));
        if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().unwrap();
            assert!(length == answer.body.len() || answer.body.is_empty(), "{answer:?}");
        }
        answer
    }

    /// Reads the head of a stream.
    pub(crate) fn stream(mut self, framing: Framing) -> Client {
        let answer = self.head();
        assert_eq!(answer.status, 200, "{}", answer.head);
        let chunked = (framing == Framing::Chunked).then_some("chunked");
        assert_eq!(answer.header("transfer-encoding"), chunked);
        assert_eq!(answer.header("content-length"), None);
        let socket = std::os::unix::net::UnixStream::from(OwnedFd::from(self.0));
        let mut client = Client::new(socket, framing);
        // The stream begins with where it is.
        client.read_until("id: ");
        client
    }

    /// Waits for the end of the connection, whatever comes before.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error}, after {:?}", String::from_utf8_lossy(&bytes)),
        }
        bytes
    }
}

/// Limits that tests need not wait long for.
pub(crate) fn hasty() -> ListenerConfig {
    ListenerConfig {
        head_time: Duration::from_millis(100),
        answer_time: Duration::from_millis(100),
        ..ListenerConfig::default()
    }
}
