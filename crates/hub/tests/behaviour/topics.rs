use std::time::Duration;

use ssecast_hub::Config;

use crate::rig::{Rig, data, quiet};

#[test]
fn one_subscriber_sees_its_topics_alone_each_event_once() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["a", "b", "a"]);
    for topic in ["a", "b", "c", "a"] {
        rig.publish(topic, topic);
    }
    assert_eq!(rig.events(&mut stream), ["a", "b", "a"]);
    assert_eq!(stream.subscriber.topic_names().len(), 2);
    assert_eq!(rig.hub.publish("a", &data("")).unwrap().subscribers, 1);
}

#[test]
fn an_added_topic_begins_at_the_head() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["a"]);
    rig.publish("b", "before");
    rig.publish("a", "a");
    rig.publish("b", "before");
    stream.subscriber.change_topics(&["b"], &[]).unwrap();
    rig.publish("b", "after");
    assert_eq!(rig.events(&mut stream), ["a", "after"]);
}

#[test]
fn a_removed_topic_is_not_read_any_more() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["a", "b"]);
    rig.publish("b", "unread");
    stream.subscriber.change_topics(&[], &["b", "never heard of"]).unwrap();
    rig.publish("a", "a");
    assert_eq!(rig.events(&mut stream), ["a"]);
    assert_eq!(rig.hub.publish("b", &data("")).unwrap().subscribers, 0);
}

#[test]
fn a_topic_that_left_and_came_back_begins_anew() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["a"]);
    rig.publish("a", "a");
    stream.subscriber.change_topics(&["b"], &[]).unwrap();
    rig.publish("b", "unread");
    stream.subscriber.change_topics(&[], &["b"]).unwrap();
    rig.publish("b", "not for it");
    stream.subscriber.change_topics(&["b"], &[]).unwrap();
    rig.publish("b", "b");
    assert_eq!(rig.events(&mut stream), ["a", "b"]);
}

#[test]
fn a_private_stream_that_gets_a_topic_is_told_its_cursor() {
    let mut rig = Rig::new(Config { retry: Some(Duration::from_secs(1)), ..quiet() });
    let mut stream = rig.subscribe(&[]);
    assert_eq!(rig.read(&mut stream), ["retry 1000"]);
    rig.publish("t", "before");
    stream.subscriber.send(&data("mine")).unwrap();
    stream.subscriber.change_topics(&["t"], &[]).unwrap();
    assert_eq!(rig.read(&mut stream), ["retry 1000", "#1", "mine"]);
    rig.publish("t", "after");
    assert_eq!(rig.read(&mut stream), ["after"]);
}

#[test]
fn a_stream_that_lost_its_last_topic_still_gets_what_was_sent_to_it() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "unread");
    stream.subscriber.send(&data("mine")).unwrap();
    stream.subscriber.change_topics(&[], &["t"]).unwrap();
    rig.publish("t", "not for it");
    stream.subscriber.send(&data("mine too")).unwrap();
    assert_eq!(rig.events(&mut stream), ["mine", "mine too"]);
}

#[test]
fn a_place_of_a_removed_topic_serves_the_next_one() {
    let mut rig = Rig::new(quiet());
    let first = rig.subscribe(&["a"]);
    let key = first.subscriber.topics()[0];
    drop(first);
    let mut second = rig.subscribe(&["b"]);
    assert_eq!(second.subscriber.topics(), [key]);
    rig.publish("a", "a");
    rig.publish("b", "b");
    assert_eq!(rig.events(&mut second), ["b"]);
}

#[test]
fn a_reader_of_another_hub_moves_a_subscriber_just_as_well() {
    let mut rig = Rig::new(quiet());
    let mut other = Rig::new(quiet());
    for topic in ["x", "y", "t"] {
        other.publish(topic, topic);
    }
    let mut theirs = other.resume(&["y"], &other.id(0));
    let mut ours = rig.resume(&["t"], &rig.id(0));
    rig.publish("t", "ours");
    assert_eq!(rig.events(&mut ours), ["ours"]);
    assert_eq!(theirs.subscriber.topic_names()[0].as_ref(), "y");
    theirs.subscriber.change_topics(&["x"], &[]).unwrap();
    theirs.subscriber.send(&data("mine")).unwrap();
    assert_eq!(theirs.subscriber.check_lag().map(|bytes| bytes > 0), Ok(true));
    assert_eq!(rig.events(&mut theirs), ["y", "mine"]);
    drop(theirs);
    assert_eq!((rig.hub.stats().connections, other.hub.stats().connections), (1, 0));
}
