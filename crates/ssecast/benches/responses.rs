//! Streams as responses of axum, beside axum's own `Sse` on tokio's broadcast channel, and beside the listener.
//!
//! `cargo bench -p ssecast --bench responses -- [clients] [idle events] [burst events]`: how long `publish()` keeps its thread
//! while clients are idle, and how long it takes until a burst is read by all of them. One thread of the process reads for all
//! clients.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by it")]

#[cfg(unix)]
fn main() {
    unix::main();
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::convert::Infallible;
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use axum::response::sse::{self, Sse};
    use axum::{Router, extract::State, http::HeaderMap, routing::get};
    use futures_util::{Stream, stream};
    use ssecast::{Config, Event, EventSourceResponse, Hub, Listener, ListenerConfig, QueryTopics};
    use tokio::sync::broadcast;

    /// A payload, and what of it a reader counts.
    const TEXT: &str =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!";
    const MARK: u8 = b'!';

    type Publish = Box<dyn Fn()>;

    pub(super) fn main() {
        let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse().ok());
        let mut number = |usual| numbers.next().unwrap_or(usual);
        let (clients, idle, burst) = (number(2000), number(200), number(200));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        println!(
            "{clients} clients        publish() median       p99   {burst} events read by all   deliveries/s"
        );
        for _ in 0..2 {
            let (address, publish) = by_axum(&runtime);
            measure("axum's Sse", address, "/", &publish, clients, idle, burst);
            let (address, publish) = by_response(&runtime);
            measure("EventSourceResponse", address, "/", &publish, clients, idle, burst);
            let (_listener, address, publish) = by_listener();
            measure("Listener", address, "/?topic=t", &publish, clients, idle, burst);
        }
    }

    fn serve(runtime: &tokio::runtime::Runtime, app: Router) -> SocketAddr {
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(axum::serve(listener, app).into_future());
        address
    }

    fn by_axum(runtime: &tokio::runtime::Runtime) -> (SocketAddr, Publish) {
        async fn events(
            State(sender): State<broadcast::Sender<Arc<str>>>,
        ) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
            Sse::new(stream::unfold(sender.subscribe(), |mut receiver| async move {
                let text = receiver.recv().await.ok()?;
                Some((Ok(sse::Event::default().data(&*text)), receiver))
            }))
        }
        let (sender, _) = broadcast::channel::<Arc<str>>(1 << 14);
        let address = serve(runtime, Router::new().route("/", get(events)).with_state(sender.clone()));
        (address, Box::new(move || _ = sender.send(TEXT.into()).unwrap()))
    }

    fn publisher(hub: Hub) -> Publish {
        Box::new(move || _ = hub.publish("t", &Event::data(TEXT)).unwrap())
    }

    fn by_response(runtime: &tokio::runtime::Runtime) -> (SocketAddr, Publish) {
        async fn events(State(hub): State<Hub>, headers: HeaderMap) -> EventSourceResponse {
            EventSourceResponse::new(&hub, ["t"], &headers)
        }
        let hub = Hub::new(Config::default()).unwrap();
        let address = serve(runtime, Router::new().route("/", get(events)).with_state(hub.clone()));
        (address, publisher(hub))
    }

    fn by_listener() -> (Listener, SocketAddr, Publish) {
        let hub = Hub::new(Config::default()).unwrap();
        let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), QueryTopics).unwrap();
        let address = listener.address();
        (listener, address, publisher(hub))
    }

    fn measure(
        name: &str,
        address: SocketAddr,
        path: &str,
        publish: &Publish,
        clients: usize,
        idle: usize,
        burst: usize,
    ) {
        let read = Arc::new(AtomicUsize::new(0));
        let sockets = connect(address, path, clients);
        let reader = thread::spawn({
            let read = Arc::clone(&read);
            move || read_all(sockets, &read, clients * (idle + burst))
        });
        let arrived = |events: usize| {
            while read.load(Ordering::Relaxed) < clients * events {
                thread::sleep(Duration::from_micros(100));
            }
        };
        let mut times: Vec<Duration> = (1..=idle)
            .map(|number| {
                let begin = Instant::now();
                publish();
                let took = begin.elapsed();
                // All are idle again.
                arrived(number);
                thread::sleep(Duration::from_millis(1));
                took
            })
            .collect();
        times.sort_unstable();
        let [median, p99] = [times[idle / 2], times[idle * 99 / 100]].map(|time| time.as_secs_f64() * 1e3);
        let begin = Instant::now();
        (0..burst).for_each(|_| publish());
        arrived(idle + burst);
        let took = begin.elapsed();
        reader.join().unwrap();
        let rate = f64::from((clients * burst) as u32) / took.as_secs_f64();
        println!("{name:20} {median:14.3} ms {p99:9.3} ms {:22.0} ms {rate:14.0}", took.as_secs_f64() * 1e3);
    }

    /// Connects clients that have the heads of their responses.
    fn connect(address: SocketAddr, path: &str, clients: usize) -> Vec<TcpStream> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
        let open = |_| {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.write_all(request.as_bytes()).unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") {
                socket.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            socket.set_nonblocking(true).unwrap();
            socket
        };
        (0..clients).map(open).collect()
    }

    /// Reads for all clients until there were so many events.
    fn read_all(sockets: Vec<TcpStream>, read: &AtomicUsize, events: usize) {
        let mut poll = mio::Poll::new().unwrap();
        let mut sockets: Vec<_> = sockets.into_iter().map(mio::net::TcpStream::from_std).collect();
        for (index, socket) in sockets.iter_mut().enumerate() {
            poll.registry().register(socket, mio::Token(index), mio::Interest::READABLE).unwrap();
        }
        let (mut ready, mut buffer) = (mio::Events::with_capacity(1024), vec![0; 256 << 10]);
        while read.load(Ordering::Relaxed) < events {
            poll.poll(&mut ready, None).unwrap();
            for event in &ready {
                while let Ok(length) = sockets[event.token().0].read(&mut buffer) {
                    assert_ne!(length, 0, "a stream ended");
                    let seen = memchr::memchr_iter(MARK, &buffer[..length]).count();
                    read.fetch_add(seen, Ordering::Relaxed);
                }
            }
        }
    }
}
