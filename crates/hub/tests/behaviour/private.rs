use ssecast_hub::{ErrorKind, Event, Subscription};

use crate::rig::{Rig, data, keeps, quiet};

#[test]
fn an_event_keeps_the_place_at_which_it_was_encoded() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    let event = rig.hub.private(&data("mine, after 1")).unwrap();
    rig.publish("t", "2");
    assert!(stream.subscriber.queue(event));
    assert_eq!(rig.events(&mut stream), ["1", "mine, after 1", "2"]);
}

#[test]
fn an_event_whose_place_the_client_is_past_comes_at_once() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    let event = rig.hub.private(&data("mine")).unwrap();
    rig.publish("t", "1");
    assert_eq!(rig.events(&mut stream), ["1"]);
    assert!(stream.subscriber.queue(event));
    assert_eq!(rig.events(&mut stream), ["mine"]);
}

#[test]
fn an_event_of_another_hub_waits_for_its_place_and_hangs_nobody() {
    let mut rig = Rig::new(quiet());
    let other = Rig::new(quiet());
    other.publish("t", "elsewhere");
    let event = other.hub.private(&data("mine")).unwrap();
    let mut stream = rig.subscribe(&["t"]);
    assert!(stream.subscriber.queue(event));
    assert_eq!(rig.events(&mut stream), [""; 0]);
    rig.publish("t", "1");
    assert_eq!(rig.events(&mut stream), ["1", "mine"]);
}

#[test]
fn an_invalid_event_is_refused_where_it_is_encoded() {
    let rig = Rig::new(quiet());
    let error = rig.hub.private(&Event { id: Some("a\nb"), ..data("x") }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidId);
    assert_eq!(rig.hub.private(&data("x")).unwrap().len(), "data: x\n\n".len());
}

#[test]
fn a_subscriber_that_moves_to_another_reader_loses_nothing_and_wakes_that_one() {
    let mut rig = Rig::new(keeps(Some(0), None, None));
    let mut first = rig.hub.reader(std::sync::Arc::new(|| ()));
    let mut stream = rig.subscribe(&["t"]);
    stream.subscriber = first.subscribe(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    rig.publish("t", "before");
    rig.settle();
    rig.reader.registrar().adopt(&mut stream.subscriber);
    drop(first);
    rig.publish("t", "after");
    assert_eq!(rig.wakes(), 1);
    assert_eq!(rig.events(&mut stream), ["before", "after"]);
    drop(stream);
    assert_eq!(rig.hub.stats().connections, 0);
    assert_eq!(rig.hub.publish("t", &data("")).unwrap().subscribers, 0);
}

#[test]
fn a_subscriber_of_another_hub_is_not_adopted() {
    let rig = Rig::new(quiet());
    let mut other = Rig::new(quiet());
    let mut stream = other.subscribe(&["t"]);
    rig.reader.registrar().adopt(&mut stream.subscriber);
    other.publish("t", "1");
    assert_eq!(other.wakes(), 1);
    assert_eq!(other.events(&mut stream), ["1"]);
}
