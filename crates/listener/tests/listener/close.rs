use std::net::TcpStream;
use std::sync::{Arc, Mutex, OnceLock, mpsc};

use ssecast_engine::{Close, ErrorKind, Event, Hub, Reason};
use ssecast_listener::{Listener, ListenerConfig, Request, Responder};

use crate::endpoint::{Endpoint, GET, Visit, connect};
use crate::rig::{PATIENCE, eventually, quiet, refusal};

#[test]
fn a_listener_that_is_closed_takes_nobody_and_its_streams_go_on() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    let mut client = endpoint.stream();
    let Endpoint { hub, listener, told } = endpoint;
    let address = listener.address();
    drop(listener);
    assert!(TcpStream::connect(address).is_err());
    // The address is free again at once.
    let next =
        Listener::bind(&hub, address, ListenerConfig::default(), |_: Request, _: Responder| {}).unwrap();
    assert_eq!(next.address(), address);
    hub.publish("t", &crate::rig::data("1")).unwrap();
    assert_eq!(client.read_events(1), ["1"]);
    hub.close(&Close { event: Some(Event { data: Some("bye"), ..Event::default() }), ..Close::default() })
        .unwrap();
    client.read_to_end();
    assert_eq!(client.events(), ["1", "bye"]);
    assert!(client.body().complete);
    eventually("the router is told", || told.ended.lock().unwrap().len() == 1);
    assert_eq!(told.ended.lock().unwrap()[0].1, Reason::Shutdown);
}

#[test]
fn who_waits_when_the_listener_closes_is_told() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let config = ListenerConfig { answer_time: PATIENCE * 10, ..ListenerConfig::default() };
    let endpoint = Endpoint::new(quiet(), config, move |_, responder: Responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    let mut silent = endpoint.visit();
    let mut half = endpoint.visit();
    half.say("GET / HTTP/1.1\r\n");
    let mut waiting = endpoint.visit();
    waiting.say(GET);
    let responder = receiver.recv().unwrap();
    endpoint.listener.close();
    assert_eq!(half.answer().status, 503);
    let answer = waiting.answer();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(silent.end().is_empty());
    assert!(!responder.allow(&["t"]).unwrap());
    endpoint.listener.close();
    drop(endpoint.listener);
    assert!(!responder.refuse(404).unwrap());
}

#[test]
fn a_hub_that_is_closed_refuses_streams() {
    let endpoint = Endpoint::open(ListenerConfig::default());
    endpoint.hub.close(&Close::default()).unwrap();
    let answer = endpoint.ask(GET);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    let again = Listener::bind(
        &endpoint.hub,
        "127.0.0.1:0",
        ListenerConfig::default(),
        |_: Request, _: Responder| {},
    );
    assert_eq!(refusal(again), ErrorKind::Closed);
}

#[test]
fn a_hub_that_closes_while_a_request_waits_refuses_it() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let endpoint = Endpoint::new(quiet(), ListenerConfig::default(), move |_, responder: Responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    let mut visit = endpoint.visit();
    visit.say(GET);
    let responder = receiver.recv().unwrap();
    endpoint.hub.close(&Close::default()).unwrap();
    assert!(!responder.allow(&["t"]).unwrap());
    assert_eq!(visit.answer().status, 503);
    assert!(endpoint.told.ended.lock().unwrap().is_empty());
}

#[test]
fn a_router_may_drop_its_own_listener() {
    let place: Arc<OnceLock<Mutex<Option<Listener>>>> = Arc::default();
    let hub = Hub::new(quiet()).unwrap();
    let (done, is_done) = mpsc::channel();
    let own = Arc::clone(&place);
    let done = Mutex::new(done);
    let router = move |_: Request, responder: Responder| {
        drop(own.get().unwrap().lock().unwrap().take());
        responder.refuse(404).unwrap();
        done.lock().unwrap().send(()).unwrap();
    };
    let listener = Listener::bind(&hub, "127.0.0.1:0", ListenerConfig::default(), router).unwrap();
    let mut visit: Visit = connect(&listener);
    place.set(Mutex::new(Some(listener))).unwrap();
    visit.say(GET);
    is_done.recv_timeout(PATIENCE).unwrap();
    assert_eq!(visit.answer().status, 404);
}

#[test]
fn listeners_that_come_and_go_under_load_leave_nothing_behind() {
    for _ in 0..30 {
        let endpoint = Endpoint::open(ListenerConfig::default());
        let address = endpoint.listener.address();
        let callers = std::thread::spawn(move || {
            for _ in 0..50 {
                let Ok(socket) = TcpStream::connect(address) else { break };
                let mut visit = Visit(socket);
                let _ = std::io::Write::write_all(&mut visit.0, GET.as_bytes());
            }
        });
        let Endpoint { hub, listener, told } = endpoint;
        drop(listener);
        callers.join().unwrap();
        eventually("no connection is left", || hub.stats().connections == 0);
        eventually("all is told", || {
            let (opened, ended) = (told.opened.lock().unwrap().len(), told.ended.lock().unwrap().len());
            opened <= ended && ended <= told.routed.lock().unwrap().len()
        });
    }
}
