use ssecast_hub::{Config, ErrorKind, Event};

use crate::rig::{Rig, data, keeps, quiet, reset};

#[test]
fn an_event_has_the_hubs_id_which_counts_through_all_topics() {
    let rig = Rig::new(quiet());
    assert_eq!(rig.hub.publish("a", &data("1")).unwrap().id, rig.id(1));
    assert_eq!(rig.hub.publish("b", &data("2")).unwrap().id, rig.id(2));
}

#[test]
fn ids_of_publishers_are_found_by_index_and_not_compared() {
    let mut rig = Rig::new(quiet());
    for id in ["9", "10", "b", "a"] {
        assert_eq!(rig.publish_as(id, "t", id).unwrap().id, id);
    }
    assert_eq!(rig.replay(&["t"], "9"), ["10", "b", "a"]);
    assert_eq!(rig.replay(&["t"], "10"), ["b", "a"]);
    assert_eq!(rig.replay(&["t"], "b"), ["a"]);
    assert_eq!(rig.replay(&["t"], "a"), [""; 0]);
}

#[test]
fn both_kinds_of_ids_mix_in_one_stream() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "1");
    rig.publish_as("two", "t", "2").unwrap();
    rig.publish("t", "3");
    let mut stream = rig.resume(&["t"], &rig.id(1));
    assert_eq!(rig.events(&mut stream), ["2", "3"]);
    assert_eq!(rig.last_id(&stream), "3");
    assert_eq!(rig.replay(&["t"], "two"), ["3"]);
}

#[test]
fn a_publishers_id_is_a_place_in_every_topic_of_the_connection() {
    let mut rig = Rig::new(quiet());
    rig.publish("b", "1");
    rig.publish_as("here", "a", "2").unwrap();
    rig.publish("b", "3");
    assert_eq!(rig.replay(&["a", "b"], "here"), ["3"]);
}

#[test]
fn a_publishers_id_in_a_topic_that_the_client_may_not_read_is_as_if_it_were_not_there() {
    let answers = |secret: &[&str]| {
        let mut rig = Rig::new(keeps(Some(3), None, Some(100)));
        rig.publish("open", "1");
        for id in ["order-7", "abcdefghij-12", "9"] {
            if secret.contains(&id) {
                rig.publish_as(id, "secret", "x").unwrap();
            } else {
                rig.publish("secret", "x");
            }
        }
        (5..9).for_each(|number| rig.publish("open", &number.to_string()));
        let mut answers = Vec::new();
        for id in ["order-7", "abcdefghij-12", "9"] {
            let mut stream = rig.resume(&["open"], id);
            answers.push((rig.read(&mut stream), rig.last_id(&stream)));
        }
        answers
    };
    assert_eq!(answers(&["order-7", "abcdefghij-12", "9"]), answers(&[]));
}

#[test]
fn an_id_that_a_retained_event_has_is_refused_and_nothing_is_published() {
    let rig = Rig::new(quiet());
    rig.publish_as("7", "t", "first").unwrap();
    let error = rig.publish_as("7", "new topic", "second").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidId, "id"));
    assert_eq!(error.to_string(), "id is taken by an event that is still in the history");
    assert_eq!((rig.hub.stats().published, rig.hub.stats().topics), (1, 1));
}

#[test]
fn an_id_is_free_again_once_its_event_left_the_history() {
    let mut rig = Rig::new(keeps(Some(1), None, None));
    rig.publish_as("7", "t", "first").unwrap();
    rig.publish("t", "second");
    rig.publish_as("7", "t", "third").unwrap();
    rig.publish_as("8", "t", "fourth").unwrap();
    assert_eq!(rig.replay(&["t"], "7"), [reset("unknown", None)]);
}

#[test]
fn an_id_is_free_again_by_age_though_nothing_else_was_published() {
    let mut rig = Rig::new(keeps(None, None, Some(100)));
    for topic in ["other", "another", "t"] {
        rig.publish(topic, "");
    }
    rig.publish_as("7", "t", "first").unwrap();
    rig.advance(101);
    assert_eq!(rig.replay(&["other"], "7"), [reset("unknown", None)]);
    rig.publish_as("7", "t", "second").unwrap();
}

#[test]
fn an_empty_id_is_refused() {
    let rig = Rig::new(quiet());
    let error = rig.publish_as("", "t", "x").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidId, "id"));
}

#[test]
fn an_id_that_the_hub_has_given_or_will_give_is_refused() {
    let rig = Rig::new(quiet());
    for id in [&rig.id(0), &rig.id(5)] {
        let error = rig.publish_as(id, "t", "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidId);
        assert!(error.problem().contains("reserved"), "{error}");
    }
    for id in ["order-5", "abcdefghij-05", "ABCDEFGHIJ-5", "abcdefghij-5-5"] {
        rig.publish_as(id, "t", "x").unwrap();
    }
}

#[test]
fn a_publishers_id_that_looks_like_that_of_another_hub_is_resumed_from_while_it_is_kept() {
    let mut rig = Rig::new(quiet());
    rig.publish_as("conversion-12", "t", "1").unwrap();
    rig.publish("t", "2");
    let mut stream = rig.resume(&["t"], "conversion-12");
    assert_eq!(rig.read(&mut stream), ["#1", "2"]);
}

#[test]
fn line_ends_and_nul_in_event_and_id_are_refused_and_nothing_is_published() {
    let rig = Rig::new(quiet());
    for text in ["a\nb", "a\rb", "a\0b"] {
        let id = rig.publish_as(text, "t", "x").unwrap_err();
        assert_eq!((id.kind(), id.field()), (ErrorKind::InvalidId, "id"));
        let event = rig.hub.publish("t", &Event { event: Some(text), ..data("x") }).unwrap_err();
        assert_eq!((event.kind(), event.field()), (ErrorKind::InvalidEvent, "event"));
    }
    assert_eq!((rig.hub.stats().published, rig.hub.stats().topics), (0, 0));
}

#[test]
fn a_private_stream_is_told_no_id_of_the_hub() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "not for it");
    let mut stream = rig.subscribe(&[]);
    assert!(stream.subscriber.send(&data("mine")).unwrap());
    assert_eq!(rig.read(&mut stream), ["mine"]);
    assert_eq!(rig.last_id(&stream), "");
}

#[test]
fn a_private_stream_is_told_its_reconnection_time() {
    let mut rig = Rig::new(Config { retry: Config::default().retry, ..quiet() });
    let mut stream = rig.subscribe(&[]);
    assert_eq!(rig.read(&mut stream), ["retry 2000"]);
}

#[test]
fn the_last_event_id_of_a_private_stream_is_the_applications_business() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "1");
    for id in [&rig.id(0), "abcdefghij-1", "the application's"] {
        let mut stream = rig.resume(&[], id);
        assert_eq!(rig.read(&mut stream), [""; 0], "{id}");
    }
}
