use std::time::Duration;

use ssecast_hub::{Config, ErrorKind, History, Hub, SlowClient};

use crate::rig::{Rig, data, keeps, quiet, reset};

#[test]
fn one_connection_too_many_is_refused_and_none_is_evicted() {
    let mut rig = Rig::new(Config { max_connections: 2, ..quiet() });
    let mut first = rig.subscribe(&["t"]);
    let second = rig.subscribe(&["t"]);
    let error = rig.try_subscribe(&["other"], None).err().unwrap();
    assert_eq!((error.kind(), error.field()), (ErrorKind::TooManyConnections, "connection"));
    assert_eq!((rig.hub.stats().connections, rig.hub.stats().topics), (2, 1));
    drop(second);
    let _third = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    assert_eq!(rig.events(&mut first), ["1"]);
}

#[test]
fn one_topic_too_many_is_refused_for_publishers_and_subscribers() {
    let mut rig = Rig::new(Config { max_topics: 2, ..quiet() });
    rig.publish("a", "1");
    let _live = rig.subscribe(&["b"]);
    let error = rig.hub.publish("c", &data("2")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::TooManyTopics, "topic"));
    let error = rig.try_subscribe(&["b", "c"], None).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::TooManyTopics);
    assert_eq!((rig.hub.stats().connections, rig.hub.stats().published), (1, 1));
}

#[test]
fn a_refused_subscription_leaves_nothing_behind() {
    let mut rig = Rig::new(Config { max_topics: 2, ..quiet() });
    for _ in 0..3 {
        rig.try_subscribe(&["a", "b", "c"], None).err().unwrap();
        rig.try_subscribe(&["a", ""], None).err().unwrap();
    }
    assert_eq!((rig.hub.stats().connections, rig.hub.stats().topics), (0, 0));
    assert_eq!(rig.hub.publish("a", &data("")).unwrap().subscribers, 0);
}

#[test]
fn a_topic_that_nobody_ever_published_to_is_gone_with_its_last_subscriber() {
    let mut rig = Rig::new(Config { max_topics: 1, ..quiet() });
    for topic in ["a", "b", "c"] {
        rig.subscribe(&[topic]);
    }
    assert_eq!(rig.hub.stats().topics, 0);
}

#[test]
fn a_topic_without_subscribers_and_history_makes_room_and_its_loss_is_told() {
    let mut rig = Rig::new(Config { max_topics: 1, ..keeps(None, None, Some(100)) });
    rig.publish("a", "1");
    rig.publish("a", "2");
    rig.advance(101);
    rig.publish("b", "3");
    assert_eq!(rig.hub.stats().topics, 1);
    rig.advance(101);
    assert_eq!(rig.replay(&["a"], &rig.id(1)), [reset("expired", None)], "it came back, and 2 is forgotten");
    assert_eq!(
        rig.replay(&["a"], &rig.id(3)),
        [""; 0],
        "a client that is past all that was forgotten lost nothing"
    );
}

#[test]
fn a_topic_with_subscribers_or_history_is_never_removed() {
    let mut rig = Rig::new(Config { max_topics: 2, ..keeps(None, None, Some(100)) });
    let mut live = rig.subscribe(&["live"]);
    rig.publish("live", "1");
    rig.advance(101);
    rig.publish("kept", "2");
    rig.hub.publish("third", &data("")).unwrap_err();
    rig.advance(1101);
    rig.publish("third", "3");
    rig.publish("live", "4");
    assert_eq!(rig.events(&mut live), ["1", "4"]);
}

#[test]
fn a_change_of_topics_that_is_refused_changes_nothing() {
    let mut rig = Rig::new(Config { max_topics: 2, ..quiet() });
    let mut stream = rig.subscribe(&["a"]);
    let error = stream.subscriber.change_topics(&["b", "c"], &["a"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyTopics);
    rig.publish("a", "1");
    assert_eq!(rig.events(&mut stream), ["1"]);
    drop(stream);
    assert_eq!(rig.hub.publish("a", &data("")).unwrap().subscribers, 0);
}

#[test]
fn an_event_over_the_limit_of_bytes_is_refused_with_both_numbers() {
    let mut rig = Rig::new(Config { max_event_bytes: 100, ..quiet() });
    let mut stream = rig.subscribe(&["t"]);
    let (fits, not) = ("x".repeat(92), "x".repeat(93));
    rig.publish("t", &fits);
    let error = rig.hub.publish("t", &data(&not)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::EventTooLarge, "event"));
    assert_eq!(error.problem(), "has 101 bytes when encoded; max_event_bytes allows 100");
    assert_eq!(stream.subscriber.send(&data(&not)).unwrap_err().kind(), ErrorKind::EventTooLarge);
    assert_eq!(rig.events(&mut stream), [fits]);
}

