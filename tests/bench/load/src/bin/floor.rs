//! The floor of `make bench`: what it costs to send the same bytes to every client with nothing around it. One
//! thread, one `send` per client and round. `floor <events per round>`; commands come on standard input, answers
//! are lines of JSON.
//!
//! `publish <bytes> <events per second, or 0> <milliseconds>` answers with how many events were published and how
//! long the rounds took; with 0, a round follows as soon as every client has taken enough of the one before.
//! `count` tells the number of clients.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, sockopt};
use ssecast_bench_load::commands::Commands;
use ssecast_bench_load::latency::Latency;
use ssecast_bench_load::marker;
use ssecast_bench_load::system::{listen, now, raise_descriptor_limit};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
    Cache-Control: no-cache, no-transform\r\nTransfer-Encoding: chunked\r\n\r\n";

/// As many events may wait for the slowest client, in every server of the bench.
const AHEAD: usize = 16;

/// So much that is sent is kept until it is dropped at once.
const KEPT: usize = 64 << 10;

/// What was published, as it goes on the wire, and how far each client is.
struct Floor {
    listener: TcpListener,
    clients: Vec<Client>,
    /// The bytes that a client still needs, and the place of the first of them in the stream.
    log: Vec<u8>,
    start: usize,
    published: u64,
    sends: u64,
}

struct Client {
    socket: OwnedFd,
    cursor: usize,
}

fn main() -> io::Result<()> {
    let batch = std::env::args().nth(1).and_then(|batch| batch.parse().ok()).unwrap_or(1);
    raise_descriptor_limit();
    let listener = listen()?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    let mut floor =
        Floor { listener, clients: Vec::new(), log: Vec::new(), start: 0, published: 0, sends: 0 };
    let mut commands = Commands::default();
    loop {
        let input = rustix::stdio::stdin();
        let mut sources = [PollFd::new(&floor.listener, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
        poll(&mut sources, None)?;
        let [connection, command] = sources.map(|source| !source.revents().is_empty());
        if connection {
            floor.accept()?;
        }
        if command {
            let Some(lines) = commands.read()? else { return Ok(()) };
            for line in lines {
                floor.obey(&line, batch)?;
            }
        }
    }
}

impl Floor {
    /// Takes a client: its request comes at once, and whatever it says is answered.
    fn accept(&mut self) -> io::Result<()> {
        let socket = rustix::net::accept(&self.listener)?;
        // Node does the same. Without it a busy client's events would wait to be sent together.
        sockopt::set_tcp_nodelay(&socket, true)?;
        rustix::net::recv(&socket, &mut [0; 4096][..], RecvFlags::empty())?;
        rustix::net::send(&socket, HEAD, SendFlags::NOSIGNAL)?;
        self.clients.push(Client { socket, cursor: self.head() });
        Ok(())
    }

    fn obey(&mut self, line: &str, batch: u64) -> io::Result<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| word.parse::<u64>().map_err(io::Error::other);
        match words[..] {
            ["count"] => println!("{{\"count\":{}}}", self.clients.len()),
            ["publish", bytes, rate, milliseconds] => {
                let duration = Duration::from_millis(number(milliseconds)?);
                let rounds = self.run(
                    number(bytes)? as usize,
                    rate.parse().map_err(io::Error::other)?,
                    duration,
                    batch,
                )?;
                println!(
                    "{{\"published\":{},\"sends\":{},\"blockedMeanNs\":{},\"blockedP99Ns\":{}}}",
                    self.published,
                    self.sends,
                    rounds.mean(),
                    rounds.quantile(0.99)
                );
            }
            _ => println!("{{}}"),
        }
        Ok(())
    }

    /// Publishes for a time, then sends the rest.
    fn run(&mut self, bytes: usize, rate: f64, duration: Duration, batch: u64) -> io::Result<Latency> {
        let (start, mut rounds) = (Instant::now(), Latency::default());
        (self.published, self.sends) = (0, 0);
        while start.elapsed() < duration {
            let batch = if rate > 0.0 { 1 } else { batch };
            if rate > 0.0 {
                let due = Duration::from_secs_f64(self.published as f64 / rate);
                thread::sleep(due.saturating_sub(start.elapsed()));
            }
            let began = Instant::now();
            self.append(bytes, batch);
            self.round()?;
            rounds.record(began.elapsed().as_nanos() as u64);
            self.wait(AHEAD * bytes)?;
        }
        self.wait(0)?;
        Ok(rounds)
    }

    fn head(&self) -> usize {
        self.start + self.log.len()
    }

    /// Appends the bytes that ssecast would send: one chunk of events, each with an id, and data of a given size.
    fn append(&mut self, bytes: usize, events: u64) {
        let mut chunk = Vec::new();
        for _ in 0..events {
            chunk.extend_from_slice(format!("id: 0123456789-{}\ndata: ", self.published).as_bytes());
            let data = chunk.len();
            marker::write(&mut chunk, self.published, now());
            chunk.resize(data + bytes, b'x');
            chunk.extend_from_slice(b"\n\n");
            self.published += 1;
        }
        self.log.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        self.log.extend_from_slice(&chunk);
        self.log.extend_from_slice(b"\r\n");
    }

    /// Sends every client what it takes of all that is pending for it.
    fn round(&mut self) -> io::Result<()> {
        let head = self.head();
        for client in self.clients.iter_mut().filter(|client| client.cursor < head) {
            let pending = &self.log[client.cursor - self.start..];
            self.sends += 1;
            match rustix::net::send(&client.socket, pending, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(sent) => client.cursor += sent,
                Err(Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let first = self.clients.iter().map(|client| client.cursor).min().unwrap_or(head);
        // Seldom enough that moving the rest to the front costs nothing.
        if first == head || first - self.start > KEPT {
            self.log.drain(..first - self.start);
            self.start = first;
        }
        Ok(())
    }

    /// Goes on sending until the slowest client is so near to the head.
    fn wait(&mut self, ahead: usize) -> io::Result<()> {
        loop {
            let head = self.head();
            let slowest = self.clients.iter().min_by_key(|client| client.cursor);
            let Some(slowest) = slowest.filter(|client| head - client.cursor > ahead) else { return Ok(()) };
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            poll(&mut [PollFd::new(&slowest.socket, PollFlags::OUT)], Some(&second))?;
            self.round()?;
        }
    }
}
