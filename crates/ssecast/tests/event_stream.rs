//! Events from real byte streams: the bodies that hyper and reqwest receive from ssecast's own listener, and a socket.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::{cell::Cell, convert::Infallible, error::Error as _, fmt::Debug, io, pin::Pin};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyDataStream, Empty};
use hyper::{Request, body::Incoming};
use hyper_util::rt::TokioIo;
use ssecast::{
    Close, Config, ErrorKind, Event, EventStream, EventStreamError, Hub, Listener, ListenerConfig,
    QueryTopics, Received, codec::Parser,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

fn received(event: &'static str, data: &str, last_event_id: &str, has_id: bool) -> Received {
    Received { event: event.into(), data: data.into(), last_event_id: last_event_id.into(), has_id }
}

async fn by_hyper(listener: &Listener, last_event_id: &str) -> BodyDataStream<Incoming> {
    let socket = TcpStream::connect(listener.address()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::get("/?topic=t").header("host", "localhost").header("last-event-id", last_event_id);
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    BodyDataStream::new(response.into_body())
}

async fn by_reqwest(
    listener: &Listener,
    last_event_id: &str,
) -> Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>>>> {
    // The workspace's tests build reqwest with TLS and without a provider of it. Another test may have installed this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new().get(format!("http://{}/?topic=t", listener.address()));
    let response = request.header("last-event-id", last_event_id).send().await.unwrap();
    Box::pin(response.error_for_status().unwrap().bytes_stream())
}

/// What a client sees of a hub whose responses it gets by `get`.
async fn receives_and_resumes<S, E: Debug>(get: impl AsyncFn(&Listener, &str) -> S)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let hub = Hub::new(Config::default()).unwrap();
    let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), QueryTopics).unwrap();
    let mut events = EventStream::new(get(&listener, "").await);
    let tick = Event { event: Some("tick"), data: Some("é\n2"), ..Event::default() };
    let first = hub.publish("t", &tick).unwrap().id;
    assert_eq!(events.next().await.unwrap().unwrap(), received("tick", "é\n2", &first, true));
    assert_eq!((events.last_event_id(), events.retry()), (&*first, Some(2_000)));
    drop(events);

    let second = hub.publish("t", &Event { data: Some("3"), ..Event::default() }).unwrap().id;
    let parser = Parser::new().with_last_event_id(&first);
    let mut resumed = EventStream::with_parser(get(&listener, &first).await, parser);
    assert_eq!(resumed.next().await.unwrap().unwrap(), received("message", "3", &second, true));
    hub.close(&Close::default()).unwrap();
    assert!(resumed.next().await.is_none());
    assert!(resumed.next().await.is_none(), "it stays ended");
}

#[tokio::test]
async fn the_body_of_a_response_of_hyper_gives_the_events_of_a_hub_and_resumes() {
    receives_and_resumes(by_hyper).await;
}

#[tokio::test]
async fn the_body_of_a_response_of_reqwest_gives_the_events_of_a_hub_and_resumes() {
    receives_and_resumes(by_reqwest).await;
}

#[tokio::test]
async fn a_socket_gives_events_before_the_next_bytes_and_drops_what_is_cut_off() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(server.local_addr().unwrap()), server.accept());
    let mut socket = accepted.unwrap().0;
    let mut events = EventStream::from_reader(client.unwrap());
    for number in 0..50 {
        // The CR ends the event; its LF comes with the next one.
        let event = format!("\ndata: €{number}\r\n\r").into_bytes();
        for piece in event.chunks(8) {
            socket.write_all(piece).await.unwrap();
        }
        assert_eq!(events.next().await.unwrap().unwrap().data, format!("€{number}"));
    }
    socket.write_all(b"id: 7\ndata: cut off\n").await.unwrap();
    drop(socket);
    assert!(events.next().await.is_none());
    assert_eq!(events.last_event_id(), "");
}

#[tokio::test]
async fn events_share_the_last_event_id_until_there_is_another() {
    let stream = "id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\n";
    let mut events = EventStream::from_reader(stream.as_bytes());
    let all: Vec<Received> = events.by_ref().map(Result::unwrap).collect().await;
    let expected = [("a", "1", true), ("b", "1", false), ("c", "2", false)];
    assert_eq!(all, expected.map(|(data, id, has_id)| received("message", data, id, has_id)));
    assert_eq!(all[0].last_event_id.as_ptr(), all[1].last_event_id.as_ptr(), "events share an id");
}

#[tokio::test]
async fn an_event_over_the_limit_ends_the_stream_after_what_came_before() {
    let source =
        stream::iter([Ok::<_, Infallible>("data: 1\n\ndata: 12345678\n\ndata: 2\n\n"), Ok("data: 3\n\n")]);
    let mut events = EventStream::with_parser(source, Parser::with_max_event_bytes(10));
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    match events.next().await.unwrap().unwrap_err() {
        EventStreamError::Parser(error) => assert_eq!(error.kind(), ErrorKind::EventTooLarge),
        EventStreamError::Source(never) => match never {},
    }
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_error_of_the_source_ends_the_stream_after_what_came_before() {
    let source = [Ok("data: 1\n\n"), Err(io::Error::from(io::ErrorKind::ConnectionReset)), Ok("data: 2\n\n")];
    let mut events = EventStream::new(stream::iter(source));
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    let error = events.next().await.unwrap().unwrap_err();
    assert!(error.source().is_some());
    assert!(
        matches!(error, EventStreamError::Source(error) if error.kind() == io::ErrorKind::ConnectionReset)
    );
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn the_source_is_asked_for_no_more_than_the_next_event_needs() {
    let asked = Cell::new(0);
    let source = stream::repeat_with(|| {
        asked.set(asked.get() + 1);
        Ok::<_, Infallible>(Bytes::from_static(b"data: 1\n\ndata: 2\n\n"))
    });
    let mut events = EventStream::new(source);
    for number in 0..10 {
        assert!(events.next().await.is_some());
        assert_eq!(asked.get(), number / 2 + 1);
    }
}

#[tokio::test]
async fn a_large_chunk_gives_all_its_events_in_their_order() {
    let expected: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    let chunk = expected.iter().fold(String::new(), |chunk, data| chunk + "data: " + data + "\n\n");
    let events = EventStream::new(stream::iter([Ok::<_, io::Error>(chunk)]));
    let data: Vec<_> = events.map(|event| event.unwrap().data).collect().await;
    assert!(data.iter().map(|data| &**data).eq(&expected));
}
