use ssecast_hub::{Config, Event, History, Next, Policy, Reason};

use crate::rig::{Rig, Stream, data, keeps, reset, slow};

fn fill(rig: &Rig, count: usize) {
    (0..count).for_each(|number| rig.publish("t", &format!("{number:050}")));
}

/// A client that has taken everything so far, and now takes nothing.
fn stalled(rig: &mut Rig) -> Stream {
    let mut stream = rig.subscribe(&["t"]);
    rig.read(&mut stream);
    rig.reader.stop(&mut stream.subscriber, true);
    stream
}

/// Looks at a client, and then once more when it has had its second.
fn check_late(rig: &mut Rig, stream: &mut Stream) -> Result<u64, Reason> {
    assert!(stream.subscriber.check_lag().is_ok(), "a burst is no lag");
    rig.advance(1001);
    stream.subscriber.check_lag()
}

#[test]
fn a_client_over_the_limit_of_bytes_is_disconnected_and_comes_back_without_a_loss() {
    let mut rig = Rig::new(slow(500, 30_000, Policy::Disconnect));
    let mut stream = stalled(&mut rig);
    fill(&rig, 5);
    let waiting = check_late(&mut rig, &mut stream);
    assert!(waiting.is_ok_and(|bytes| (250..=500).contains(&bytes)), "{waiting:?}");
    fill(&rig, 5);
    assert_eq!(stream.subscriber.check_lag(), Err(Reason::Lagged));
    let id = rig.id(0);
    drop(stream);
    assert_eq!(rig.hub.stats().disconnects(Reason::Lagged), 1);
    assert_eq!(rig.replay(&["t"], &id).len(), 10);
}

#[test]
fn a_disconnected_client_gets_nothing_more() {
    let mut rig = Rig::new(slow(500, 30_000, Policy::Disconnect));
    let mut stream = stalled(&mut rig);
    fill(&rig, 10);
    check_late(&mut rig, &mut stream).unwrap_err();
    assert!(!stream.subscriber.send(&data("too late")).unwrap());
    assert_eq!(rig.read(&mut stream), [""; 0]);
    assert_eq!(stream.ended, Some(Reason::Lagged));
}

#[test]
fn a_client_that_takes_nothing_for_too_long_is_disconnected() {
    let mut rig = Rig::new(slow(500, 100, Policy::Disconnect));
    let mut stream = stalled(&mut rig);
    rig.advance(70);
    stream.subscriber.progress();
    rig.advance(100);
    assert_eq!(stream.subscriber.check_lag(), Ok(0));
    rig.advance(1);
    assert_eq!(stream.subscriber.check_lag(), Err(Reason::Lagged));
}

#[test]
fn a_client_over_the_limit_skips_to_the_head_and_is_told_how_many_it_missed() {
    let mut rig = Rig::new(slow(500, 30_000, Policy::Skip));
    let mut stream = stalled(&mut rig);
    fill(&rig, 20);
    assert_eq!(check_late(&mut rig, &mut stream), Ok(0));
    rig.publish("t", "next");
    assert_eq!(rig.read(&mut stream), [reset("lagged", Some(20)), "next".into()]);
    assert_eq!(rig.last_id(&stream), "21");
}

#[test]
fn a_skip_counts_exactly_however_the_topics_took_turns() {
    let mut rig = Rig::new(bounded(Policy::Skip));
    let mut stream = rig.subscribe(&["a", "b"]);
    rig.read(&mut stream);
    rig.reader.stop(&mut stream.subscriber, true);
    let (mut random, mut missed): (u64, u64) = (1, 0);
    for _ in 0..200_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let topic = ["a", "b", "elsewhere"][(random >> 33) as usize % 3];
        missed += u64::from(topic != "elsewhere");
        rig.offer(topic, "");
    }
    assert_eq!(rig.read(&mut stream), [reset("lagged", Some(missed))]);
    rig.publish("a", "next");
    assert_eq!(rig.read(&mut stream), ["next"]);
}

#[test]
fn a_skip_counts_exactly_after_a_replay_and_a_change_of_topics() {
    let mut rig = Rig::new(bounded(Policy::Skip));
    (0..9).for_each(|_| ["a", "b", "c"].iter().for_each(|topic| rig.publish(topic, "")));
    let mut stream = rig.resume(&["a", "b"], &rig.id(20));
    assert_eq!(rig.read(&mut stream), [reset("expired", Some(2)), String::new(), String::new()]);
    rig.publish("b", "");
    stream.subscriber.change_topics(&["c"], &["a"]).unwrap();
    rig.reader.stop(&mut stream.subscriber, true);
    (0..40).for_each(|_| ["a", "b", "c"].iter().for_each(|topic| rig.offer(topic, "")));
    stream.subscriber.check_lag().unwrap();
    assert_eq!(rig.read(&mut stream), [reset("lagged", Some(81))]);
}

