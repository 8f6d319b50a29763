use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use ssecast_hub::{Close, ErrorKind, UnreadWatch};

use crate::rig::{PATIENCE, Rig, quiet};

/// A producer that stops when its topic is not read any more.
fn produce(rig: &Rig, topic: &str) -> (UnreadWatch, Receiver<()>) {
    let (stop, stopped) = channel();
    let done = move || stop.send(()).unwrap_or_default();
    (rig.hub.when_unread(topic, Duration::ZERO, done).expect("an open hub"), stopped)
}

#[test]
fn a_producer_is_told_when_its_topic_has_lost_its_last_reader() {
    let mut rig = Rig::new(quiet());
    let (_watch, stopped) = produce(&rig, "t");
    let (_other, goes_on) = produce(&rig, "u");
    let streams = [rig.subscribe(&["t"]), rig.subscribe(&["t", "u"])];
    let [first, mut second] = streams;
    drop(first);
    assert_eq!(stopped.recv_timeout(Duration::from_millis(20)), Err(RecvTimeoutError::Timeout));
    second.subscriber.change_topics(&[], &["t"]).unwrap();
    assert_eq!(stopped.recv_timeout(PATIENCE), Ok(()));
    assert!(goes_on.try_recv().is_err());
    drop(second);
    assert_eq!(goes_on.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn a_watch_that_is_dropped_tells_nothing_and_frees_what_the_producer_gave() {
    let mut rig = Rig::new(quiet());
    let (watch, stopped) = produce(&rig, "t");
    let (_other, told) = produce(&rig, "t");
    let stream = rig.subscribe(&["t"]);
    drop(watch);
    assert_eq!(stopped.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    drop(stream);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn a_producer_may_use_the_hub_when_it_is_told() {
    let mut rig = Rig::new(quiet());
    let (stop, stopped) = channel();
    let hub = rig.hub.clone();
    let watch = rig.hub.when_unread("t", Duration::ZERO, move || {
        let published = hub.publish("t", &crate::rig::data("stopped")).unwrap();
        stop.send(published.subscribers).unwrap();
    });
    let _watch = watch.unwrap();
    drop(rig.subscribe(&["t"]));
    assert_eq!(stopped.recv_timeout(PATIENCE), Ok(0));
    // One that panics takes nothing with it.
    let _panics = rig.hub.when_unread("t", Duration::ZERO, || panic!("a producer's fault")).unwrap();
    drop(rig.subscribe(&["t"]));
    let (_watch, stopped) = produce(&rig, "t");
    drop(rig.subscribe(&["t"]));
    assert_eq!(stopped.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn a_hub_that_closes_or_goes_ends_what_producers_wait_for() {
    let mut rig = Rig::new(quiet());
    let (_watch, stopped) = produce(&rig, "t");
    let stream = rig.subscribe(&["t"]);
    rig.hub.close(&Close::default()).unwrap();
    drop(stream);
    assert_eq!(stopped.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    let refused = rig.hub.when_unread("t", Duration::ZERO, || ()).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    let rig = Rig::new(quiet());
    let (_watch, stopped) = produce(&rig, "t");
    drop(rig);
    assert_eq!(stopped.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_topic_that_ends_has_no_producer_to_stop_any_more() {
    let mut rig = Rig::new(quiet());
    let (_watch, stopped) = produce(&rig, "t");
    let (_other, goes_on) = produce(&rig, "u");
    let stream = rig.subscribe(&["t", "u"]);
    rig.hub.end_topic("t").unwrap();
    assert_eq!(stopped.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    let (_late, stopped) = produce(&rig, "t");
    assert_eq!(stopped.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    drop(stream);
    assert_eq!(goes_on.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn the_name_of_the_notices_is_no_topic() {
    let mut rig = Rig::new(quiet());
    let name = "ssecast-notices";
    let kinds = [
        rig.hub.publish(name, &crate::rig::data("x")).unwrap_err().kind(),
        rig.try_subscribe(&[name], None).map(|_| ()).unwrap_err().kind(),
        rig.hub.when_unread(name, Duration::ZERO, || ()).map(|_| ()).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::InvalidTopic; 3]);
}
