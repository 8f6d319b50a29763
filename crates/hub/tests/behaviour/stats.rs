use ssecast_hub::{Close, History, Policy, Reason, ResetReason};

use crate::rig::{Rig, data, quiet, slow};

#[test]
fn a_hub_counts_connections_events_and_bytes() {
    let mut rig = Rig::new(quiet());
    let mut streams = [rig.subscribe(&["t"]), rig.subscribe(&["t", "u"])];
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    let before = rig.hub.stats();
    assert_eq!((before.connections, before.topics, before.delivered), (2, 2, 0));
    rig.publish("t", "1");
    rig.publish("u", "2");
    streams[0].subscriber.send(&data("mine")).unwrap();
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    let stats = rig.hub.stats();
    let frame = format!("id: {}\ndata: 1\n\n", rig.id(1)).len() as u64;
    assert_eq!((stats.published, stats.delivered, stats.history_events), (2, 4, 2));
    assert_eq!(stats.bytes - before.bytes, 3 * frame + 12);
    assert_eq!(stats.held_bytes, 2 * (frame + History::EVENT_COST as u64));
}

#[test]
fn a_hub_counts_why_connections_ended() {
    let mut rig = Rig::new(quiet());
    drop(rig.subscribe(&["t"]));
    for reason in Reason::ALL {
        let mut stream = rig.subscribe(&["t"]);
        stream.subscriber.set_reason(reason);
        assert_eq!(stream.subscriber.reason(), reason);
    }
    let mut last = rig.subscribe(&["t"]);
    rig.hub.close(&Close::default()).unwrap();
    rig.read(&mut last);
    drop(last);
    let stats = rig.hub.stats();
    assert_eq!(stats.disconnects, [2, 1, 2, 1, 1]);
    assert_eq!((stats.disconnects(Reason::Shutdown), stats.connections), (2, 0));
}

#[test]
fn a_hub_counts_reset_events_by_their_reason_once_they_are_sent() {
    let mut rig = Rig::new(slow(10, 1, Policy::Skip));
    rig.publish("t", "1");
    let mut streams = [rig.resume(&["t"], "what"), rig.resume(&["t"], "abcdefghij-1"), rig.subscribe(&["t"])];
    assert_eq!(rig.hub.stats().resets, [0; 4]);
    rig.publish("t", "2");
    rig.advance(2);
    streams[2].subscriber.check_lag().unwrap();
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    let stats = rig.hub.stats();
    assert_eq!(ResetReason::ALL.map(|reason| stats.resets(reason)), [1, 0, 1, 1]);
}

#[test]
fn a_hub_shows_the_lag_that_its_readers_noted() {
    let mut rig = Rig::new(quiet());
    let mut other = rig.hub.reader(std::sync::Arc::new(|| ()));
    rig.reader.note_progress(0, 2, 700);
    other.note_progress(0, 1, 900);
    assert_eq!((rig.hub.stats().lagging, rig.hub.stats().lag_bytes), (3, 900));
    drop(other);
    assert_eq!((rig.hub.stats().lagging, rig.hub.stats().lag_bytes), (2, 700));
}

#[test]
fn heartbeats_and_what_the_hub_says_itself_are_bytes_but_no_events() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.resume(&["t"], "what");
    rig.read(&mut stream);
    let stats = rig.hub.stats();
    assert_eq!(stats.delivered, 0);
    assert!(stats.bytes > 0);
}
