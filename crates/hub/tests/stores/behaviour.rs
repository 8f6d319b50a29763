use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use ssecast_hub::{
    Config, Error, ErrorKind, Event, History, ManualClock, Policy, Published, SlowClient, StoreState,
};

use crate::rig::{Process, advance, config};
use crate::simulated::{Fault, Simulated};

fn pair(config: &Config) -> (Simulated, ManualClock, Process, Process) {
    let (store, clock) = (Simulated::new(2), ManualClock::default());
    advance(&clock, 1_000_000);
    let processes =
        [Process::new(&store, config.clone(), &clock), Process::new(&store, config.clone(), &clock)];
    let [one, two] = processes;
    (store, clock, one, two)
}

fn reset(reason: &str, missed: &str) -> String {
    format!(r#"reset {{"reason":"{reason}","missed":{missed}}}"#)
}

#[test]
fn what_one_process_publishes_is_for_the_connections_of_all() {
    let (_, _, mut one, mut two) = pair(&config(10));
    let mut here = one.connect(&["t"], None).unwrap();
    let mut there = two.connect(&["t"], None).unwrap();
    let first = one.publish("t", "1").unwrap();
    assert_eq!(first.subscribers, 1);
    two.store.wake();
    let second = two.publish("t", "2").unwrap();
    one.store.wake();
    let ids = [first.id.clone(), second.id.clone()];
    for (process, stream) in [(&mut one, &mut here), (&mut two, &mut there)] {
        let seen: Vec<_> = process.read(stream).into_iter().filter(|(text, _)| !text.is_empty()).collect();
        assert_eq!(seen, [("1".to_owned(), ids[0].clone()), ("2".to_owned(), ids[1].clone())]);
    }
    assert_eq!((one.hub.stats().published, two.hub.stats().published), (2, 2));
    // A client of one goes on at the other.
    let mut moved = two.connect(&["t"], Some(&first.id)).unwrap();
    assert_eq!(two.texts(&mut moved), ["2"]);
}

#[test]
fn a_client_that_comes_from_another_process_may_be_ahead_of_this_one() {
    let (_, _, one, mut two) = pair(&config(10));
    let mut early = two.connect(&["t"], None).unwrap();
    let last = one.publish("t", "1").unwrap();
    // Process two was not woken yet.
    let mut moved = two.connect(&["t"], Some(&last.id)).unwrap();
    assert_eq!(two.texts(&mut moved), Vec::<String>::new());
    assert_eq!(two.texts(&mut early), ["1"]);
    let named = Event { id: Some("order-1"), data: Some("2"), ..Event::default() };
    one.hub.publish("t", &named).unwrap();
    one.publish("t", "3").unwrap();
    let mut moved = two.connect(&["t"], Some("order-1")).unwrap();
    assert_eq!(two.texts(&mut moved), ["3"]);
}

#[test]
fn an_id_that_an_event_of_another_process_has_is_taken() {
    let (_, _, one, two) = pair(&config(1));
    let event = Event { id: Some("a"), data: Some("1"), ..Event::default() };
    one.hub.publish("t", &event).unwrap();
    assert_eq!(two.hub.publish("u", &event).unwrap_err().kind(), ErrorKind::InvalidId);
    two.publish("t", "2").unwrap();
    assert_eq!(one.hub.publish("u", &event).unwrap().id, "a", "the first one has left the history");
    let reserved = one.publish("t", "3").unwrap().id;
    let event = Event { id: Some(&reserved), ..event };
    assert_eq!(two.hub.publish("t", &event).unwrap_err().kind(), ErrorKind::InvalidId);
}

#[test]
fn a_process_that_starts_later_has_the_history_and_knows_what_is_missing() {
    let (store, clock, mut one, _) = pair(&config(3));
    let first = one.publish("t", "1").unwrap();
    one.publish("u", "x").unwrap();
    for number in 2..=40 {
        one.publish("t", &number.to_string()).unwrap();
    }
    assert!(store.len() < 10, "{} entries", store.len());
    let mut late = Process::new(&store, config(3), &clock);
    for process in [&mut one, &mut late] {
        let mut stream = process.connect(&["t", "u"], Some(&first.id)).unwrap();
        assert_eq!(process.texts(&mut stream), [&*reset("expired", "36"), "x", "38", "39", "40"]);
    }
}

#[test]
fn events_leave_the_history_by_their_age_also_when_they_are_older_than_the_process() {
    let aged = Config {
        history: History { events: None, bytes: None, age: Some(Duration::from_secs(10)) },
        ..config(0)
    };
    let (store, clock, one, _) = pair(&aged);
    let first = one.publish("t", "1").unwrap();
    advance(&clock, 4000);
    one.publish("t", "2").unwrap();
    advance(&clock, 4000);
    let mut late = Process::new(&store, aged, &clock);
    let mut stream = late.connect(&["t"], Some(&first.id)).unwrap();
    assert_eq!(late.texts(&mut stream), ["2"]);
    advance(&clock, 5000);
    let mut stream = late.connect(&["t"], Some(&first.id)).unwrap();
    assert_eq!(late.texts(&mut stream), ["2"]);
    assert_eq!(late.hub.stats().history_events, 1);
    advance(&clock, 2000);
    let mut stream = late.connect(&["t"], Some(&first.id)).unwrap();
    assert_eq!(late.texts(&mut stream), [reset("expired", "1")]);
}

#[test]
fn a_store_that_lost_its_log_tells_every_client_and_gives_no_id_twice() {
    let (store, _, mut one, mut two) = pair(&config(10));
    let mut here = one.connect(&["t"], None).unwrap();
    let mut there = two.connect(&["t"], None).unwrap();
    let old: Vec<_> = (1..=3).map(|number| one.publish("t", &number.to_string()).unwrap().id).collect();
    two.store.wake();
    assert_eq!((one.texts(&mut here).len(), two.texts(&mut there).len()), (3, 3));
    store.lose();
    let new = two.publish("t", "a").unwrap().id;
    assert!(!old.contains(&new) && new.ends_with("-1"), "{new}");
    one.store.wake();
    let expected = [reset("epoch", "null"), "a".to_owned()];
    assert_eq!((one.texts(&mut here), two.texts(&mut there)), (expected.to_vec(), expected.to_vec()));
    let mut back = one.connect(&["t"], Some(&old[1])).unwrap();
    assert_eq!(one.texts(&mut back), expected);
    // Nothing is published, and all are told all the same.
    store.lose();
    one.store.wake();
    assert_eq!(one.texts(&mut here), [reset("epoch", "null")]);
    assert_eq!(one.hub.stats().published, 0);
}

#[test]
fn a_lost_log_is_no_reason_to_disconnect_a_client_as_slow() {
    let strict = Config {
        slow_client: SlowClient { policy: Policy::Disconnect, ..SlowClient::default() },
        ..config(10)
    };
    let (store, _, mut one, _) = pair(&strict);
    let mut stream = one.connect(&["t"], None).unwrap();
    one.publish("t", "1").unwrap();
    store.lose();
    one.store.wake();
    assert!(stream.subscriber.check_lag().is_ok());
    assert_eq!(one.texts(&mut stream), [reset("epoch", "null")]);
}

#[test]
fn a_process_that_was_stopped_for_longer_than_the_history_tells_its_clients_how_much_they_missed() {
    let (_, _, one, mut two) = pair(&config(3));
    let mut stream = two.connect(&["t"], None).unwrap();
    one.publish("t", "0").unwrap();
    two.store.wake();
    assert_eq!(two.texts(&mut stream), ["0"]);
    for number in 1..=30 {
        one.publish(if number % 5 == 0 { "u" } else { "t" }, &number.to_string()).unwrap();
    }
    two.store.wake();
    let seen = two.texts(&mut stream);
    // It skips to the newest event, as any client that is too slow: 24 events were of its topic.
    assert_eq!(seen, [reset("lagged", "24")]);
}

#[test]
fn a_store_that_is_not_free_refuses_an_event_and_works_again() {
    let (_, _, mut one, _) = pair(&config(10));
    assert_eq!(one.hub.stats().store, Some(StoreState::Unopened));
    *one.store.fault.lock().unwrap() = Some(Fault::TimedOut);
    let refused = one.connect(&["t"], None).map(|_| ()).unwrap_err();
    assert_eq!(
        (refused.kind(), one.hub.stats().store),
        (ErrorKind::StoreTimedOut, Some(StoreState::Degraded))
    );
    let mut stream = one.connect(&["t"], None).unwrap();
    *one.store.fault.lock().unwrap() = Some(Fault::TimedOut);
    assert_eq!(one.publish("t", "1").unwrap_err().kind(), ErrorKind::StoreTimedOut);
    assert_eq!(one.hub.stats().store, Some(StoreState::Degraded));
    // A wake that finds it busy asks again.
    *one.store.fault.lock().unwrap() = Some(Fault::TimedOut);
    one.store.wake();
    assert_eq!(one.hub.stats().store, Some(StoreState::Ready));
    one.publish("t", "2").unwrap();
    assert_eq!(one.texts(&mut stream), ["2"]);
}

#[test]
fn limits_are_those_of_a_hub_without_a_store() {
    let limited = Config { max_topics: 2, max_event_bytes: 20, ..config(10) };
    let (_, _, one, two) = pair(&limited);
    assert_eq!(one.publish("t", "a text of twenty bytes").unwrap_err().kind(), ErrorKind::EventTooLarge);
    assert_eq!(one.publish("", "x").unwrap_err().kind(), ErrorKind::InvalidTopic);
    let forged = Event { event: Some("a\nb"), ..Event::default() };
    assert_eq!(one.hub.publish("t", &forged).unwrap_err().kind(), ErrorKind::InvalidEvent);
    one.publish("t", "1").unwrap();
    two.publish("u", "2").unwrap();
    assert_eq!(one.publish("v", "3").unwrap_err().kind(), ErrorKind::TooManyTopics);
    assert_eq!(two.hub.stats().published, 2);
    two.hub.close(&ssecast_hub::Close::default()).unwrap();
    assert_eq!(two.publish("t", "4").unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_hub_that_closes_says_farewell_last_and_others_go_on() {
    let (_, _, one, mut two) = pair(&config(10));
    let mut stream = two.connect(&["t"], None).unwrap();
    let farewell = Event { event: Some("bye"), data: Some("."), ..Event::default() };
    two.hub.close(&ssecast_hub::Close { event: Some(farewell), ..Default::default() }).unwrap();
    assert_eq!(two.texts(&mut stream), ["bye ."]);
    let published = one.publish("t", "1").unwrap();
    two.store.wake();
    assert_eq!(two.publish("t", "2").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(two.connect(&["t"], None).map(|_| ()).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(two.texts(&mut stream), Vec::<String>::new());
    assert!(one.publish("t", "3").unwrap().id > published.id);
}

#[test]
fn a_private_stream_that_gets_a_topic_before_the_store_is_open_begins_now() {
    let (store, clock, one, _) = pair(&config(10));
    one.publish("t", "old").unwrap();
    let mut late = Process::new(&store, config(10), &clock);
    let mut stream = late.connect(&[], None).unwrap();
    assert_eq!(late.hub.stats().store, Some(StoreState::Unopened), "a private stream needs no store");
    stream.subscriber.change_topics(&["t"], &[]).unwrap();
    one.publish("t", "new").unwrap();
    late.store.wake();
    assert_eq!(late.texts(&mut stream), ["new"]);
}

/// Publishes without waiting; the outcomes come in the order of the calls.
fn publish_then(process: &Process, told: &Sender<Result<Published, Error>>, topic: &str, text: &str) {
    let told = told.clone();
    let event = Event { data: Some(text), ..Event::default() };
    process.hub.publish_then(topic, &event, move |published| told.send(published).unwrap()).unwrap();
}

#[test]
fn what_is_not_waited_for_is_published_in_the_order_of_the_calls() {
    let (_, _, mut one, _) = pair(&config(1000));
    let mut stream = one.connect(&["t", "u"], None).unwrap();
    let (told, outcomes) = channel();
    for number in 0..600 {
        let topic = if number % 3 == 0 { "u" } else { "t" };
        publish_then(&one, &told, topic, &number.to_string());
    }
    let last = one.publish("t", "600").unwrap();
    let ids: Vec<String> = (0..600).map(|_| outcomes.recv().unwrap().unwrap().id).collect();
    let numbers: Vec<String> = ids.iter().map(|id| id.rsplit('-').next().unwrap().to_owned()).collect();
    assert_eq!(numbers, (1..=600).map(|number: u32| number.to_string()).collect::<Vec<_>>());
    assert!(last.id.ends_with("-601"));
    assert_eq!(one.texts(&mut stream), (0..=600).map(|number: u32| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn one_of_a_batch_may_be_refused_alone() {
    let (_, _, mut one, _) = pair(&Config { max_topics: 2, ..config(10) });
    let mut stream = one.connect(&["t"], None).unwrap();
    let (told, outcomes) = channel();
    let named = |text| Event { id: Some("a"), data: Some(text), ..Event::default() };
    publish_then(&one, &told, "t", "1");
    for text in ["2", "3"] {
        let told = told.clone();
        one.hub.publish_then("t", &named(text), move |published| told.send(published).unwrap()).unwrap();
    }
    publish_then(&one, &told, "u", "4");
    publish_then(&one, &told, "v", "5");
    publish_then(&one, &told, "t", "6");
    let kinds: Vec<_> = (0..6).map(|_| outcomes.recv().unwrap().err().map(|error| error.kind())).collect();
    let refused = [None, None, Some(ErrorKind::InvalidId), None, Some(ErrorKind::TooManyTopics), None];
    assert_eq!(kinds, refused);
    assert_eq!(one.texts(&mut stream), ["1", "2", "6"]);
}

#[test]
fn every_publication_is_told_its_outcome_when_the_hub_is_closed_or_gone() {
    let (_, _, one, two) = pair(&config(10));
    for (process, closes) in [(one, true), (two, false)] {
        let (told, outcomes) = channel();
        for number in 0..50 {
            publish_then(&process, &told, "t", &number.to_string());
        }
        if closes {
            process.hub.close(&ssecast_hub::Close::default()).unwrap();
            publish_then(&process, &told, "t", "late");
        }
        drop((told, process));
        let outcomes: Vec<_> =
            outcomes.iter().map(|outcome| outcome.err().map(|error| error.kind())).collect();
        assert_eq!(outcomes.len(), if closes { 51 } else { 50 });
        // What is refused comes behind what is published.
        assert!(outcomes.is_sorted_by_key(Option::is_some), "{outcomes:?}");
        assert!(outcomes.iter().flatten().all(|kind| *kind == ErrorKind::Closed), "{outcomes:?}");
        assert!(!closes || outcomes.last() == Some(&Some(ErrorKind::Closed)));
    }
}

#[test]
fn what_may_wait_for_the_store_is_bounded_and_a_callback_may_do_what_it_likes() {
    let (_, _, one, _) = pair(&Config { max_backlog_bytes: 1000, ..config(10) });
    let (entered, in_callback) = channel();
    let (leave, may_leave) = channel::<()>();
    let hub = one.hub.clone();
    let event = Event { data: Some("1"), ..Event::default() };
    let publishes = move |_| {
        hub.publish("t", &Event { data: Some("2"), ..Event::default() }).unwrap();
        entered.send(()).unwrap();
        may_leave.recv().unwrap();
        panic!("on purpose");
    };
    one.hub.publish_then("t", &event, publishes).unwrap();
    in_callback.recv().unwrap();
    // The thread of the hub is in the callback: these wait.
    let (told, outcomes) = channel();
    let big = "x".repeat(600);
    publish_then(&one, &told, "t", &big);
    let refused = one.hub.publish_then("t", &Event { data: Some(&big), ..event }, |_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BacklogFull);
    leave.send(()).unwrap();
    assert!(outcomes.recv().unwrap().unwrap().id.ends_with("-3"));
}

#[test]
fn a_store_that_panics_is_an_error_and_the_next_publication_goes_on() {
    let (_, _, mut one, _) = pair(&config(10));
    let mut stream = one.connect(&["t"], None).unwrap();
    one.publish("t", "1").unwrap();
    *one.store.fault.lock().unwrap() = Some(Fault::Panic);
    let error = one.publish("t", "2").unwrap_err();
    assert!(error.kind() == ErrorKind::Internal && error.to_string().contains("panicked"), "{error}");
    // The same for one that does not wait.
    *one.store.fault.lock().unwrap() = Some(Fault::Panic);
    let (told, outcome) = channel();
    let done = move |outcome| told.send(outcome).unwrap();
    one.hub.publish_then("t", &Event { data: Some("3"), ..Event::default() }, done).unwrap();
    let outcome = outcome.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Internal);
    one.publish("t", "4").unwrap();
    assert_eq!(one.texts(&mut stream), ["1", "4"]);
}
