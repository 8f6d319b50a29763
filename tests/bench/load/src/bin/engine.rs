//! The engine of `make bench` without Node: hub, engine threads and sockets, driven as `floor` is. What it does beside the
//! floor's sends is what a profile of it shows. `engine <threads>`; commands come on standard input, answers are lines of JSON.
//!
//! `publish <bytes> <events per second, or 0> <milliseconds>` answers with how many events were published and how long the
//! publishing thread was blocked by them; with 0, an event follows as long as clients are no more than 16 behind, as a mean.
//! `count` tells the number of clients.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ssecast_bench_load::latency::Latency;
use ssecast_bench_load::marker;
use ssecast_bench_load::system::{listen, now, raise_descriptor_limit};
use ssecast_engine::{
    Config, ConnectionId, Event, Framing, Host, Hub, Reason, SlowClient, Socket, Sockets, Subscription,
    Transfer,
};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
    Cache-Control: no-cache, no-transform\r\nTransfer-Encoding: chunked\r\n\r\n";

/// As many events may wait for a client, in every server of the bench.
const AHEAD: u64 = 16;

/// What may wait for a single client, as in the bench's server for Node.
const LIMIT: usize = 32 << 20;

/// Nothing that the streams say is of interest here: the load client looks at that.
struct Silent;

impl Host for Silent {
    fn ended(&self, _: ConnectionId, _: Reason, _: bool) {}

    fn drained(&self, _: ConnectionId) {}
}

fn main() -> io::Result<()> {
    let threads = std::env::args().nth(1).and_then(|threads| threads.parse().ok()).unwrap_or(1);
    raise_descriptor_limit();
    let slow_client = SlowClient { bytes: LIMIT, ..SlowClient::default() };
    let hub = Hub::new(Config { slow_client, ..Config::default() }).map_err(io::Error::other)?;
    let listener = listen()?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    let (sockets, accepting) = (Sockets::new(threads), hub.clone());
    thread::spawn(move || listener.incoming().try_for_each(|client| accept(&accepting, &sockets, client?)));
    for line in io::stdin().lock().lines() {
        println!("{}", obey(&hub, &line?).map_err(io::Error::other)?);
        io::stdout().flush()?;
    }
    Ok(())
}

/// Takes a client: its request comes at once.
fn accept(hub: &Hub, sockets: &Sockets, mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    // Whatever it says is answered.
    let _request = client.read(&mut [0; 4096])?;
    client.write_all(HEAD)?;
    let begin = || {
        let subscription = Subscription { topics: &["bench"], ..Subscription::default() };
        let subscriber = hub.reader(Arc::new(|| ())).subscribe(&subscription)?;
        let socket = Socket::take(client.into(), sockets.worker()?, bytes::Bytes::new())?;
        let (name, host) = (ConnectionId::unique(), Arc::new(Silent));
        let _ = socket.attach(
            hub,
            subscriber,
            Transfer { framing: Framing::Chunked, released: true, name, host },
        );
        Ok::<(), ssecast_engine::Error>(())
    };
    begin().map_err(io::Error::other)
}

fn obey(hub: &Hub, line: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(match words[..] {
        ["count"] => format!("{{\"count\":{}}}", hub.stats().connections),
        ["publish", bytes, rate, milliseconds] => {
            let duration = Duration::from_millis(milliseconds.parse()?);
            let (published, blocked) = run(hub, bytes.parse()?, rate.parse()?, duration)?;
            let (mean, high) = (blocked.mean(), blocked.quantile(0.99));
            format!("{{\"published\":{published},\"blockedMeanNs\":{mean},\"blockedP99Ns\":{high}}}")
        }
        _ => "{}".into(),
    })
}

/// Publishes for a time.
fn run(
    hub: &Hub,
    bytes: usize,
    rate: f64,
    duration: Duration,
) -> Result<(u64, Latency), ssecast_engine::Error> {
    let (start, mut blocked, mut published) = (Instant::now(), Latency::default(), 0);
    let stats = hub.stats();
    let (clients, delivered) = (stats.connections.max(1), stats.delivered);
    let mut known = 0;
    while start.elapsed() < duration {
        if rate > 0.0 {
            let due = Duration::from_secs_f64(published as f64 / rate);
            thread::sleep(due.saturating_sub(start.elapsed()));
        } else if published - known > AHEAD {
            known = (hub.stats().delivered - delivered) / clients;
            if published - known > AHEAD {
                thread::sleep(Duration::from_millis(1));
                continue;
            }
        }
        let mut data = Vec::with_capacity(bytes);
        marker::write(&mut data, published, now());
        data.resize(bytes, b'x');
        let began = Instant::now();
        hub.publish("bench", &Event::data(&String::from_utf8_lossy(&data)))?;
        blocked.record(began.elapsed().as_nanos() as u64);
        published += 1;
    }
    Ok((published, blocked))
}
