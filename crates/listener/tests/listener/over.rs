//! When a hub is over: its end is waited for, with all that the host is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ssecast_engine::{Attachment, Close, ConnectionId, Hub, Reason, is_engine_thread};
use ssecast_listener::{Listener, ListenerConfig, Request, Responder, Router};

use crate::endpoint::{GET, connect};
use crate::rig::{Client, PATIENCE, data, eventually, patient};

/// A router whose calls take as long as the test wants.
struct Slow {
    told: Arc<Told>,
    may_return: Mutex<mpsc::Receiver<()>>,
}

#[derive(Default)]
struct Told {
    begun: AtomicUsize,
    returned: AtomicUsize,
}

impl Router for Slow {
    fn route(&self, _: Request, responder: Responder) {
        let _ = responder.allow(&["t"]);
    }

    fn opened(&self, _: Attachment) {
        assert!(is_engine_thread());
    }

    fn ended(&self, _: ConnectionId, _: Reason) {
        self.told.begun.fetch_add(1, Ordering::SeqCst);
        let _ = self.may_return.lock().unwrap().recv();
        self.told.returned.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_hub_is_over_when_every_client_has_everything_and_the_host_was_told_of_every_end() {
    const CLIENTS: usize = 20;
    let hub = Hub::new(patient()).unwrap();
    let (go, may_return) = mpsc::channel();
    let told = Arc::new(Told::default());
    let router = Slow { told: Arc::clone(&told), may_return: Mutex::new(may_return) };
    let listener = Listener::bind(&hub, ("127.0.0.1", 0), ListenerConfig::default(), router).unwrap();
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|_| {
            let mut visit = connect(&listener);
            visit.say(GET);
            visit.stream(ssecast_engine::Framing::Chunked)
        })
        .collect();
    hub.publish("t", &data(&"x".repeat(20_000))).unwrap();
    hub.publish("t", &data("last")).unwrap();
    hub.close(&Close { event: None, grace: PATIENCE }).unwrap();
    // All connections have ended, but the host is still being told of it.
    eventually("the first is told", || told.begun.load(Ordering::SeqCst) > 0);
    eventually("no connection is left", || {
        let _ = hub.wait_closed(Duration::from_millis(1));
        // The thread waits in the first call; what it has not taken yet is not gone either.
        hub.stats().connections < CLIENTS as u64
    });
    assert!(!hub.wait_closed(Duration::from_millis(20)) && !hub.wait_released(Duration::from_millis(20)));
    assert!(!is_engine_thread());
    drop(go);
    assert!(hub.wait_closed(PATIENCE) && hub.wait_released(Duration::ZERO));
    assert_eq!(told.returned.load(Ordering::SeqCst), CLIENTS);
    for client in &mut clients {
        client.read_to_end();
        assert!(client.body().complete);
        assert_eq!(client.events().last().unwrap(), "last");
    }
}

#[test]
fn a_stream_that_is_allowed_after_the_hub_was_closed_is_none_that_the_router_is_told_of() {
    let hub = Hub::new(patient()).unwrap();
    let (sender, receiver) = mpsc::channel::<Responder>();
    let sender = Mutex::new(sender);
    let listener = Listener::bind(
        &hub,
        ("127.0.0.1", 0),
        ListenerConfig::default(),
        move |_: Request, responder: Responder| sender.lock().unwrap().send(responder).unwrap(),
    )
    .unwrap();
    let mut visit = connect(&listener);
    visit.say(GET);
    let responder = receiver.recv().unwrap();
    hub.close(&Close::default()).unwrap();
    // A router that has not decided yet delays no other client.
    assert!(hub.wait_closed(PATIENCE));
    assert!(!responder.allow(&["t"]).unwrap());
    assert_eq!(visit.answer().status, 503);
    assert!(hub.wait_closed(Duration::ZERO));
}

/// The threads are shared, and know hubs by their keys.
#[test]
fn a_hub_that_comes_to_where_another_one_was_has_its_own_connections() {
    let mut clients = Vec::new();
    for round in 0..50 {
        let hub = Hub::new(patient()).unwrap();
        let listener = Listener::bind(
            &hub,
            ("127.0.0.1", 0),
            ListenerConfig::default(),
            |_: Request, responder: Responder| assert!(responder.allow(&["t"]).unwrap()),
        )
        .unwrap();
        let mut visit = connect(&listener);
        visit.say(GET);
        let mut client = visit.stream(ssecast_engine::Framing::Chunked);
        hub.publish("t", &data(&round.to_string())).unwrap();
        client.read_until(&format!("data: {round}\n"));
        // The stream goes on without any handle of its hub.
        clients.push(client);
    }
}
