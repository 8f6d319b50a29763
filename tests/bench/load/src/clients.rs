use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use crate::report::Report;
use crate::stream::{Progress, Stream};
use crate::system::now;

/// Connections that wait for their response's head at the same time: fewer than a server's backlog.
const JOINING: usize = 200;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";

/// The name of standard input in the poll; connections have those below.
const INPUT: u64 = u64::MAX;

/// The clients of one server: one thread, one poll, one buffer.
pub struct Clients {
    address: SocketAddrV4,
    poll: OwnedFd,
    clients: Vec<Client>,
    /// How many there are to be.
    count: usize,
    joined: usize,
    stalled: Option<usize>,
    buffer: Vec<u8>,
    pub report: Report,
}

struct Client {
    socket: Option<OwnedFd>,
    stream: Stream,
    joined: bool,
}

impl Clients {
    /// Makes clients, which connect while they are polled.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(port: u16, count: usize) -> io::Result<Self> {
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&poll, rustix::stdio::stdin(), EventData::new_u64(INPUT), EventFlags::IN)?;
        Ok(Self {
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            poll,
            clients: Vec::with_capacity(count),
            count,
            joined: 0,
            stalled: None,
            buffer: vec![0; 64 << 10],
            report: Report::default(),
        })
    }

    #[must_use]
    pub fn have_joined(&self) -> bool {
        self.joined == self.count
    }

    /// Begins a run: events count from zero again.
    pub fn begin(&mut self) {
        self.report = Report::default();
        self.clients.iter_mut().for_each(|client| client.stream.next = 0);
    }

    /// Whether a run of so many events may be complete: cheap to ask after every poll.
    #[must_use]
    pub fn may_have_all(&self, events: u64) -> bool {
        let reading = self.count as u64 - u64::from(self.stalled.is_some());
        self.report.deliveries + self.report.skipped >= events * reading
    }

    /// How many events of a run have not arrived, the stalled client's aside.
    #[must_use]
    pub fn missing(&self, events: u64) -> u64 {
        let clients = self.clients.iter().enumerate().filter(|(index, _)| Some(*index) != self.stalled);
        clients.map(|(_, client)| events.saturating_sub(client.stream.next)).sum()
    }

    /// Stops reading from one client, whose receive buffer is small from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub fn stall(&mut self) -> io::Result<()> {
        if let Some(Client { socket: Some(socket), .. }) = self.clients.first() {
            sockopt::set_socket_recv_buffer_size(socket, 4096)?;
            epoll::delete(&self.poll, socket)?;
            self.stalled = Some(0);
        }
        Ok(())
    }

    /// Connects some more, waits for what comes, and reads it. Returns whether there is a command.
    ///
    /// # Errors
    /// Those of the system, and a server that refuses.
    pub fn poll(&mut self, timeout_ms: i64) -> io::Result<bool> {
        while self.clients.len() < self.count && self.clients.len() - self.joined < JOINING {
            self.connect()?;
        }
        let timeout = Timespec { tv_sec: timeout_ms / 1000, tv_nsec: timeout_ms % 1000 * 1_000_000 };
        let mut events = [const { Event { flags: EventFlags::empty(), data: EventData::new_u64(0) } }; 1024];
        let count = match epoll::wait(&self.poll, &mut events, Some(&timeout)) {
            Err(Errno::INTR) => 0,
            count => count?,
        };
        let mut command = false;
        for event in &events[..count] {
            match event.data.u64() {
                INPUT => command = true,
                index => self.read(index as usize)?,
            }
        }
        Ok(command)
    }

    fn connect(&mut self) -> io::Result<()> {
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // On loopback it takes no time: the handshake is over when the call returns.
        rustix::net::connect(&socket, &self.address)?;
        rustix::net::send(&socket, REQUEST, SendFlags::NOSIGNAL)?;
        epoll::add(&self.poll, &socket, EventData::new_u64(self.clients.len() as u64), EventFlags::IN)?;
        self.clients.push(Client { socket: Some(socket), stream: Stream::default(), joined: false });
        Ok(())
    }

    /// Reads once: if there is more, the poll says so again.
    fn read(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        let Some(socket) = &client.socket else { return Ok(()) };
        let length = match rustix::net::recv(socket, &mut self.buffer[..], RecvFlags::DONTWAIT) {
            Ok((_, length)) => length,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Err(_) => 0,
        };
        self.report.reads += 1;
        self.report.bytes += length as u64;
        let progress = client.stream.feed(&self.buffer[..length], now(), &mut self.report);
        if length == 0 || progress == Progress::Failed {
            client.socket = None;
            self.report.cut += u64::from(self.stalled != Some(index));
            if !client.joined {
                return Err(io::Error::other(format!("client {index} was refused")));
            }
        }
        if progress == Progress::Joined && !std::mem::replace(&mut client.joined, true) {
            self.joined += 1;
        }
        Ok(())
    }
}
