use std::time::Duration;

use ssecast_hub::{Config, Next};

use crate::rig::{Rig, data, keeps, quiet, reset};

#[test]
fn a_client_is_first_told_its_reconnection_time_and_its_cursor() {
    let mut rig = Rig::new(Config { retry: Some(Duration::from_millis(1500)), ..quiet() });
    rig.publish("t", "before it came");
    let mut stream = rig.subscribe(&["t"]);
    assert_eq!(rig.read(&mut stream), ["retry 1500", "#1"]);
    rig.publish("t", "while it was away");
    assert_eq!(rig.replay(&["t"], &rig.id(1)), ["retry 1500", "while it was away"]);
}

#[test]
fn a_client_without_an_id_begins_at_the_head() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "before");
    for id in [None, Some("")] {
        let mut stream = rig.try_subscribe(&["t"], id).unwrap();
        assert_eq!(rig.read(&mut stream), ["#1"]);
    }
}

#[test]
fn nothing_is_lost_or_doubled_between_the_replay_and_what_is_published_during_it() {
    let mut rig = Rig::new(quiet());
    let large = "x".repeat(40_000);
    for number in 1..=3 {
        rig.publish("t", &format!("{number}{large}"));
    }
    let mut stream = rig.resume(&["t"], &rig.id(0));
    let mut seen = Vec::new();
    for number in 4..=6 {
        rig.publish("t", &format!("{number}{large}"));
        if let Next::Batch(batch) = rig.reader.next(&mut stream.subscriber) {
            seen.extend(rig.see(&mut stream, &batch.bytes()));
        }
    }
    seen.extend(rig.read(&mut stream));
    let numbers: Vec<&str> = seen.iter().map(|item| &item[..1]).collect();
    assert_eq!(numbers, ["#", "1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_replay_merges_the_topics_in_the_order_of_the_sequence() {
    let mut rig = Rig::new(quiet());
    for (number, topic) in ["a", "b", "b", "c", "a", "c", "b"].iter().enumerate() {
        rig.publish(topic, &format!("{topic}{number}"));
    }
    assert_eq!(rig.replay(&["c", "a", "b"], &rig.id(1)), ["b1", "b2", "c3", "a4", "c5", "b6"]);
}

#[test]
fn a_replay_is_limited_to_the_topics_that_are_allowed_now() {
    let mut rig = Rig::new(quiet());
    rig.publish("open", "1");
    rig.publish("secret", "2");
    rig.publish("open", "3");
    assert_eq!(rig.replay(&["open"], &rig.id(0)), ["1", "3"]);
}

#[test]
fn an_expired_client_is_told_how_many_it_missed_and_goes_on_with_the_oldest_that_is_left() {
    let mut rig = Rig::new(keeps(Some(2), None, None));
    for number in 1..=6 {
        rig.publish("t", &number.to_string());
    }
    let mut stream = rig.resume(&["t"], &rig.id(1));
    assert_eq!(rig.read(&mut stream), [reset("expired", Some(3)), "5".into(), "6".into()]);
}

#[test]
fn the_id_of_the_reset_event_is_the_new_cursor() {
    let mut rig = Rig::new(keeps(Some(2), None, None));
    for number in 1..=6 {
        rig.publish("t", &number.to_string());
    }
    let mut stream = rig.resume(&["t"], &rig.id(1));
    let Next::Batch(batch) = rig.reader.next(&mut stream.subscriber) else { panic!("the reset event") };
    assert_eq!(rig.see(&mut stream, &batch.bytes()), [reset("expired", Some(3))]);
    assert_eq!(rig.last_id(&stream), "4");
    assert_eq!(rig.replay(&["t"], &rig.id(4)), ["5", "6"]);
}

#[test]
fn a_client_that_is_cut_before_the_reset_event_is_told_again() {
    let mut rig = Rig::new(Config { retry: Some(Duration::from_secs(1)), ..keeps(Some(1), None, None) });
    for number in 1..=3 {
        rig.publish("t", &number.to_string());
    }
    let whole = {
        let mut stream = rig.resume(&["t"], &rig.id(1));
        let Next::Batch(batch) = rig.reader.next(&mut stream.subscriber) else { panic!("the reset event") };
        batch.bytes()
    };
    for cut in 0..whole.len() {
        let mut stream = rig.resume(&["t"], &rig.id(1));
        let seen = rig.see(&mut stream, &whole[..cut]);
        assert!(rig.last_id(&stream).is_empty(), "cut after {cut} bytes it has seen {seen:?}");
    }
}

#[test]
fn a_busy_topic_withholds_nothing_of_a_quiet_one() {
    let mut rig = Rig::new(keeps(Some(2), None, None));
    rig.publish("quiet", "1");
    for number in 2..=6 {
        rig.publish("busy", &number.to_string());
    }
    rig.publish("quiet", "7");
    let mut stream = rig.resume(&["quiet", "busy"], &rig.id(0));
    let all = [reset("expired", Some(3)), "1".into(), "5".into(), "6".into(), "7".into()];
    assert_eq!(rig.read(&mut stream), all, "what is missing is 2, 3 and 4");
    assert_eq!(rig.replay(&["quiet"], &rig.id(0)), ["1", "7"], "alone it has lost nothing");
    assert_eq!(rig.replay(&["busy"], &rig.id(4)), ["5", "6"]);
}

#[test]
fn a_client_of_several_topics_that_is_cut_anywhere_loses_nothing_that_it_was_not_told_of() {
    let mut rig = Rig::new(keeps(Some(2), None, None));
    for (number, topic) in ["a", "b", "b", "c", "b", "a", "b", "c", "b"].iter().enumerate() {
        rig.publish(topic, &(number + 1).to_string());
    }
    let whole = {
        let mut stream = rig.resume(&["a", "b", "c"], &rig.id(0));
        let (mut whole, mut ends) = (Vec::new(), vec![0]);
        while let Next::Batch(batch) = rig.reader.next(&mut stream.subscriber) {
            whole.extend_from_slice(&batch.bytes());
        }
        ends.extend((2..=whole.len()).filter(|end| whole[..*end].ends_with(b"\n\n")));
        ends.into_iter().map(|end| whole[..end].to_vec()).collect::<Vec<_>>()
    };
    for seen in whole {
        let mut stream = rig.resume(&["a", "b", "c"], &rig.id(0));
        let mut items = rig.see(&mut stream, &seen);
        let place = match rig.last_id(&stream).as_str() {
            "" => rig.id(0),
            number => rig.id(number.parse().unwrap()),
        };
        items.extend(rig.replay(&["a", "b", "c"], &place));
        let told = items.iter().filter(|item| item.starts_with("reset")).count();
        items.retain(|item| !item.starts_with("reset"));
        assert_eq!(items, ["1", "4", "6", "7", "8", "9"], "cut after {} bytes", seen.len());
        assert!(told > 0);
    }
}

#[test]
fn a_client_of_another_life_gets_what_each_of_its_topics_has() {
    let mut rig = Rig::new(keeps(Some(2), None, None));
    rig.publish("quiet", "1");
    (2..=6).for_each(|number| rig.publish("busy", &number.to_string()));
    let all = [reset("epoch", None), "1".into(), "5".into(), "6".into()];
    assert_eq!(rig.replay(&["busy", "quiet"], "abcdefghij-77"), all);
}

#[test]
fn how_many_events_a_client_missed_is_known_however_the_topics_took_turns() {
    let mut rig = Rig::new(keeps(Some(10), None, None));
    rig.publish("a", "last seen");
    for rounds in [1000, 100, 10_000] {
        let before = rig.hub.head();
        for _ in 0..rounds {
            ["a", "b", "c"].iter().for_each(|topic| rig.publish(topic, "x"));
        }
        let missed = |topics: u64| Some((rounds - 10) * topics);
        assert_eq!(rig.replay(&["a"], &rig.id(before))[0], reset("expired", missed(1)));
        assert_eq!(rig.replay(&["a", "c"], &rig.id(before))[0], reset("expired", missed(2)));
    }
    assert_eq!(rig.replay(&["b", "a"], &rig.id(1))[0], reset("expired", Some(2 * (11_100 - 10))));
}

#[test]
fn what_expired_in_topics_that_are_not_allowed_is_no_loss() {
    let mut rig = Rig::new(keeps(Some(1), None, None));
    rig.publish("mine", "1");
    for number in 2..=6 {
        rig.publish("other", &number.to_string());
    }
    assert_eq!(rig.replay(&["mine"], &rig.id(0)), ["1"]);
}

#[test]
fn a_client_of_another_life_of_the_hub_gets_all_that_this_life_has() {
    let mut rig = Rig::new(keeps(Some(2), None, None));
    for number in 1..=3 {
        rig.publish("t", &number.to_string());
    }
    let mut stream = rig.resume(&["t"], "abcdefghij-77");
    assert_eq!(rig.read(&mut stream), [reset("epoch", None), "2".into(), "3".into()]);
    assert_eq!(rig.last_id(&stream), "3");
}

#[test]
fn a_client_with_an_unknown_id_goes_on_from_the_head() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "1");
    for id in ["what", "17", &rig.id(2), &rig.id(u64::MAX)] {
        let mut stream = rig.resume(&["t"], id);
        assert_eq!(rig.read(&mut stream), [reset("unknown", None)], "{id}");
        assert_eq!(rig.last_id(&stream), "1");
    }
}

