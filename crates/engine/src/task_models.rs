//! Every order in which tasks and the thread that serves them can meet. `make test-loom` runs this.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::Notify;
use loom::thread::{self, JoinHandle};
use ssecast_hub::{Config, Event, History, Hub, Subscription};

use crate::byte_stream::ByteStream;
use crate::task_connections::{TaskConnections, run};

/// A task that sleeps until it is woken.
struct Task(Notify);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// A hub that keeps no event longer than a subscriber needs it.
fn hub() -> Hub {
    let history = History { events: Some(0), bytes: None, age: None };
    Hub::new(Config { history, heartbeat: None, retry: None, ..Config::default() }).unwrap()
}

fn publish(hub: &Hub, text: &str) {
    hub.publish("t", &Event { data: Some(text), ..Event::default() }).unwrap();
}

/// A stream, and the thread that serves it.
fn open(hub: &Hub) -> (ByteStream, JoinHandle<()>) {
    let (connections, signal) = TaskConnections::new(hub);
    let target = Arc::downgrade(&connections);
    let serving = thread::spawn(move || run(&target, &signal));
    let subscription = Subscription { topics: &["t"], ..Subscription::default() };
    (ByteStream::open_in(connections, &subscription).unwrap(), serving)
}

/// Reads a stream to its end, asleep whenever it has nothing.
fn read(stream: &mut ByteStream) -> Vec<String> {
    let task = Arc::new(Task(Notify::new()));
    let waker = Waker::from(Arc::clone(&task));
    let mut read = Vec::new();
    loop {
        match stream.poll_bytes(&mut Context::from_waker(&waker)) {
            Poll::Ready(Some(bytes)) => read.extend_from_slice(&bytes.unwrap()),
            Poll::Ready(None) => break,
            Poll::Pending => task.0.wait(),
        }
    }
    let text = String::from_utf8(read).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(Into::into).collect()
}

/// With two preemptions: a third takes a minute, and finds nothing else.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(run);
}

#[test]
fn a_task_that_finds_nothing_is_woken_for_what_comes_and_for_the_end() {
    model(|| {
        let hub = hub();
        let (mut stream, serving) = open(&hub);
        let other = hub.clone();
        let publishing = thread::spawn(move || {
            publish(&other, "1");
            // From here on each batch pauses the connection until the task has taken it.
            other.close(&ssecast_hub::Close::default()).unwrap();
        });
        assert_eq!(read(&mut stream), ["1"]);
        publishing.join().unwrap();
        drop(stream);
        serving.join().unwrap();
    });
}

#[test]
fn a_stream_that_is_dropped_while_it_is_served_leaves_nothing() {
    model(|| {
        let hub = hub();
        let (mut stream, serving) = open(&hub);
        let task = Arc::new(Task(Notify::new()));
        let _ = stream.poll_bytes(&mut Context::from_waker(&Waker::from(task)));
        publish(&hub, "1");
        drop(stream);
        serving.join().unwrap();
        assert_eq!(hub.stats().connections, 0);
    });
}