#[test]
fn a_client_that_skips_again_before_it_takes_anything_is_told_of_all_it_missed() {
    let mut rig = Rig::new(slow(500, 30_000, Policy::Skip));
    let mut stream = stalled(&mut rig);
    for _ in 0..3 {
        fill(&rig, 10);
        assert_eq!(check_late(&mut rig, &mut stream), Ok(0));
    }
    assert_eq!(rig.read(&mut stream), [reset("lagged", Some(30))]);
}

#[test]
fn a_skip_does_not_hide_an_earlier_loss_that_was_not_told_yet() {
    let base = slow(500, 100, Policy::Skip);
    let mut rig = Rig::new(Config { history: keeps(Some(1), None, None).history, ..base });
    fill(&rig, 5);
    let mut stream = rig.resume(&["t"], &rig.id(1));
    rig.advance(101);
    stream.subscriber.check_lag().unwrap();
    assert_eq!(rig.read(&mut stream), [reset("expired", Some(4))], "three were expired, and one skipped");
}

#[test]
fn a_skip_with_nothing_missed_says_nothing_and_forgets_nothing() {
    let mut rig = Rig::new(slow(500, 100, Policy::Skip));
    let mut stream = rig.subscribe(&["t"]);
    rig.advance(101);
    stream.subscriber.check_lag().unwrap();
    assert_eq!(rig.read(&mut stream), ["#0"]);
}

#[test]
fn a_client_whose_next_event_is_gone_is_told_without_a_look_at_its_lag() {
    for (policy, expected) in [(Policy::Skip, vec![reset("lagged", Some(30))]), (Policy::Disconnect, vec![])]
    {
        let mut rig = Rig::new(bounded(policy));
        let mut stream = stalled(&mut rig);
        (0..30).for_each(|number| rig.offer("t", &format!("{number:050}")));
        assert_eq!(rig.read(&mut stream), expected);
        assert_eq!(stream.ended, (policy == Policy::Disconnect).then_some(Reason::Lagged));
    }
}

#[test]
fn with_the_reset_event_off_a_client_that_skipped_is_told_its_new_place_by_the_heartbeat() {
    let mut rig = Rig::new(Config { reset_event: None, ..slow(500, 30_000, Policy::Skip) });
    let mut stream = stalled(&mut rig);
    fill(&rig, 20);
    assert_eq!(check_late(&mut rig, &mut stream), Ok(0));
    assert_eq!(rig.read(&mut stream), [""; 0]);
    let heartbeat = stream.subscriber.heartbeat().bytes();
    assert_eq!(rig.see(&mut stream, &heartbeat), ["#20"]);
}

#[test]
fn a_replay_is_not_lag_but_what_is_published_during_it_is() {
    let mut rig = Rig::new(slow(500, 30_000, Policy::Disconnect));
    fill(&rig, 100);
    let mut stream = rig.resume(&["t"], &rig.id(0));
    rig.reader.stop(&mut stream.subscriber, true);
    rig.advance(5000);
    let all = rig.hub.stats().held_bytes - 100 * History::EVENT_COST as u64;
    assert_eq!(stream.subscriber.check_lag(), Ok(all), "it waits, but is no reason to disconnect");
    fill(&rig, 10);
    rig.advance(1001);
    assert_eq!(stream.subscriber.check_lag(), Err(Reason::Lagged));
}

#[test]
fn a_replay_is_finished_though_its_events_leave_the_history_meanwhile() {
    let base = slow(10_000, 1000, Policy::Disconnect);
    let mut rig = Rig::new(Config { history: keeps(Some(100), None, None).history, ..base });
    fill(&rig, 100);
    let mut stream = rig.resume(&["t"], &rig.id(0));
    fill(&rig, 100);
    assert_eq!(rig.events(&mut stream).len(), 200);
}

#[test]
fn what_was_sent_to_one_client_alone_counts_as_its_lag() {
    let mut rig = Rig::new(slow(100, 30_000, Policy::Disconnect));
    let mut stream = rig.subscribe(&[]);
    rig.read(&mut stream);
    rig.reader.stop(&mut stream.subscriber, true);
    let text = "x".repeat(80);
    assert!(stream.subscriber.send(&data(&text)).unwrap());
    assert_eq!(check_late(&mut rig, &mut stream), Ok(88));
    assert!(stream.subscriber.send(&data(&text)).unwrap());
    assert!(!stream.subscriber.send(&data(&text)).unwrap(), "the first two are over the limit");
    assert_eq!(rig.reader.next(&mut stream.subscriber).end(), Some(Reason::Lagged));
}

