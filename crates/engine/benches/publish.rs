//! How long `publish()` keeps the host's thread, while engine threads write to many clients.
//!
//! `cargo bench -p ssecast-engine --bench publish -- [connections] [events]`: the host computes for half a
//! millisecond between two events, as an event loop does that has other work.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by it")]

#[cfg(unix)]
fn main() {
    unix::main();
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::hint::black_box;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use mio::{Events, Interest, Poll, Token};
    use ssecast_engine::{Config, Event, Framing, Hub, LoopConnections, Sockets, Subscription};

    const WORK: Duration = Duration::from_micros(500);

    pub(super) fn main() {
        let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse().ok());
        let (connections, events) = (numbers.next().unwrap_or(1000), numbers.next().unwrap_or(2000));
        let hub = Hub::new(Config { heartbeat: None, ..Config::default() }).unwrap();
        let event_loop = LoopConnections::new(&hub, || {});
        let read = Arc::new(AtomicU64::new(0));
        serve(&event_loop, connections, &read);

        let (mut times, data) = (Vec::with_capacity(events), "x".repeat(100));
        let begin = Instant::now();
        for _ in 0..events {
            let working = Instant::now();
            while working.elapsed() < WORK {
                black_box(&data);
            }
            let publishing = Instant::now();
            hub.publish("t", &Event { data: Some(&data), ..Event::default() }).unwrap();
            times.push(publishing.elapsed());
        }
        let took = begin.elapsed();
        times.sort_unstable();
        let mean = times.iter().sum::<Duration>() / times.len() as u32;
        let [median, p99] = [times[times.len() / 2], times[times.len() * 99 / 100]];
        println!(
            "{connections} connections, {events} events: publish() median {median:?}, mean {mean:?}, p99 {p99:?}"
        );
        let bytes = read.load(Ordering::Relaxed);
        println!("the host took {took:?}; clients had read {} MB by then", bytes >> 20);
    }

    /// Attaches connections, whose clients are all read by one other thread.
    fn serve(event_loop: &LoopConnections, connections: usize, read: &Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut readiness = Poll::new().unwrap();
        let mut clients = Vec::new();
        for number in 0..connections {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (host, _) = listener.accept().unwrap();
            let id =
                event_loop.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
            event_loop.attach_socket(&Sockets::shared(), id, host.as_fd(), Framing::Chunked, true).unwrap();
            client.set_nonblocking(true).unwrap();
            let mut client = mio::net::TcpStream::from_std(client);
            readiness.registry().register(&mut client, Token(number), Interest::READABLE).unwrap();
            clients.push(client);
        }
        let read = Arc::clone(read);
        thread::spawn(move || {
            let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 << 10]);
            loop {
                let _ = readiness.poll(&mut events, None);
                for event in &events {
                    while let Ok(length) = clients[event.token().0].read(&mut buffer) {
                        read.fetch_add(length as u64, Ordering::Relaxed);
                    }
                }
            }
        });
    }
}
