//! Streams for tasks: who wakes them, what they get, and how they end.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod rig;

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rig::{PATIENCE, data, quiet};
use ssecast_engine::{
    ByteStream, Close, Config, Cut, ErrorKind, Hub, Reason, SlowClient, Stats, Subscription,
};

/// Waits until it is so. Returns false if it never was.
fn patient(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// How many events there are, each of one line of data.
fn events(stream: &[u8]) -> usize {
    stream.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"data: ")).count()
}

/// A task of this thread's.
#[derive(Default)]
struct Task(Mutex<Vec<ThreadId>>);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

impl Task {
    fn wakes(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

struct Client {
    stream: ByteStream,
    task: Arc<Task>,
    read: Vec<u8>,
}

impl Client {
    fn new(hub: &Hub) -> Self {
        let stream = ByteStream::open(hub, &Subscription { topics: &["t"], ..Subscription::default() });
        Self { stream: stream.unwrap(), task: Arc::default(), read: Vec::new() }
    }

    fn poll(&mut self) -> Poll<Option<Result<Bytes, Cut>>> {
        let waker = Waker::from(Arc::clone(&self.task));
        self.stream.poll_bytes(&mut Context::from_waker(&waker))
    }

    /// Reads what there is. Returns how the stream ended, if it has.
    fn read(&mut self) -> Option<Result<(), Cut>> {
        loop {
            match self.poll() {
                Poll::Ready(Some(Ok(bytes))) => self.read.extend_from_slice(&bytes),
                Poll::Ready(Some(Err(cut))) => return Some(Err(cut)),
                Poll::Ready(None) => return Some(Ok(())),
                Poll::Pending => return None,
            }
        }
    }

    /// Reads until there were so many events.
    fn expect(&mut self, count: usize) {
        assert!(patient(|| self.read().is_none() && events(&self.read) >= count), "{:?}", self.read);
        assert_eq!(events(&self.read), count);
    }

    fn end(&mut self) -> Result<(), Cut> {
        let mut end = None;
        assert!(patient(|| {
            end = self.read();
            end.is_some()
        }));
        end.unwrap()
    }
}

fn publish(hub: &Hub, text: &str) {
    hub.publish("t", &data(text)).unwrap();
}

fn until(hub: &Hub, holds: impl Fn(&Stats) -> bool) {
    assert!(patient(|| holds(&hub.stats())), "{}", hub.stats());
}

#[test]
fn a_publication_wakes_every_task_and_does_so_on_a_thread_of_the_engine() {
    let hub = Hub::new(quiet()).unwrap();
    let mut clients: Vec<_> = (0..600).map(|_| Client::new(&hub)).collect();
    clients.iter_mut().for_each(|client| assert!(client.read().is_none()));
    // The first bytes, with the place in the log.
    clients
        .iter_mut()
        .for_each(|client| assert!(patient(|| client.read().is_none() && !client.read.is_empty())));
    let before: Vec<_> = clients.iter().map(|client| client.task.wakes()).collect();
    publish(&hub, "1");
    for (client, before) in clients.iter_mut().zip(before) {
        assert!(patient(|| client.task.wakes() > before), "it was not woken");
        client.expect(1);
        let wakes = client.task.0.lock().unwrap();
        assert!(wakes.iter().all(|id| *id != thread::current().id()), "the publisher woke a task itself");
    }
}

#[test]
fn a_task_that_does_not_poll_is_given_a_queue_and_no_more_and_then_is_a_slow_client() {
    let slow_client =
        SlowClient { bytes: 1 << 20, time: Duration::from_millis(200), ..SlowClient::default() };
    let hub = Hub::new(Config { slow_client, ..quiet() }).unwrap();
    let (mut reading, mut stalled) = (Client::new(&hub), Client::new(&hub));
    let text = "x".repeat(40 << 10);
    for number in 1..=20 {
        publish(&hub, &text);
        reading.expect(number);
    }
    until(&hub, |stats| stats.disconnects(Reason::Lagged) == 1);
    assert_eq!(stalled.end(), Err(Cut(Reason::Lagged)));
    assert_eq!(stalled.end(), Ok(()), "nothing follows");
    assert!(stalled.read.len() < 4 * text.len(), "what was to be taken before is not kept");
}

#[test]
fn a_task_that_was_full_gets_the_rest_once_it_has_taken_everything() {
    let hub = Hub::new(quiet()).unwrap();
    let mut client = Client::new(&hub);
    client.expect(0);
    let text = "x".repeat(30 << 10);
    (0..20).for_each(|_| publish(&hub, &text));
    // Its connection is paused by now.
    until(&hub, |stats| stats.lagging == 1);
    client.expect(20);
    until(&hub, |stats| stats.lagging == 0);
}

#[test]
fn a_closing_hub_is_over_when_the_tasks_have_taken_everything() {
    let hub = Hub::new(quiet()).unwrap();
    let mut clients = [Client::new(&hub), Client::new(&hub)];
    clients.iter_mut().for_each(|client| client.expect(0));
    publish(&hub, "1");
    hub.close(&Close { event: Some(data("bye")), grace: PATIENCE }).unwrap();
    assert_eq!(clients[0].end(), Ok(()));
    assert!(!hub.wait_closed(Duration::from_millis(20)), "one task has something to take");
    assert_eq!(clients[1].end(), Ok(()));
    assert!(clients.iter().all(|client| events(&client.read) == 2));
    assert!(hub.wait_closed(PATIENCE));
    let mut closed = pin!(hub.closed());
    assert!(closed.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

#[test]
fn what_is_over_by_its_grace_is_cut_for_a_task_that_takes_nothing() {
    let hub = Hub::new(quiet()).unwrap();
    let mut client = Client::new(&hub);
    (0..4).for_each(|_| publish(&hub, &"x".repeat(64 << 10)));
    hub.close(&Close { event: None, grace: Duration::from_millis(10) }).unwrap();
    assert!(hub.wait_closed(PATIENCE));
    assert_eq!(client.end(), Err(Cut(Reason::Shutdown)));
}

#[test]
fn a_stream_that_is_dropped_is_a_connection_less_and_its_handle_does_nothing() {
    let hub = Hub::new(quiet()).unwrap();
    let client = Client::new(&hub);
    let handle = client.stream.handle();
    assert!(handle.change_topics(&["u"], &[]).unwrap() && handle.send(&data("a")).unwrap());
    assert_eq!(hub.stats().connections, 1);
    drop(client);
    assert_eq!((hub.stats().connections, hub.stats().disconnects(Reason::Client)), (0, 1));
    assert!(!handle.send(&data("late")).unwrap() && !handle.finish(Reason::Server));
    handle.end(Reason::Server);
}

#[test]
fn hubs_that_come_and_go_have_streams_of_their_own() {
    for number in 0..50 {
        let hubs = [Hub::new(quiet()).unwrap(), Hub::new(quiet()).unwrap()];
        let mut clients = hubs.each_ref().map(Client::new);
        for (hub, client) in hubs.iter().zip(&mut clients) {
            publish(hub, &number.to_string());
            client.expect(1);
        }
    }
}

#[test]
fn a_finished_client_gets_no_stream() {
    let hub = Hub::new(quiet()).unwrap();
    let finished =
        Subscription { topics: &["t"], last_event_id: Some("ssecast-finished"), ..Subscription::default() };
    assert_eq!(ByteStream::open(&hub, &finished).unwrap_err().kind(), ErrorKind::TopicEnded);
    hub.end_topic("t").unwrap();
    let ended = Subscription { topics: &["t"], ..Subscription::default() };
    assert_eq!(ByteStream::open(&hub, &ended).unwrap_err().kind(), ErrorKind::TopicEnded);
    assert_eq!(hub.stats().connections, 0);
}
