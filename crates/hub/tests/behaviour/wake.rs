use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use ssecast_hub::{Close, Subscriber, Subscription, TopicKey};

use crate::rig::{PATIENCE, Rig, quiet};

#[test]
fn a_publication_wakes_a_reader_once_however_many_subscribers_it_has() {
    for subscribers in [1, 10, 1000] {
        let mut rig = Rig::new(quiet());
        let streams: Vec<_> = (0..subscribers).map(|_| rig.subscribe(&["t"])).collect();
        for number in 0..5 {
            rig.publish("t", &number.to_string());
        }
        assert_eq!((rig.wakes(), streams.len()), (1, subscribers));
    }
}

#[test]
fn a_reader_is_woken_again_once_it_has_looked() {
    let mut rig = Rig::new(quiet());
    let _stream = rig.subscribe(&["t", "u"]);
    let mut changed: Vec<TopicKey> = Vec::new();
    for round in 1..=3 {
        ["t", "u", "t"].iter().for_each(|topic| rig.publish(topic, ""));
        assert_eq!(rig.wakes(), round);
        changed.clear();
        assert_eq!(rig.reader.changed(&mut changed), 3 * round as u64);
        assert_eq!(changed.len(), 2, "each topic once");
    }
}

#[test]
fn a_reader_is_not_woken_for_topics_that_none_of_its_subscribers_reads() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t", "u"]);
    stream.subscriber.change_topics(&[], &["u"]).unwrap();
    rig.publish("u", "");
    rig.publish("elsewhere", "");
    assert_eq!(rig.wakes(), 0);
    drop(stream);
    rig.publish("t", "");
    assert_eq!(rig.wakes(), 0);
}

#[test]
fn closing_wakes_every_reader() {
    let rig = Rig::new(quiet());
    rig.hub.close(&Close::default()).unwrap();
    assert_eq!(rig.wakes(), 1);
}

#[test]
fn a_subscriber_may_outlive_its_reader() {
    let rig = Rig::new(quiet());
    let mut reader = rig.hub.reader(Arc::new(|| ()));
    let subscriber = reader.subscribe(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    drop(reader);
    let mut another = rig.hub.reader(Arc::new(|| ()));
    rig.publish("t", "1");
    assert_eq!(rig.hub.stats().connections, 1);
    drop(subscriber);
    another.changed(&mut Vec::new());
    rig.publish("t", "2");
    assert_eq!(rig.hub.stats().connections, 0);
}

#[test]
fn what_a_wake_owns_may_use_the_hub_when_it_goes() {
    let rig = Rig::new(quiet());
    let owned: Arc<Mutex<Vec<Subscriber>>> = Arc::default();
    let wake = { Arc::clone(&owned) };
    let reader = rig.hub.reader(Arc::new(move || drop(wake.lock())));
    let mut other = rig.hub.reader(Arc::new(|| ()));
    let subscriber = other.subscribe(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    owned.lock().unwrap().push(subscriber);
    drop(owned);
    // On a thread of its own: where it may not use the hub, it waits for a lock for ever.
    let (done, waiting) = channel();
    thread::spawn(move || {
        drop(reader);
        done.send(())
    });
    waiting.recv_timeout(PATIENCE).expect("the reader is gone");
    assert_eq!(rig.hub.stats().connections, 0);
}
