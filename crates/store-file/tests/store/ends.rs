use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ssecast_hub::{
    Config, ErrorKind, Event, History, Hub, ManualClock, Next, Reason, Replay, Subscription, is_finished,
};
use ssecast_store_file::FileStore;

const KEPT: Duration = Duration::from_secs(60);

fn hub(folder: &Path, clock: &ManualClock) -> Hub {
    let store = Some(FileStore::new(folder).into());
    let history = History { age: None, ..History::default() };
    let config =
        Config { store, history, keep_ended: KEPT, retry: None, heartbeat: None, ..Config::default() };
    Hub::with_clock(config, clock.clone()).unwrap()
}

fn data(text: &str) -> Event<'_> {
    Event { data: Some(text), ..Event::default() }
}

/// What a client of the topic gets until nothing is left; the last id that it has, and why the stream ended.
fn read(hub: &Hub, last_event_id: Option<&str>) -> Result<(Vec<String>, String, Option<Reason>), ErrorKind> {
    let mut reader = hub.reader(Arc::new(|| ()));
    let subscription = Subscription { topics: &["answer"], last_event_id, replay: Replay::All };
    let mut subscriber = reader.subscribe(&subscription).map_err(|error| error.kind())?;
    let mut seen = String::new();
    let end = loop {
        match reader.next(&mut subscriber) {
            Next::Batch(batch) => seen.push_str(str::from_utf8(&batch.bytes()).unwrap()),
            Next::Idle => break None,
            Next::End(reason) => break Some(reason),
        }
    };
    let lines = |name| seen.lines().filter_map(move |line| line.strip_prefix(name)).map(str::to_owned);
    Ok((lines("data: ").collect(), lines("id: ").next_back().unwrap_or_default(), end))
}

#[test]
fn a_topic_that_has_ended_stays_so_in_processes_that_start_later_until_it_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1_000_000));
    let producer = hub(folder.path(), &clock);
    let ids: Vec<_> = ["a", "b", "c"].map(|text| producer.publish("answer", &data(text)).unwrap().id).into();
    producer.end_topic("answer").unwrap();
    drop(producer);
    clock.advance(KEPT / 2);
    let later = hub(folder.path(), &clock);
    assert_eq!(later.publish("answer", &data("d")).unwrap_err().kind(), ErrorKind::TopicEnded);
    later.end_topic("answer").unwrap();
    for (id, expected) in [(None, &["a", "b", "c"][..]), (Some(&*ids[0]), &["b", "c"])] {
        let (texts, last, end) = read(&later, id).unwrap();
        assert_eq!(
            (texts.as_slice(), end),
            (&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..], Some(Reason::Server))
        );
        assert!(is_finished(&last), "{last}");
    }
    assert_eq!(read(&later, Some(&ids[2])), Err(ErrorKind::TopicEnded), "it has everything");
    drop(later);
    clock.advance(KEPT);
    let last = hub(folder.path(), &clock);
    let new = last.publish("answer", &data("new")).unwrap().id;
    assert_eq!(read(&last, None).unwrap(), (vec!["new".to_owned()], new, None));
    // Whoever had the other one is told: what of it was missed is not known any more.
    let (texts, ..) = read(&last, Some(&ids[0])).unwrap();
    assert!(texts[0].contains("expired") && texts[1..] == ["new"], "{texts:?}");
}

#[test]
fn what_is_published_before_the_end_without_waiting_is_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let hub = hub(folder.path(), &clock);
    let (told, outcomes) = channel();
    let texts: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    for text in &texts {
        let told = told.clone();
        let done = move |published: Result<_, ssecast_hub::Error>| told.send(published.err()).unwrap();
        hub.publish_then("answer", &data(text), done).unwrap();
    }
    let ended = told.clone();
    hub.end_topic_then("answer", move |outcome| ended.send(outcome.err()).unwrap()).unwrap();
    hub.publish_then("answer", &data("late"), move |published| told.send(published.err()).unwrap()).unwrap();
    let begin = Instant::now();
    let outcomes: Vec<_> = outcomes.iter().map(|error| error.map(|error| error.kind())).collect();
    assert!(begin.elapsed() < crate::replica::PATIENCE);
    assert_eq!(outcomes[..501], vec![None; 501]);
    assert_eq!(outcomes[501..], [Some(ErrorKind::TopicEnded)]);
    assert_eq!(read(&hub, None).unwrap().0, texts);
}

#[test]
fn a_topic_that_is_forgotten_is_no_loss_of_the_clients_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1_000_000));
    let one = hub(folder.path(), &clock);
    let first = one.publish("news", &data("1")).unwrap().id;
    for number in 0..5 {
        one.publish("answer", &data(&number.to_string())).unwrap();
    }
    one.end_topic("answer").unwrap();
    clock.advance(KEPT * 2);
    for number in 2..50 {
        one.publish("news", &data(&number.to_string())).unwrap();
    }
    assert_eq!(one.stats().topics, 1, "it is forgotten");
    let later = hub(folder.path(), &clock);
    for hub in [&one, &later] {
        for (topics, expected) in [(&["news"][..], 48), (&["quiet"], 0)] {
            let mut reader = hub.reader(Arc::new(|| ()));
            let subscription =
                Subscription { topics, last_event_id: Some(&first), ..Subscription::default() };
            let mut subscriber = reader.subscribe(&subscription).unwrap();
            let mut seen = String::new();
            while let Next::Batch(batch) = reader.next(&mut subscriber) {
                seen.push_str(str::from_utf8(&batch.bytes()).unwrap());
            }
            assert!(!seen.contains("reset"), "{topics:?}: {seen}");
            assert_eq!(seen.matches("data: ").count(), expected);
        }
    }
}
