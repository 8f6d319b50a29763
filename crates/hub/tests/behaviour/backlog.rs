use ssecast_hub::{Config, ErrorKind, Event, History, Next, Policy};

use crate::rig::{Rig, data, keeps, quiet, slow};

fn limited(bytes: usize) -> Config {
    let history = keeps(Some(1), None, None).history;
    Config { history, max_backlog_bytes: bytes, ..slow(100, 30_000, Policy::Disconnect) }
}

/// Publishes until that is refused; returns how often it was not.
fn publish_all(rig: &Rig, topic: &str) -> usize {
    for count in 0..1000 {
        if let Err(error) = rig.hub.publish(topic, &data("0123456789")) {
            assert_eq!((error.kind(), error.field()), (ErrorKind::BacklogFull, "event"));
            assert!(error.problem().contains("max_backlog_bytes allows 1000"), "{error}");
            return count;
        }
    }
    1000
}

#[test]
fn what_no_reader_has_offered_yet_is_bounded_and_the_next_event_is_refused() {
    let mut rig = Rig::new(limited(1000));
    let mut stream = rig.subscribe(&["t"]);
    let count = publish_all(&rig, "t");
    let backlog = rig.hub.stats().backlog_bytes;
    assert!((900..=1000).contains(&backlog) && count > 20, "{count} events, {backlog} bytes");
    assert_eq!(rig.hub.stats().published, count as u64, "nothing of the refused one is there");
    assert_eq!(rig.events(&mut stream).len(), count, "a client that is offered it late gets all of it");
    rig.settle();
    assert_eq!(rig.hub.stats().backlog_bytes, 0);
    assert!(publish_all(&rig, "t") >= count - 2, "the ids are longer now");
}

#[test]
fn a_topic_that_nobody_reads_and_a_reader_with_nothing_to_do_hold_nobody_up() {
    let mut rig = Rig::new(limited(1000));
    assert_eq!(publish_all(&rig, "t"), 1000);
    let _elsewhere = rig.subscribe(&["elsewhere"]);
    rig.settle();
    assert_eq!(publish_all(&rig, "t"), 1000);
    assert_eq!(rig.hub.stats().backlog_bytes, 0);
}

#[test]
fn a_single_event_is_taken_whatever_its_size_when_nothing_waits() {
    let mut rig = Rig::new(limited(1000));
    let mut stream = rig.subscribe(&["t"]);
    let large = "x".repeat(5000);
    rig.publish("t", &large);
    assert_eq!(rig.hub.publish("t", &data("")).unwrap_err().kind(), ErrorKind::BacklogFull);
    assert_eq!(rig.events(&mut stream), [large]);
}

#[test]
fn a_reader_says_how_far_its_round_has_come() {
    let mut rig = Rig::new(Config { max_backlog_bytes: 100_000, ..quiet() });
    let _stream = rig.subscribe(&["t"]);
    let mut bytes = vec![0];
    for number in 0..10 {
        rig.publish("t", &number.to_string());
        rig.reader.changed(&mut Vec::new());
        bytes.push(rig.hub.stats().held_bytes - rig.hub.stats().history_events * History::EVENT_COST as u64);
    }
    for behind in 0..10 {
        rig.reader.note_offered(Some(behind));
        assert_eq!(rig.hub.stats().backlog_bytes, bytes[10] - bytes[behind as usize]);
    }
    rig.reader.note_offered(None);
    assert_eq!(rig.hub.stats().backlog_bytes, 0);
}

#[test]
fn a_reader_that_does_not_look_is_not_waited_for_for_ever_and_keeps_what_a_slow_client_may() {
    for paced in [false, true] {
        let mut rig = Rig::new(limited(1000));
        if paced {
            rig.reader.pace();
        }
        let mut stream = rig.subscribe(&["t"]);
        let count = publish_all(&rig, "t");
        rig.advance(if paced { 1001 } else { 30_001 });
        rig.publish("t", "again");
        assert_eq!(rig.hub.stats().backlog_bytes, 0, "paced: {paced}");
        let held = rig.hub.stats().held_bytes;
        assert!(held < 1500, "{held} bytes are held");
        assert!(count > 20 && rig.events(&mut stream).is_empty(), "it lost some, and ended");
    }
}

#[test]
fn what_is_sent_to_single_connections_counts_until_it_is_offered() {
    let mut rig = Rig::new(limited(1000));
    let (mut one, mut other) = (rig.subscribe(&[]), rig.subscribe(&["t"]));
    for stream in [&mut one, &mut other] {
        rig.read(stream);
    }
    let send = |stream: &mut crate::rig::Stream| stream.subscriber.send(&data(&"x".repeat(300)));
    assert!(send(&mut one).unwrap() && send(&mut other).unwrap());
    assert!(send(&mut one).unwrap(), "more than the lag limit, but it was not offered yet");
    assert_eq!(rig.hub.stats().backlog_bytes, 3 * 308);
    assert_eq!(send(&mut other).unwrap_err().kind(), ErrorKind::BacklogFull);
    let published = rig.hub.publish("t", &Event { event: Some("x"), ..data(&"x".repeat(100)) });
    assert_eq!(published.unwrap_err().kind(), ErrorKind::BacklogFull);
    assert_eq!(rig.events(&mut one).len(), 2);
    assert_eq!(rig.hub.stats().backlog_bytes, 308);
    // A full connection was offered what it has, and what it is sent then waits for it and not for the engine.
    rig.reader.stop(&mut other.subscriber, true);
    assert_eq!(rig.hub.stats().backlog_bytes, 0);
    assert!(send(&mut other).unwrap());
    assert_eq!(rig.hub.stats().backlog_bytes, 0);
    other.subscriber.go_on();
    assert!(matches!(rig.reader.next(&mut other.subscriber), Next::Batch(batch) if batch.events() == 2));
    drop(send(&mut one));
    drop(one);
    assert_eq!(rig.hub.stats().backlog_bytes, 0, "a connection that ended has no backlog");
}
