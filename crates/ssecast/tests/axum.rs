//! Streams as responses of axum, over real sockets: the example `axum`, and what else a response can be.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, request::Parts};
use axum::{Router, routing::get};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::Response;
use ssecast::{
    Close, Config, Cors, Event, EventSourceResponse, EventStream, History, Hub, Origins, Reason, Received,
    Replay, SlowClient, Stats,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

#[allow(dead_code, reason = "its `main` is for the command line")]
#[path = "../examples/axum.rs"]
mod example;

const PATIENCE: Duration = Duration::from_secs(30);

/// A hub that says nothing of itself.
fn quiet() -> Config {
    Config { retry: None, ..Config::default() }
}

/// Serves an application.
async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    format!("http://{address}")
}

/// The stream of the path's topic, to headers alone.
async fn topic(State(hub): State<Hub>, Path(topic): Path<String>, headers: HeaderMap) -> EventSourceResponse {
    EventSourceResponse::new(&hub, [topic], &headers)
}

/// The same with all that can be set, for the whole request.
async fn configured(State(hub): State<Hub>, request: Parts) -> EventSourceResponse {
    let origins = Origins::List(vec!["https://app.example".into()]);
    EventSourceResponse::new(&hub, ["t"], &request)
        .replay(Replay::Last(2))
        .cors(Cors { origins, ..Cors::default() })
        .header("cache-control".parse().unwrap(), "private".parse().unwrap())
        .header("vary".parse().unwrap(), "Accept".parse().unwrap())
}

async fn start(config: Config) -> (Hub, String) {
    let hub = Hub::new(config).unwrap();
    let app = Router::new().route("/topic/{topic}", get(topic)).route("/configured", get(configured));
    (hub.clone(), serve(app.with_state(hub)).await)
}

