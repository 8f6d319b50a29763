//! Clients behind a proxy that cuts their connections, while a real hub publishes without a pause.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use ssecast::client::{EventSource, Update};
use ssecast::{Config, Event, Hub, Listener, ListenerConfig, QueryTopics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CLIENTS: usize = 100;
const CUTS: usize = 1_000;
/// Far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Forwards a connection, and cuts it somewhere in the response, as often as cuts are left.
async fn forward(mut client: TcpStream, behind: SocketAddr, cuts: Arc<AtomicUsize>, number: usize) {
    let mut server = TcpStream::connect(behind).await.unwrap();
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    // Some within the head, most within an event.
    let mut left = 100 + number * 97 % 1_500;
    let mut buffer = [0; 4096];
    let mut request = [0; 4096];
    loop {
        tokio::select! {
            read = from_client.read(&mut request) => match read {
                Ok(length) if length > 0 => to_server.write_all(&request[..length]).await.unwrap(),
                _ => return,
            },
            read = from_server.read(&mut buffer) => {
                let Ok(length) = read else { return };
                let one_less = |cuts: usize| cuts.checked_sub(1);
                let cut = length >= left && cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
                let length = if cut { left } else { length };
                left = left.saturating_sub(length);
                if length == 0 || to_client.write_all(&buffer[..length]).await.is_err() || cut {
                    return;
                }
            }
        }
    }
}

/// Reads to the last event. Returns how many came before it; each must be the one that follows the one before.
async fn read(url: String, start: String) -> (usize, usize) {
    let (mut received, mut losses) = (0, 0);
    let options = |options: &mut ssecast::client::Options| {
        options.last_event_id = start;
        options.retry.growth = 1.0;
        options.retry.jitter = 0.0;
    };
    let mut source = EventSource::builder(&url).options(options).build().unwrap();
    loop {
        match source.next().await.unwrap() {
            Update::Event(event) if event.event == "last" => return (received, losses),
            Update::Event(event) => {
                assert_eq!(event.data, received.to_string());
                received += 1;
            }
            Update::Lost(loss) => losses += usize::from(loss.retry_in.is_some()),
            Update::Open => {}
        }
    }
}

#[tokio::test]
async fn clients_that_are_cut_a_thousand_times_have_every_event_exactly_once() {
    // The workspace's tests build reqwest with TLS and without a provider of it. Another test may have installed this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::default();
    config.history.events = Some(1_000_000);
    config.history.bytes = Some(1 << 30);
    config.retry = Some(Duration::from_millis(100));
    let hub = Hub::new(config).unwrap();
    let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), QueryTopics).unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?topic=storm", proxy.local_addr().unwrap());
    let (behind, cuts) = (listener.address(), Arc::new(AtomicUsize::new(CUTS)));

    let cutting = Arc::clone(&cuts);
    let proxy = tokio::spawn(async move {
        for number in 0.. {
            let (client, _) = proxy.accept().await.unwrap();
            tokio::spawn(forward(client, behind, Arc::clone(&cutting), number));
        }
    });
    let publish =
        |data: &str, event| hub.publish("storm", &Event { data: Some(data), event, ..Event::default() });
    let start = publish("before", None).unwrap().id;
    let clients = (0..CLIENTS).map(|_| tokio::spawn(read(url.clone(), start.clone())));
    let clients = join_all(clients.collect::<Vec<_>>());
    let storm = async {
        let mut published = 0;
        while cuts.load(Ordering::SeqCst) > 0 {
            for _ in 0..3 {
                publish(&published.to_string(), None).unwrap();
                published += 1;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        publish("", Some("last")).unwrap();
        published
    };
    let both = futures_util::future::join(storm, clients);
    let (published, clients) = tokio::time::timeout(PATIENCE, both).await.expect("it ends");
    proxy.abort();
    let mut losses = 0;
    for client in clients {
        let (received, lost) = client.unwrap();
        assert_eq!(received, published);
        losses += lost;
    }
    // reqwest may send a request again by itself when the connection went before the response began.
    assert!(losses > CUTS * 8 / 10, "{losses} losses");
}
