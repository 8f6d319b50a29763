use ssecast_hub::Config;

use crate::rig::{Rig, keeps, reset, slow};

fn publish(rig: &Rig, topic: &str, numbers: std::ops::RangeInclusive<u32>) {
    numbers.for_each(|number| rig.publish(topic, &number.to_string()));
}

#[test]
fn a_topic_keeps_its_newest_events_up_to_the_cap_of_events() {
    let mut rig = Rig::new(keeps(Some(3), None, None));
    publish(&rig, "t", 1..=5);
    assert_eq!(rig.replay(&["t"], &rig.id(2)), ["3", "4", "5"]);
    assert_eq!(
        rig.replay(&["t"], &rig.id(1)),
        [reset("expired", Some(1)), "3".into(), "4".into(), "5".into()]
    );
}

#[test]
fn a_topic_keeps_its_newest_events_up_to_the_cap_of_bytes() {
    let frame = |rig: &Rig| format!("id: {}\ndata: 1\n\n", rig.id(1)).len();
    let length = frame(&Rig::new(keeps(Some(1), None, None)));
    let mut rig = Rig::new(keeps(None, Some(2 * length), None));
    publish(&rig, "t", 1..=3);
    assert_eq!(rig.hub.stats().history_events, 2);
    assert_eq!(rig.hub.stats().held_bytes, 2 * length as u64);
    assert_eq!(rig.replay(&["t"], &rig.id(1)), ["2", "3"]);
    rig.publish("t", &"x".repeat(2 * length));
    assert_eq!(
        rig.hub.stats().history_events,
        0,
        "one event over the cap is not kept, nor what was before it"
    );
}

#[test]
fn a_topic_keeps_its_events_up_to_the_cap_of_age() {
    let mut rig = Rig::new(keeps(None, None, Some(100)));
    publish(&rig, "t", 1..=1);
    rig.advance(60);
    publish(&rig, "t", 2..=2);
    rig.advance(40);
    assert_eq!(rig.replay(&["t"], &rig.id(0)), ["1", "2"], "at its age exactly it is still there");
    rig.advance(1);
    assert_eq!(rig.replay(&["t"], &rig.id(0)), [reset("expired", Some(1)), "2".into()]);
    assert_eq!(rig.hub.stats().history_events, 1, "nothing had to be published for it");
}

#[test]
fn each_cap_can_be_off_and_the_others_hold() {
    for (config, kept) in [
        (keeps(Some(4), None, None), 4),
        (keeps(None, Some(1 << 20), None), 500),
        (keeps(None, None, Some(1000)), 500),
        (keeps(Some(7), Some(1 << 20), Some(1000)), 7),
    ] {
        let rig = Rig::new(config);
        publish(&rig, "t", 1..=500);
        assert_eq!(rig.hub.stats().history_events, kept);
    }
}

#[test]
fn a_history_of_no_events_still_delivers_to_those_who_are_there() {
    let mut rig = Rig::new(keeps(Some(0), None, None));
    let mut live = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    assert_eq!(rig.events(&mut live), ["1"]);
    assert_eq!(rig.replay(&["t"], &rig.id(0)), [reset("expired", Some(1))]);
}

#[test]
fn the_caps_hold_for_each_topic_alone() {
    let mut rig = Rig::new(keeps(Some(2), None, None));
    rig.publish("quiet", "q");
    publish(&rig, "busy", 1..=9);
    assert_eq!(rig.replay(&["quiet"], &rig.id(0)), ["q"]);
}

#[test]
fn a_live_client_gets_what_left_the_history_before_it_was_read() {
    let mut rig = Rig::new(keeps(Some(1), None, None));
    let mut live = rig.subscribe(&["t"]);
    publish(&rig, "t", 1..=4);
    assert_eq!(rig.events(&mut live), ["1", "2", "3", "4"]);
    let held = rig.hub.stats().held_bytes;
    rig.settle();
    assert_eq!(rig.hub.stats().held_bytes, held / 4, "what everybody has is let go");
}

#[test]
fn a_reader_with_other_topics_keeps_nothing_alive() {
    let mut rig = Rig::new(keeps(Some(1), None, None));
    let _elsewhere = rig.subscribe(&["elsewhere"]);
    publish(&rig, "t", 1..=100);
    let one = rig.hub.stats().held_bytes;
    publish(&rig, "t", 200..=200);
    assert_eq!(rig.hub.stats().held_bytes, one, "one event: the elsewhere reader never has to look");
}

#[test]
fn memory_is_bounded_though_nobody_reads_and_others_keep_coming_back() {
    let base = slow(1000, 1000, ssecast_hub::Policy::Disconnect);
    let mut rig = Rig::new(Config { history: keeps(Some(10), None, None).history, ..base });
    publish(&rig, "t", 100..=109);
    let history = rig.hub.stats().held_bytes;
    let _stalled = rig.resume(&["t"], &rig.id(0));
    for number in 110..=400 {
        rig.publish("t", &number.to_string());
        let _replaying = rig.resume(&["t"], &rig.id(number - 105));
        let held = rig.hub.stats().held_bytes;
        assert!(held <= history + 1000 + history / 10, "{held} after {number}");
    }
}