async fn request(url: &str, headers: &[(&'static str, &str)]) -> Response {
    // The workspace's tests build reqwest with TLS and without a provider of it. Another test may have installed this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    timeout(PATIENCE, request.send()).await.unwrap().unwrap()
}

type Events<S> = EventStream<S, Bytes>;

fn events(response: Response) -> Events<impl Stream<Item = reqwest::Result<Bytes>> + Unpin> {
    assert_eq!(response.status(), 200);
    EventStream::new(Box::pin(response.bytes_stream()))
}

async fn next<S: Stream<Item = reqwest::Result<Bytes>> + Unpin>(events: &mut Events<S>) -> Received {
    timeout(PATIENCE, events.next()).await.unwrap().expect("it goes on").unwrap()
}

/// Waits for what the hub's counters say.
async fn until(hub: &Hub, holds: impl Fn(&Stats) -> bool) {
    timeout(PATIENCE, async {
        while !holds(&hub.stats()) {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{}", hub.stats()));
}

fn publish(hub: &Hub, text: &str) {
    hub.publish("t", &Event::data(text)).unwrap();
}

#[tokio::test]
async fn a_client_that_was_cut_resumes_where_it_left_by_header_or_query() {
    let (hub, url) = start(quiet()).await;
    let mut stream = events(request(&format!("{url}/topic/t"), &[]).await);
    publish(&hub, "1");
    let first = next(&mut stream).await;
    assert_eq!(first.data, "1");
    drop(stream);
    until(&hub, |stats| stats.connections == 0).await;
    assert_eq!(hub.stats().disconnects(Reason::Client), 1);
    publish(&hub, "2");
    publish(&hub, "3");

    let id = &*first.last_event_id;
    let by_header = request(&format!("{url}/topic/t"), &[("last-event-id", id)]).await;
    let by_query = request(&format!("{url}/configured?lastEventId={id}"), &[]).await;
    for response in [by_header, by_query] {
        let mut stream = events(response);
        assert_eq!(next(&mut stream).await.data, "2");
        assert_eq!(next(&mut stream).await.data, "3");
    }
    // An id of another hub is answered by a reset.
    let mut stream = events(request(&format!("{url}/topic/t"), &[("last-event-id", "0-0-0")]).await);
    assert_eq!(next(&mut stream).await.event, "reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_gets_every_event_in_order_while_they_are_published_in_a_burst() {
    const EVENTS: usize = 5_000;
    let (hub, url) = start(quiet()).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut stream = events(request(&format!("{url}/topic/t"), &[]).await);
        clients.spawn(async move {
            for number in 0..EVENTS {
                assert_eq!(next(&mut stream).await.data, number.to_string());
            }
        });
    }
    for number in 0..EVENTS {
        publish(&hub, &number.to_string());
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    assert_eq!(hub.stats().delivered, 20 * EVENTS as u64);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_keeps_no_other_one_waiting() {
    let slow_client = SlowClient { bytes: 1 << 20, time: Duration::from_secs(5), ..SlowClient::default() };
    let (hub, url) = start(Config {
        slow_client,
        history: History { bytes: Some(1 << 20), ..History::default() },
        ..quiet()
    })
    .await;
    let mut reading = events(request(&format!("{url}/topic/t"), &[]).await);
    let stalled = request(&format!("{url}/topic/t"), &[]).await;
    let text = "x".repeat(64 << 10);
    timeout(PATIENCE, async {
        while hub.stats().disconnects(Reason::Lagged) == 0 {
            publish(&hub, &text);
            assert_eq!(next(&mut reading).await.data.len(), text.len());
        }
    })
    .await
    .unwrap();
    assert_eq!(hub.stats().connections, 1);
    // It gets what was under way, and then no end but an error: what is missing is not hidden.
    let rest: Vec<_> = stalled.bytes_stream().collect().await;
    assert!(rest.last().unwrap().is_err());
}

#[tokio::test]
async fn a_server_that_stops_says_farewell_to_every_client_and_ends() {
    let hub = Hub::new(quiet()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ticks", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(example::serve(listener, hub.clone(), stopped));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(events(request(&url, &[]).await));
    }
    hub.publish("ticks", &Event::data("1").event("tick")).unwrap();
    let closed = tokio::spawn(hub.closed());
    stop.send(()).unwrap();
    for client in &mut clients {
        assert_eq!(next(client).await.event, "tick");
        assert_eq!(&*next(client).await.event, "bye");
        assert!(timeout(PATIENCE, client.next()).await.unwrap().is_none(), "it ends, and is not cut");
    }
    timeout(PATIENCE, closed).await.unwrap().unwrap();
    timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
    assert_eq!(hub.stats().disconnects(Reason::Shutdown), 3);
}

#[tokio::test]
async fn a_client_that_takes_nothing_does_not_keep_a_closing_hub_beyond_its_grace() {
    let (hub, url) = start(quiet()).await;
    let _stalled = request(&format!("{url}/topic/t"), &[]).await;
    let text = "x".repeat(512 << 10);
    // More than the system's buffers take.
    for _ in 0..20 {
        publish(&hub, &text);
    }
    hub.close(&Close { event: None, grace: Duration::from_millis(50) }).unwrap();
    timeout(PATIENCE, hub.closed()).await.unwrap();
}

#[tokio::test]
async fn a_client_gets_no_stream_of_what_has_ended_nor_one_that_it_does_not_accept() {
    let (hub, url) = start(quiet()).await;
    hub.end_topic("over").unwrap();
    let over = format!("{url}/topic/over");
    assert_eq!(request(&over, &[]).await.status(), 204);
    let told = request(&format!("{url}/topic/t"), &[("last-event-id", "ssecast-finished")]).await;
    assert_eq!(told.status(), 204);
    let html = request(&format!("{url}/topic/t"), &[("accept", "text/html")]).await;
    assert_eq!(html.status(), 406);
    let invalid = request(&format!("{url}/topic/ssecast-notices"), &[]).await;
    assert_eq!(invalid.status(), 400);
    assert!(invalid.text().await.unwrap().starts_with("topic is reserved"));
    assert_eq!(hub.stats().connections, 0);
}

#[tokio::test]
async fn a_full_hub_lets_an_event_source_come_back_and_tells_others_when() {
    let config = Config { max_connections: 1, retry: Some(Duration::from_secs(2)), ..Config::default() };
    let (hub, url) = start(config).await;
    let url = format!("{url}/topic/t");
    let _first = request(&url, &[]).await;
    let browser = request(&url, &[("accept", "text/event-stream")]).await;
    assert_eq!(
        (browser.status(), &browser.headers()["content-type"]),
        (reqwest::StatusCode::OK, &"text/event-stream; charset=utf-8".parse().unwrap())
    );
    assert!(browser.text().await.unwrap().starts_with("retry: "));
    let other = request(&url, &[]).await;
    assert_eq!(other.status(), 503);
    assert!(other.headers().contains_key("retry-after"));
    assert_eq!(hub.stats().refused, 2);
}

#[tokio::test]
async fn the_head_is_that_of_a_stream_with_what_the_host_wants() {
    let (hub, url) = start(quiet()).await;
    for number in 1..=3 {
        publish(&hub, &number.to_string());
    }
    let response = request(&format!("{url}/configured"), &[("origin", "https://app.example")]).await;
    let headers = response.headers().clone();
    let value =
        |name: &str| headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(value("content-type"), ["text/event-stream; charset=utf-8"]);
    assert_eq!(value("cache-control"), ["private, no-cache, no-transform"]);
    assert_eq!(value("x-accel-buffering"), ["no"]);
    assert_eq!(value("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(value("vary"), ["Accept", "Origin"]);
    let mut stream = events(response);
    assert_eq!((next(&mut stream).await.data, next(&mut stream).await.data), ("2".into(), "3".into()));
    let other = request(
        &format!("{url}/configured"),
        &[("accept", "text/html"), ("origin", "https://other.example")],
    )
    .await;
    assert_eq!((other.status().as_u16(), other.headers().get("access-control-allow-origin")), (406, None));
    assert_eq!(other.headers().get_all("vary").iter().count(), 2);
}

#[tokio::test]
async fn a_private_stream_is_written_to_by_its_handle() {
    use axum::response::{IntoResponse, Response};
    async fn answer(State(hub): State<Hub>, headers: HeaderMap) -> Response {
        let response = EventSourceResponse::new(&hub, [""; 0], &headers).respond().unwrap();
        let stream = response.body().handle().unwrap();
        stream.send(&Event::data("Hello")).unwrap();
        stream.finish(Reason::Server);
        response.into_response()
    }
    let hub = Hub::new(quiet()).unwrap();
    let url = serve(Router::new().route("/", get(answer)).with_state(hub)).await;
    let mut stream = events(request(&url, &[]).await);
    assert_eq!(next(&mut stream).await.data, "Hello");
    assert!(timeout(PATIENCE, stream.next()).await.unwrap().is_none());
    assert_eq!(stream.last_event_id(), "ssecast-finished");
}

#[tokio::test]
async fn a_head_request_leaves_no_connection() {
    let (hub, url) = start(quiet()).await;
    let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(
        &mut socket,
        b"HEAD /topic/t HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await
    .unwrap();
    let mut head = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut socket, &mut head);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    until(&hub, |stats| stats.connections == 0).await;
}