#[test]
fn an_idle_client_may_be_sent_a_single_event_over_the_limit() {
    let mut rig = Rig::new(slow(100, 1000, Policy::Disconnect));
    let mut stream = rig.subscribe(&[]);
    assert!(stream.subscriber.send(&data(&"x".repeat(500))).unwrap());
    assert_eq!(rig.read(&mut stream).len(), 1);
    assert_eq!(stream.ended, None);
}

#[test]
fn a_private_client_that_skips_is_told_how_many_it_missed_without_an_id() {
    let mut rig = Rig::new(slow(100, 30_000, Policy::Skip));
    let mut stream = rig.subscribe(&[]);
    rig.reader.stop(&mut stream.subscriber, true);
    for number in 0..4 {
        let text = format!("{number:090}");
        assert!(stream.subscriber.send(&data(&text)).unwrap());
        stream.subscriber.check_lag().unwrap();
        rig.advance(1001);
    }
    let comment = Event { comment: Some("no event"), ..Event::default() };
    assert!(stream.subscriber.send(&comment).unwrap());
    assert_eq!(rig.read(&mut stream), [reset("lagged", Some(4)), ":no event".into()], "it skipped twice");
    assert_eq!(rig.last_id(&stream), "");
}

#[test]
fn a_burst_over_the_limit_reaches_a_client_that_takes_it() {
    for policy in [Policy::Disconnect, Policy::Skip] {
        let base = slow(500, 30_000, policy);
        let mut rig = Rig::new(Config { history: keeps(Some(1), None, None).history, ..base });
        let mut stream = stalled(&mut rig);
        for round in 1..=5 {
            fill(&rig, 100);
            rig.advance(900);
            assert!(stream.subscriber.check_lag().is_ok(), "its second is not over");
            stream.subscriber.go_on();
            assert_eq!(rig.events(&mut stream).len(), 100, "burst {round}");
            rig.settle();
            rig.reader.stop(&mut stream.subscriber, true);
        }
    }
}

#[test]
fn time_in_which_a_client_is_not_full_does_not_count_against_it() {
    let mut rig = Rig::new(slow(500, 30_000, Policy::Disconnect));
    let mut stream = stalled(&mut rig);
    fill(&rig, 100);
    for _ in 0..20 {
        rig.advance(40);
        assert!(stream.subscriber.check_lag().is_ok());
        // It is the engine that does not come to it.
        stream.subscriber.go_on();
        rig.advance(5000);
        rig.reader.stop(&mut stream.subscriber, true);
    }
    rig.advance(500);
    assert_eq!(stream.subscriber.check_lag(), Err(Reason::Lagged));
}

#[test]
fn a_client_that_takes_a_little_now_and_then_is_slow_all_the_same() {
    let mut rig = Rig::new(slow(500, 30_000, Policy::Disconnect));
    let mut stream = stalled(&mut rig);
    let text = "x".repeat(50_000);
    (0..40).for_each(|_| rig.publish("t", &text));
    stream.subscriber.check_lag().unwrap();
    for _ in 0..3 {
        rig.advance(300);
        stream.subscriber.go_on();
        assert!(matches!(rig.reader.next(&mut stream.subscriber), Next::Batch(_)));
        rig.reader.stop(&mut stream.subscriber, true);
        stream.subscriber.check_lag().unwrap();
    }
    rig.advance(300);
    assert_eq!(stream.subscriber.check_lag(), Err(Reason::Lagged));
}

#[test]
fn more_than_the_backlog_may_have_never_waits_for_a_client() {
    let mut rig = Rig::new(Config { max_backlog_bytes: 5000, ..slow(500, 30_000, Policy::Disconnect) });
    let mut stream = stalled(&mut rig);
    (0..20).for_each(|_| {
        fill(&rig, 5);
        rig.settle();
    });
    assert_eq!(stream.subscriber.check_lag(), Err(Reason::Lagged));
}

/// A hub with hardly any history, in which a client can't lag by more than 500 bytes.
fn bounded(policy: Policy) -> Config {
    let history = keeps(Some(1), None, None).history;
    Config { history, max_backlog_bytes: 500, ..slow(500, 1, policy) }
}

trait End {
    fn end(self) -> Option<Reason>;
}

impl End for Next {
    fn end(self) -> Option<Reason> {
        if let Self::End(reason) = self { Some(reason) } else { None }
    }
}
