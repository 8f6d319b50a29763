//! Every order in which the threads of a hub can meet. `make test-loom` runs this, with `--cfg loom`.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::Arc;

use loom::sync::{Mutex, Notify};
use loom::thread;
use ssecast_codec::{Item, Parser};
use ssecast_hub::{Close, Config, Event, History, Hub, Next, Reader, Subscriber, Subscription};

fn hub(history: usize) -> Hub {
    let history = History { events: Some(history), bytes: None, age: None };
    Hub::new(Config { history, heartbeat: None, retry: None, ..Config::default() }).unwrap()
}

fn data(text: &str) -> Event<'_> {
    Event { data: Some(text), ..Event::default() }
}

fn publish(hub: &Hub, topic: &str, text: &str) -> String {
    hub.publish(topic, &data(text)).unwrap().id
}

/// A reader that is woken by what a model can follow.
fn reader(hub: &Hub) -> (Reader, Arc<Notify>) {
    let bell = Arc::new(Notify::new());
    let rung = Arc::clone(&bell);
    (hub.reader(Arc::new(move || rung.notify())), bell)
}

fn subscribe(reader: &mut Reader, topics: &[&str], id: Option<&str>) -> Subscriber {
    reader.subscribe(&Subscription { topics, last_event_id: id, ..Subscription::default() }).unwrap()
}

/// What there is for a subscriber in this round. Returns whether its stream is over.
fn read(reader: &mut Reader, subscriber: &mut Subscriber, seen: &mut Vec<String>) -> bool {
    loop {
        match reader.next_in_round(subscriber) {
            Next::Batch(batch) => {
                let see = |item: Item<'_>| {
                    if let Item::Event(message) = item {
                        seen.push(format!("{}:{}", message.event, message.data));
                    }
                };
                Parser::new().feed(&batch.bytes(), see).unwrap();
            }
            Next::Idle => return false,
            Next::End(_) => return true,
        }
    }
}

/// Delivers as an engine does, asleep between its rounds, until so many events have come or the stream is over.
fn deliver(mut reader: Reader, bell: &Notify, mut subscriber: Subscriber, count: usize) -> Vec<String> {
    let (mut seen, mut first) = (Vec::new(), true);
    loop {
        let mut changed = Vec::new();
        let head = reader.changed(&mut changed);
        let concerned = subscriber.topics().iter().any(|topic| changed.contains(topic));
        // One that is not concerned is past the head without a look.
        if (first || concerned || reader.closing_in_round().is_some())
            && read(&mut reader, &mut subscriber, &mut seen)
        {
            return seen;
        }
        first = false;
        reader.note_progress(head, 0, 0);
        if seen.len() >= count {
            return seen;
        }
        bell.wait();
    }
}

#[test]
fn no_wake_up_is_lost_and_frames_stay_until_they_are_read() {
    loom::model(|| {
        let hub = hub(0);
        let (mut reader, bell) = reader(&hub);
        let subscriber = subscribe(&mut reader, &["t"], None);
        let other = hub.clone();
        let publishing = thread::spawn(move || publish(&other, "t", "a"));
        let delivering = thread::spawn(move || deliver(reader, &bell, subscriber, 2));
        publish(&hub, "t", "b");
        publishing.join().unwrap();
        let mut seen = delivering.join().unwrap();
        seen.sort();
        assert_eq!(seen, ["message:a", "message:b"]);
    });
}

#[test]
fn between_the_replay_and_what_comes_live_nothing_is_lost_or_doubled() {
    loom::model(|| {
        let hub = hub(10);
        let id = publish(&hub, "t", "0");
        let other = hub.clone();
        let publishing = thread::spawn(move || {
            publish(&other, "t", "1");
            publish(&other, "t", "2");
        });
        let (mut reader, bell) = reader(&hub);
        let subscriber = subscribe(&mut reader, &["t"], Some(&id));
        let seen = deliver(reader, &bell, subscriber, 2);
        publishing.join().unwrap();
        assert_eq!(seen, ["message:1", "message:2"]);
    });
}

