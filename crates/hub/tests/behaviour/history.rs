use ssecast_hub::{Config, History};

use crate::rig::{Rig, keeps, quiet, reset, slow};

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

/// What an event with data of one byte costs.
fn cost(rig: &Rig) -> usize {
    format!("id: {}\ndata: 1\n\n", rig.id(1)).len() + History::EVENT_COST
}

#[test]
fn a_topic_keeps_its_newest_events_up_to_the_cap_of_bytes() {
    let cost = cost(&Rig::new(quiet()));
    let mut rig = Rig::new(keeps(None, Some(2 * cost), None));
    publish(&rig, "t", 1..=2);
    assert_eq!(rig.hub.stats().held_bytes, 2 * cost as u64);
    publish(&rig, "t", 3..=3);
    assert_eq!(rig.hub.stats().history_events, 2);
    assert_eq!(rig.replay(&["t"], &rig.id(1)), ["2", "3"]);
    rig.publish("t", &"x".repeat(2 * cost));
    assert_eq!(
        rig.hub.stats().history_events,
        0,
        "one event over the cap is not kept, nor what was before it"
    );
}

#[test]
fn an_id_of_a_publishers_counts_to_the_cap_of_bytes_until_its_event_has_left() {
    let rig = Rig::new(keeps(Some(2), None, None));
    publish(&rig, "t", 1..=2);
    let without = rig.hub.stats().held_bytes;
    let id = "x".repeat(300);
    for number in 0..2 {
        rig.publish_as(&format!("{id}{number}"), "named", "1").unwrap();
    }
    let with = rig.hub.stats().held_bytes - without;
    assert!(with > without + 2 * 2 * 300, "{with} bytes: the id stands in the frame and in the index");
    publish(&rig, "named", 3..=4);
    let left = rig.hub.stats().held_bytes - without;
    assert!(
        left < without + 200,
        "{left} bytes: the ids are gone, and what is left is how many events there were"
    );
}

#[test]
fn a_topic_whose_events_have_expired_holds_next_to_nothing() {
    let rig = Rig::new(keeps(Some(1000), None, Some(100)));
    for round in 0..1100 {
        for topic in ["a", "b", "c"] {
            rig.publish(topic, &round.to_string());
        }
    }
    assert!(rig.hub.stats().held_bytes > 3 * 1000 * 100);
    rig.advance(101);
    let stats = rig.hub.stats();
    assert_eq!((stats.history_events, stats.topics), (0, 3));
    assert!(stats.held_bytes < 3 * 300, "{} bytes", stats.held_bytes);
}

#[test]
fn topics_that_nothing_is_published_to_any_more_are_emptied_by_publications_to_others() {
    let rig = Rig::new(keeps(None, None, Some(100)));
    (0..500).for_each(|topic| rig.publish(&topic.to_string(), "1"));
    rig.advance(101);
    publish(&rig, "t", 1..=250);
    let held = rig.hub.stats().held_bytes;
    rig.advance(1);
    assert_eq!(rig.hub.stats().held_bytes, held, "stats() found nothing left to do");
    assert_eq!(rig.hub.stats().history_events, 250);
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
    publish(&rig, "t", 1..=100);
    assert_eq!(rig.events(&mut live).len(), 100);
    let held = rig.hub.stats().held_bytes;
    rig.settle();
    let left = rig.hub.stats().held_bytes;
    assert!(left < held / 40, "what all clients have is let go: {left} of {held} bytes are left");
}

#[test]
fn a_reader_with_other_topics_keeps_nothing_alive() {
    let mut rig = Rig::new(keeps(Some(1), None, None));
    let _elsewhere = rig.subscribe(&["elsewhere"]);
    publish(&rig, "t", 101..=200);
    let one = rig.hub.stats().held_bytes;
    publish(&rig, "t", 200..=200);
    assert_eq!(rig.hub.stats().held_bytes, one, "one event: the elsewhere reader never has to look");
}

#[test]
fn memory_is_bounded_though_nobody_reads_and_others_keep_coming_back() {
    let base = Config { max_backlog_bytes: 1000, ..slow(1000, 1000, ssecast_hub::Policy::Disconnect) };
    let mut rig = Rig::new(Config { history: keeps(Some(10), None, None).history, ..base });
    publish(&rig, "t", 100..=109);
    let history = rig.hub.stats().held_bytes;
    // 1,000 bytes of frames.
    let limit = history * 1000 / (history - 10 * History::EVENT_COST as u64);
    let _stalled = rig.resume(&["t"], &rig.id(0));
    for number in 110..=400 {
        rig.offer("t", &number.to_string());
        let _replaying = rig.resume(&["t"], &rig.id(number - 105));
        let held = rig.hub.stats().held_bytes;
        assert!(held <= history + limit + history / 10 + 200, "{held} after {number}");
    }
}
