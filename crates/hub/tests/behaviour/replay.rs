use ssecast_hub::{Next, Policy, Replay, Subscription};

use crate::rig::{Rig, keeps, quiet, reset, slow};

#[test]
fn a_client_without_an_id_begins_with_the_last_events_of_its_topics_together() {
    let mut rig = Rig::new(quiet());
    for (topic, text) in [("a", "1"), ("b", "2"), ("other", "3"), ("b", "4"), ("a", "5"), ("other", "6")] {
        rig.publish(topic, text);
    }
    let whole = &["1", "2", "4", "5"][..];
    for (replay, expected) in [
        (Replay::Last(0), &[][..]),
        (Replay::Last(1), &["5"]),
        (Replay::Last(2), &["4", "5"]),
        (Replay::Last(3), &["2", "4", "5"]),
        (Replay::Last(4), whole),
        (Replay::Last(usize::MAX), whole),
        (Replay::All, whole),
    ] {
        let mut stream = rig.begin(&["a", "b"], replay);
        assert_eq!(rig.events(&mut stream), expected, "{replay:?}");
    }
}

#[test]
fn a_client_with_an_id_resumes_whatever_replay_its_route_has() {
    let mut rig = Rig::new(quiet());
    ["1", "2", "3"].iter().for_each(|text| rig.publish("t", text));
    let mut see = |id: &str| {
        let subscription = Subscription { topics: &["t"], last_event_id: Some(id), replay: Replay::Last(2) };
        let mut stream = rig.resume(&["t"], id);
        stream.subscriber = rig.reader.subscribe(&subscription).unwrap();
        rig.events(&mut stream)
    };
    assert_eq!(see(""), ["2", "3"], "an empty id is none");
    assert_eq!(see("aaaaaaaaaa-7"), [&*reset("epoch", None), "1", "2", "3"]);
    assert_eq!(see("unheard of"), [reset("unknown", None)]);
    let id = rig.id(2);
    assert_eq!(rig.replay(&["t"], &id), ["3"]);
}

#[test]
fn what_had_left_the_history_before_a_client_came_is_no_loss_of_its_own() {
    let mut rig = Rig::new(keeps(Some(3), None, None));
    rig.publish("quiet", "q");
    (1..=10).for_each(|number| rig.publish("busy", &number.to_string()));
    for (replay, expected) in [
        (Replay::All, &["q", "8", "9", "10"][..]),
        (Replay::Last(4), &["q", "8", "9", "10"]),
        (Replay::Last(3), &["8", "9", "10"]),
        (Replay::Last(100), &["q", "8", "9", "10"]),
    ] {
        let mut stream = rig.begin(&["quiet", "busy"], replay);
        assert_eq!(rig.events(&mut stream), expected, "{replay:?}");
    }
    assert_eq!(rig.hub.stats().resets, [0; 4]);
}

#[test]
fn a_replay_is_no_lag_and_ends_where_the_live_stream_begins() {
    let mut rig = Rig::new(slow(1000, 100, Policy::Disconnect));
    let text = "x".repeat(40_000);
    for number in 0..4 {
        rig.publish("t", &format!("{number}{text}"));
    }
    let mut stream = rig.begin(&["t"], Replay::All);
    let mut seen = Vec::new();
    for number in 4..7 {
        assert!(stream.subscriber.check_lag().is_ok());
        if let Next::Batch(batch) = rig.reader.next(&mut stream.subscriber) {
            seen.extend(rig.see(&mut stream, &batch.bytes()));
        }
        rig.publish("t", &number.to_string());
    }
    seen.extend(rig.events(&mut stream));
    seen.retain(|item| !item.starts_with('#'));
    let numbers: Vec<_> = seen.iter().map(|item| &item[..1]).collect();
    assert_eq!(numbers, ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(stream.ended, None);
}

#[test]
fn a_client_that_is_cut_before_its_replay_comes_back_for_all_of_it() {
    let mut rig = Rig::new(quiet());
    ["1", "2", "3"].iter().for_each(|text| rig.publish("t", text));
    let mut stream = rig.begin(&["t"], Replay::Last(2));
    let Next::Batch(batch) = rig.reader.next(&mut stream.subscriber) else { panic!("its place") };
    assert_eq!(rig.see(&mut stream, &batch.bytes()), ["#1"]);
    assert_eq!(rig.replay(&["t"], &rig.id(1)), ["2", "3"]);
}

#[test]
fn a_private_stream_has_no_history_to_begin_with() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "1");
    let mut stream = rig.begin(&[], Replay::All);
    assert_eq!(rig.read(&mut stream), [""; 0]);
    stream.subscriber.change_topics(&["t"], &[]).unwrap();
    rig.publish("t", "2");
    assert_eq!(rig.events(&mut stream), ["2"]);
}