#[test]
fn the_limit_of_event_bytes_does_not_concern_what_the_hub_says_itself() {
    let retry = Some(Duration::from_secs(1));
    let mut rig = Rig::new(Config { max_event_bytes: 1, retry, ..quiet() });
    let mut stream = rig.resume(&["t"], "what");
    assert_eq!(rig.read(&mut stream), ["retry 1000".to_owned(), reset("unknown", None)]);
}

#[test]
fn a_topics_name_has_1_to_256_bytes() {
    let rig = Rig::new(quiet());
    for name in ["", &"x".repeat(257)] {
        let error = rig.hub.publish(name, &data("")).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidTopic, "topic"));
    }
    rig.publish(&"x".repeat(256), "");
    rig.publish("any \n text \0", "");
}

#[test]
fn an_option_out_of_its_range_is_named() {
    let slow = SlowClient::default();
    let nothing = History { events: None, bytes: None, age: None };
    let zero = Duration::ZERO;
    for (config, option) in [
        (Config { history: nothing, ..Config::default() }, "history"),
        (Config { history: History { age: Some(zero), ..nothing }, ..Config::default() }, "history.age"),
        (Config { heartbeat: Some(Duration::from_micros(999)), ..Config::default() }, "heartbeat"),
        (Config { slow_client: SlowClient { bytes: 0, ..slow }, ..Config::default() }, "slow_client.bytes"),
        (Config { slow_client: SlowClient { time: zero, ..slow }, ..Config::default() }, "slow_client.time"),
        (Config { reset_event: Some(String::new()), ..Config::default() }, "reset_event"),
        (Config { reset_event: Some("a\nb".into()), ..Config::default() }, "reset_event"),
        (Config { max_connections: 0, ..Config::default() }, "max_connections"),
        (Config { max_topics: 0, ..Config::default() }, "max_topics"),
        (Config { max_event_bytes: 0, ..Config::default() }, "max_event_bytes"),
    ] {
        let error = Hub::new(config).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidOption, option));
    }
}

#[test]
fn the_largest_values_of_every_option_work() {
    let most = Duration::MAX;
    let mut rig = Rig::new(Config {
        history: History { events: Some(usize::MAX), bytes: Some(usize::MAX), age: Some(most) },
        slow_client: SlowClient { bytes: usize::MAX, time: most, ..SlowClient::default() },
        heartbeat: Some(most),
        retry: Some(most),
        max_connections: usize::MAX,
        max_topics: usize::MAX,
        max_event_bytes: usize::MAX,
        ..Config::default()
    });
    rig.advance(5);
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    stream.subscriber.check_lag().unwrap();
    rig.hub.close(&ssecast_hub::Close { grace: most, ..ssecast_hub::Close::default() }).unwrap();
    let retry = format!("retry {}", u64::MAX);
    assert_eq!(rig.events(&mut stream), [&retry, "1", &retry]);
}

#[test]
fn topics_that_only_subscriptions_made_leave_room_for_those_that_are_published_to() {
    let mut rig = Rig::new(Config { max_topics: 100, ..quiet() });
    let names: Vec<String> = (0..75).map(|number| format!("stranger {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let strangers = rig.subscribe(&names);
    let error = rig.try_subscribe(&["one more"], None).err().map(|error| error.kind());
    assert_eq!(error, Some(ErrorKind::TooManyTopics));
    (0..25).for_each(|number| rig.publish(&format!("own {number}"), ""));
    drop(rig.subscribe(&["own 7", "stranger 7"]));
    drop(strangers);
    drop(rig.subscribe(&["one more"]));
    assert_eq!(rig.hub.stats().topics, 25);
}