#[test]
fn the_reset_event_can_have_another_type() {
    let mut rig = Rig::new(Config { reset_event: Some("gap".into()), ..quiet() });
    assert_eq!(rig.replay(&["t"], "what"), [r#"gap {"reason":"unknown","missed":null}"#]);
}

#[test]
fn the_reset_event_can_be_off_and_the_cursor_is_told_all_the_same() {
    let mut rig = Rig::new(Config { reset_event: None, ..keeps(Some(1), None, None) });
    for number in 1..=3 {
        rig.publish("t", &number.to_string());
    }
    let mut stream = rig.resume(&["t"], &rig.id(0));
    assert_eq!(rig.read(&mut stream), ["#2", "3"]);
    assert_eq!(rig.hub.stats().resets, [0; 4]);
}

#[test]
fn what_is_sent_to_one_client_stands_in_order_with_what_is_published() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    stream.subscriber.send(&data("mine, after 1")).unwrap();
    rig.publish("elsewhere", "");
    stream.subscriber.send(&data("mine too")).unwrap();
    rig.publish("t", "3");
    assert_eq!(rig.events(&mut stream), ["1", "mine, after 1", "mine too", "3"]);
}

#[test]
fn clients_at_the_same_place_share_the_bytes() {
    let mut rig = Rig::new(quiet());
    let mut streams: Vec<_> = (0..3).map(|_| rig.subscribe(&["t"])).collect();
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    rig.publish("t", "1");
    rig.reader.changed(&mut Vec::new());
    let bytes: Vec<_> = streams
        .iter_mut()
        .map(|stream| match rig.reader.next(&mut stream.subscriber) {
            Next::Batch(batch) => batch.bytes().as_ptr(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(bytes.iter().all(|pointer| *pointer == bytes[0]));
}

#[test]
fn a_batch_is_of_bounded_size_unless_a_single_event_is_larger() {
    let mut rig = Rig::new(quiet());
    for length in [30_000, 30_000, 30_000, 200_000, 10] {
        rig.publish("t", &"x".repeat(length));
    }
    let mut stream = rig.resume(&["t"], &rig.id(0));
    let mut batches = Vec::new();
    while let Next::Batch(batch) = rig.reader.next(&mut stream.subscriber) {
        batches.push((batch.events(), batch.len() / 1000));
    }
    assert_eq!(batches, [(0, 0), (2, 60), (1, 30), (1, 200), (1, 0)]);
}
