use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use ssecast_engine::Framing;

use crate::config::ListenerConfig;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::response_context::ResponseContext;
use crate::ticket::Ticket;

/// The most that a client may say behind its request. Nothing there is ever executed.
const MAX_BEHIND: usize = 256 << 10;

/// A connection that is no stream yet, or will never be one.
pub(crate) struct PendingConnection {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) phase: Phase,
    pub(crate) deadline: Instant,
    /// How many bytes came behind its request.
    pub(crate) behind: usize,
    /// It says no more, and may still listen.
    pub(crate) half_closed: bool,
}

/// What a pending connection waits for.
pub(crate) enum Phase {
    /// The rest of its head.
    Reading(Head),
    /// The router's answer, first about its origin if the router decides on those.
    Deciding(Box<Asked>),
    /// That the client has taken the answer.
    Answering(Answer),
}

/// What has come of a head.
#[derive(Default)]
pub(crate) struct Head {
    bytes: Vec<u8>,
    /// The length at which it is parsed though no end of it is in sight, to find out early what will never be one.
    parse_at: usize,
}

/// What of a request is needed once the router has it.
pub(crate) struct Asked {
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) framing: Framing,
    pub(crate) context: ResponseContext,
    pub(crate) last_event_id: Option<String>,
    /// The request itself, while its origin is decided on.
    pub(crate) undecided: Option<Request>,
}

/// An answer that is on its way out.
pub(crate) struct Answer {
    answer: Vec<u8>,
    sent: usize,
}

/// What came of reading.
pub(crate) enum ReadOutcome {
    Some(usize),
    /// Nothing for now.
    Nothing,
    /// The client says no more, and may still listen.
    End,
    Gone,
}

impl Phase {
    pub(crate) const COUNT: usize = 3;

    pub(crate) fn index(&self) -> usize {
        match self {
            Self::Reading(_) => READING,
            Self::Deciding(_) => DECIDING,
            Self::Answering(_) => ANSWERING,
        }
    }
}

pub(crate) const READING: usize = 0;
pub(crate) const DECIDING: usize = 1;
pub(crate) const ANSWERING: usize = 2;

impl Head {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes more of the head. Returns the request when it is complete; what stands behind it is dropped.
    pub(crate) fn add(
        &mut self,
        bytes: &[u8],
        config: &ListenerConfig,
        peer: SocketAddr,
    ) -> Result<Option<Request>, Refusal> {
        // RFC 9112, 2.2: empty lines before a request are no part of it.
        let blank =
            if self.is_empty() { bytes.iter().take_while(|byte| is_line_end(**byte)).count() } else { 0 };
        let room = config.max_head_bytes - self.bytes.len();
        let bytes = &bytes[blank..];
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        // A client that sends single bytes must not have them all parsed each time: only at what may be the end, and
        // when there are twice as many as the last time.
        let fresh = &self.bytes[before.saturating_sub(3)..];
        let may_end =
            fresh.windows(2).any(|two| two == b"\n\n") || fresh.windows(3).any(|three| three == b"\n\r\n");
        if self.is_empty() || !may_end && self.bytes.len() < self.parse_at.min(config.max_head_bytes) {
            return Ok(None);
        }
        self.parse_at = 2 * self.bytes.len();
        Request::parse(&self.bytes, config, peer)
    }
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

impl Answer {
    pub(crate) fn new(answer: Vec<u8>) -> Self {
        Self { answer, sent: 0 }
    }
}

impl PendingConnection {
    /// Reads what has come, as far as there is room.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> ReadOutcome {
        loop {
            return match (&self.stream).read(buffer) {
                Ok(0) => ReadOutcome::End,
                Ok(length) => ReadOutcome::Some(length),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ReadOutcome::Nothing,
                Err(_) => ReadOutcome::Gone,
            };
        }
    }

    /// Hears out a client that has asked, and drops it all. Returns whether it is still there, and has not said too
    /// much.
    pub(crate) fn drain(&mut self, buffer: &mut [u8]) -> bool {
        while self.behind <= MAX_BEHIND {
            match self.read(buffer) {
                ReadOutcome::Some(length) => self.behind += length,
                ReadOutcome::Nothing => return true,
                ReadOutcome::End => {
                    self.half_closed = true;
                    return true;
                }
                ReadOutcome::Gone => return false,
            }
        }
        false
    }

    /// Goes on with a parting: sends the answer, then hears the client out, so that no reset overtakes it. Returns
    /// whether there is more to do.
    pub(crate) fn send_answer(&mut self, buffer: &mut [u8]) -> bool {
        let Phase::Answering(Answer { answer, sent }) = &mut self.phase else { return true };
        while *sent < answer.len() {
            match (&self.stream).write(&answer[*sent..]) {
                Ok(length) => *sent += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
            if *sent == answer.len() && self.stream.shutdown(Shutdown::Write).is_err() {
                return false;
            }
        }
        self.drain(buffer) && !self.half_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_in_single_bytes_is_parsed_seldom() {
        let config = ListenerConfig { max_head_bytes: 1 << 17, ..ListenerConfig::default() };
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(60_000));
        let (mut head, mut parsed) = (Head::default(), 0);
        for byte in request.as_bytes() {
            let before = head.parse_at;
            let done = head.add(&[*byte], &config, peer).unwrap();
            parsed += usize::from(head.parse_at != before);
            assert_eq!(done.is_some(), head.bytes.len() == request.len());
        }
        assert!(parsed <= 20, "{parsed} times");
    }
}