#[test]
fn a_subscriber_that_changes_its_reader_loses_and_doubles_nothing() {
    loom::model(|| {
        let hub = hub(0);
        let (mut from, _bell) = reader(&hub);
        let (to, bell) = reader(&hub);
        let registrar = to.registrar();
        let mut subscriber = subscribe(&mut from, &["t"], None);
        let inbox = Arc::new(Mutex::new(None));
        let (other, hatch) = (hub.clone(), Arc::clone(&inbox));
        let publishing = thread::spawn(move || {
            publish(&other, "t", "1");
            publish(&other, "t", "2");
        });
        // As an engine's thread does: it notes its progress only when no subscriber is on the way to it.
        let delivering = thread::spawn(move || {
            let mut to = to;
            let subscriber = loop {
                let mut waiting = hatch.lock().unwrap();
                if let Some(subscriber) = waiting.take() {
                    break subscriber;
                }
                let head = to.changed(&mut Vec::new());
                to.note_progress(head, 0, 0);
                drop(waiting);
                bell.wait();
            };
            deliver(to, &bell, subscriber, 3)
        });
        let mut waiting = inbox.lock().unwrap();
        registrar.adopt(&mut subscriber);
        *waiting = Some(subscriber);
        drop(waiting);
        // This wakes the thread, which is the subscriber's by now.
        publish(&hub, "t", "3");
        publishing.join().unwrap();
        let seen = delivering.join().unwrap();
        let others: Vec<&String> = seen.iter().filter(|text| !text.ends_with('3')).collect();
        assert_eq!(others, ["message:1", "message:2"], "{seen:?}");
    });
}

#[test]
fn the_farewell_comes_after_all_that_was_published_and_ends_the_stream() {
    loom::model(|| {
        let hub = hub(0);
        let (mut reader, bell) = reader(&hub);
        let subscriber = subscribe(&mut reader, &["t"], None);
        let delivering = thread::spawn(move || deliver(reader, &bell, subscriber, usize::MAX));
        publish(&hub, "t", "1");
        hub.close(&Close { event: Some(data("bye")), ..Close::default() }).unwrap();
        assert_eq!(delivering.join().unwrap(), ["message:1", "message:bye"]);
        assert!(hub.publish("t", &data("2")).is_err());
        assert_eq!(hub.stats().connections, 0);
    });
}

#[test]
fn a_topic_that_another_thread_adds_counts_from_then_on() {
    loom::model(|| {
        let hub = hub(0);
        let (mut reader, bell) = reader(&hub);
        let mut subscriber = subscribe(&mut reader, &[], None);
        let registrar = reader.registrar();
        let inbox = Arc::new(Mutex::new(None));
        let hatch = Arc::clone(&inbox);
        let delivering = thread::spawn(move || {
            let mut seen = Vec::new();
            while seen.is_empty() {
                // Under one lock, as an engine's thread looks at its orders and at the log.
                let mut waiting = hatch.lock().unwrap();
                let change = waiting.take();
                let head = reader.changed(&mut Vec::new());
                drop(waiting);
                if let Some(change) = change {
                    subscriber.apply(change);
                }
                read(&mut reader, &mut subscriber, &mut seen);
                let waiting = hatch.lock().unwrap();
                let on_the_way = waiting.as_ref().map_or(head, ssecast_hub::TopicChange::cursor);
                reader.note_progress(head.min(on_the_way), 0, 0);
                drop(waiting);
                if seen.is_empty() {
                    bell.wait();
                }
            }
            seen
        });
        publish(&hub, "t", "too early");
        let mut waiting = inbox.lock().unwrap();
        *waiting = Some(registrar.change_topics(&["t"], &[]).unwrap());
        drop(waiting);
        publish(&hub, "t", "1");
        assert_eq!(delivering.join().unwrap(), ["message:1"]);
    });
}
