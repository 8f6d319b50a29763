use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use super::answer::Refusal;
use super::config::ListenerConfig;
use super::request::Request;
use super::responder::Ticket;
use crate::sockets::Framing;

/// The most that is heard of a client at once behind its request. Nothing there is ever executed.
const MAX_BEHIND: usize = 64 << 10;

/// The most that a client may still say after its answer.
const MAX_PARTING: usize = 256 << 10;

/// A connection that is no stream yet, or will never be one.
pub(crate) struct Visitor {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) phase: Phase,
    pub(crate) deadline: Instant,
}

/// What a visitor waits for.
pub(crate) enum Phase {
    /// The rest of its head.
    Reading(Head),
    /// The router's answer.
    Deciding(Box<Asked>),
    /// That the client has taken the answer.
    Leaving(Parting),
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
    pub(crate) is_head: bool,
    pub(crate) last_event_id: Option<String>,
    /// The header lines for pages of other origins.
    pub(crate) cors: String,
}

/// An answer that is on its way out.
pub(crate) struct Parting {
    rest: Vec<u8>,
    sent: usize,
    heard: usize,
}

/// What came of reading.
pub(crate) enum Heard {
    Some(usize),
    /// Nothing for now.
    Nothing,
    /// The client says no more.
    End,
}

impl Phase {
    pub(crate) const COUNT: usize = 3;

    pub(crate) fn index(&self) -> usize {
        match self {
            Self::Reading(_) => READING,
            Self::Deciding(_) => DECIDING,
            Self::Leaving(_) => LEAVING,
        }
    }
}

pub(crate) const READING: usize = 0;
pub(crate) const DECIDING: usize = 1;
pub(crate) const LEAVING: usize = 2;

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
        // Whoever sends single bytes must not have all of them parsed each time: only at what may be the end, and
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

impl Parting {
    pub(crate) fn new(answer: Vec<u8>) -> Self {
        Self { rest: answer, sent: 0, heard: 0 }
    }
}

impl Visitor {
    /// Reads what has come, as far as there is room.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Heard {
        loop {
            return match (&self.stream).read(buffer) {
                Ok(0) => Heard::End,
                Ok(length) => Heard::Some(length),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
                Err(_) => Heard::End,
            };
        }
    }

    /// Hears what comes behind a request while nobody has answered it. Returns whether the client is still there,
    /// and talks no more than one that waits for an answer.
    pub(crate) fn is_waiting(&self, buffer: &mut [u8]) -> bool {
        let mut heard = 0;
        while heard < MAX_BEHIND {
            match self.read(buffer) {
                Heard::Some(length) => heard += length,
                Heard::Nothing => return true,
                Heard::End => return false,
            }
        }
        false
    }

    /// Goes on with a parting: sends the answer, then hears the client out, so that no reset overtakes it. Returns
    /// whether there is more to do.
    pub(crate) fn part(&mut self, buffer: &mut [u8]) -> bool {
        let Phase::Leaving(parting) = &mut self.phase else { return true };
        while parting.sent < parting.rest.len() {
            match (&self.stream).write(&parting.rest[parting.sent..]) {
                Ok(sent) => parting.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
            if parting.sent == parting.rest.len() && self.stream.shutdown(Shutdown::Write).is_err() {
                return false;
            }
        }
        let mut heard = parting.heard;
        let goes_on = loop {
            match self.read(buffer) {
                Heard::Some(length) if heard < MAX_PARTING => heard += length,
                Heard::Nothing => break true,
                _ => break false,
            }
        };
        if let Phase::Leaving(parting) = &mut self.phase {
            parting.heard = heard;
        }
        goes_on
    }
}
