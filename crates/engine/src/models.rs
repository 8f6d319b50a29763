//! Every order in which a host's threads and an engine's thread can meet. `make test-loom` runs this.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};

use loom::thread;
use mio::Events;
use ssecast_hub::{Config, Event, History, Hub, Reader, Reason, Subscriber, Subscription};

use crate::attachment::Attachment;
use crate::connection::ConnectionId;
use crate::connection_state::ConnectionState;
use crate::descriptor::Descriptor;
use crate::framing::Framing;
use crate::host::Host;
use crate::parker::Parker;
use crate::socket_buffer::SocketBuffer;
use crate::socket_options::SocketOptions;
use crate::socket_worker::SocketWorker;
use crate::sync::{Mutex, Waker};
use crate::worker_handle::WorkerHandle;

/// A host that wants to know how its stream ended, and nothing else. What it keeps is no part of the model.
#[derive(Default)]
struct Listener(OnceLock<bool>);

impl Host for Listener {
    fn ended(&self, _: ConnectionId, _: Reason, cut: bool) {
        self.0.set(cut).expect("told once");
    }

    fn drained(&self, _: ConnectionId) {}
}

/// A hub that keeps no event longer than a subscriber needs it.
fn hub() -> Hub {
    let history = History { events: Some(0), bytes: None, age: None };
    Hub::new(Config { history, heartbeat: None, retry: None, ..Config::default() }).unwrap()
}

fn publish(hub: &Hub, topic: &str, text: &str) {
    hub.publish(topic, &Event { data: Some(text), ..Event::default() }).unwrap();
}

fn subscribe(reader: &mut Reader) -> Subscriber {
    reader.subscribe(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap()
}

/// Hands a connection to a thread, as `Socket::attach` does.
fn attach(
    worker_handle: &Arc<WorkerHandle>,
    hub: &Hub,
    subscriber: Subscriber,
) -> (Attachment, Arc<Listener>, UnixStream) {
    let (host, client) = UnixStream::pair().unwrap();
    let listener = Arc::new(Listener::default());
    let told: Arc<dyn Host> = Arc::clone(&listener) as Arc<dyn Host>;
    let state = Arc::new(ConnectionState::new(ConnectionId::NOWHERE, hub.key(), subscriber.private_bytes()));
    let descriptor = Descriptor::duplicate(host.as_fd()).unwrap();
    let options = SocketOptions::set(&descriptor, hub.config());
    let hold = subscriber.hold();
    let buffer = SocketBuffer::new(descriptor, Framing::Raw, false, options, hold, state, told);
    (worker_handle.attach(hub, subscriber, buffer), listener, client)
}

/// An engine's thread, which sleeps whenever it may, until its last connection is over.
fn run(mut socket_worker: SocketWorker) {
    let none = Events::with_capacity(1);
    while !socket_worker.is_over() {
        if socket_worker.may_sleep() {
            socket_worker.queue.parker.waker.0.wait();
        }
        socket_worker.work(&none);
    }
}

fn events(mut client: UnixStream) -> Vec<String> {
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(Into::into).collect()
}

#[test]
fn a_sleeper_is_never_left_asleep() {
    loom::model(|| {
        let parker = Arc::new((Parker::new(Waker(loom::sync::Notify::new())), Mutex::new(0)));
        for _ in 0..2 {
            let parker = Arc::clone(&parker);
            thread::spawn(move || {
                *parker.1.lock().unwrap() += 1;
                parker.0.unpark();
            });
        }
        loop {
            parker.0.begin();
            if *parker.1.lock().unwrap() == 2 {
                break;
            }
            if parker.0.try_park() {
                parker.0.waker.0.wait();
            }
        }
    });
}

#[test]
fn a_connection_handed_over_while_another_thread_publishes_loses_and_doubles_nothing() {
    loom::model(|| {
        let (worker_handle, socket_worker) = WorkerHandle::new().unwrap();
        let hub = hub();
        let mut reader = hub.reader(Arc::new(|| ()));
        let subscriber = subscribe(&mut reader);
        let engine = thread::spawn(move || run(socket_worker));
        let other = hub.clone();
        let publishing = thread::spawn(move || {
            publish(&other, "t", "1");
            publish(&other, "t", "2");
        });
        let (attachment, listener, client) = attach(&worker_handle, &hub, subscriber);
        publishing.join().unwrap();
        attachment.detach(Reason::Server);
        publish(&hub, "t", "too late");
        drop((attachment, worker_handle));
        engine.join().unwrap();
        assert_eq!(listener.0.get(), Some(&false), "ended, and not cut");
        assert_eq!(events(client), ["1", "2"]);
    });
}

#[test]
fn orders_and_publications_of_one_thread_are_carried_out_in_its_order() {
    loom::model(|| {
        let (worker_handle, socket_worker) = WorkerHandle::new().unwrap();
        let hub = hub();
        let mut reader = hub.reader(Arc::new(|| ()));
        let subscriber = subscribe(&mut reader);
        let (attachment, _listener, client) = attach(&worker_handle, &hub, subscriber);
        let engine = thread::spawn(move || run(socket_worker));
        publish(&hub, "u", "too early");
        assert!(attachment.change_topics(&["u"], &["t"]).unwrap());
        publish(&hub, "t", "no longer wanted");
        publish(&hub, "u", "1");
        assert!(attachment.send(&Event { data: Some("2"), ..Event::default() }).unwrap());
        attachment.detach(Reason::Server);
        drop((attachment, worker_handle));
        engine.join().unwrap();
        assert_eq!(events(client), ["1", "2"]);
    });
}

#[test]
fn a_connection_that_comes_while_the_last_one_goes_finds_its_hub() {
    loom::model(|| {
        let (worker_handle, socket_worker) = WorkerHandle::new().unwrap();
        let hub = hub();
        let mut reader = hub.reader(Arc::new(|| ()));
        let (first, second) = (subscribe(&mut reader), subscribe(&mut reader));
        let (attachment, _listener, _client) = attach(&worker_handle, &hub, first);
        let engine = thread::spawn(move || run(socket_worker));
        attachment.detach(Reason::Server);
        let (next, listener, client) = attach(&worker_handle, &hub, second);
        // A late word about the first, which may be gone.
        attachment.abandon(Reason::Client);
        publish(&hub, "t", "1");
        next.detach(Reason::Server);
        drop((attachment, next, worker_handle));
        engine.join().unwrap();
        assert_eq!(listener.0.get(), Some(&false), "ended, and not cut");
        assert_eq!(events(client), ["1"]);
        drop(reader);
        assert_eq!(hub.stats().connections, 0);
    });
}

#[test]
fn the_farewell_comes_after_what_was_sent_before() {
    loom::model(|| {
        let (worker_handle, socket_worker) = WorkerHandle::new().unwrap();
        let hub = hub();
        let mut reader = hub.reader(Arc::new(|| ()));
        let subscriber = subscribe(&mut reader);
        let (attachment, listener, client) = attach(&worker_handle, &hub, subscriber);
        let engine = thread::spawn(move || run(socket_worker));
        assert!(attachment.send(&Event { data: Some("1"), ..Event::default() }).unwrap());
        let bye = Event { data: Some("bye"), ..Event::default() };
        hub.close(&ssecast_hub::Close { event: Some(bye), ..Default::default() }).unwrap();
        drop((attachment, worker_handle));
        engine.join().unwrap();
        assert_eq!(listener.0.get(), Some(&false), "ended, and not cut");
        assert_eq!(events(client), ["1", "bye"]);
    });
}
