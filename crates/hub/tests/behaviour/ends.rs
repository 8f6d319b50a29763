use std::time::Duration;

use ssecast_hub::{Close, Config, ErrorKind, Next, Policy, Reason, Replay, Subscription, is_finished};

use crate::rig::{Rig, Stream, data, keeps, quiet, reset, slow};

const FINISHED: &str = "#ssecast-finished";

impl Rig {
    fn end_topic(&self, topic: &str) {
        self.hub.end_topic(topic).expect("room");
    }

    /// The kind of the refusal, if a client gets no stream.
    fn refusal(&mut self, topics: &[&str], id: &str, replay: Replay) -> Option<ErrorKind> {
        let subscription = Subscription { topics, last_event_id: Some(id), replay };
        let checked = self.hub.check_subscription(&subscription).err().map(|error| error.kind());
        let stats = self.hub.stats();
        let refused = self.reader.subscribe(&subscription).err().map(|error| error.kind());
        assert_eq!(checked, refused, "what HEAD is answered is what GET is");
        assert_eq!(
            (stats.connections, stats.topics),
            (self.hub.stats().connections, self.hub.stats().topics)
        );
        refused
    }

    fn is_finished(&mut self, stream: &mut Stream, events: &[&str]) -> bool {
        let items = self.read(stream);
        let seen: Vec<_> = items.iter().filter(|item| !item.starts_with('#')).collect();
        assert_eq!(seen, events);
        assert_eq!(items.last().is_some_and(|last| last == FINISHED), stream.ended.is_some(), "{items:?}");
        if stream.ended.is_some() {
            assert_eq!(stream.ended, Some(Reason::Server));
        }
        stream.ended.is_some()
    }
}

#[test]
fn readers_of_a_topic_that_ends_get_what_is_left_and_a_block_by_which_they_stay_away() {
    let mut rig = Rig::new(quiet());
    let mut prompt = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    assert!(!rig.is_finished(&mut prompt, &["1"]));
    let mut late = rig.begin(&["t"], Replay::All);
    rig.publish("t", "2");
    let wakes = rig.wakes();
    rig.settle();
    rig.end_topic("t");
    assert_eq!(rig.wakes(), wakes + 1, "the end wakes the reader");
    assert!(rig.is_finished(&mut prompt, &["2"]));
    assert!(rig.is_finished(&mut late, &["1", "2"]));
    assert!(is_finished(&rig.last_id(&late)));
    drop((prompt, late));
    let stats = rig.hub.stats();
    assert_eq!((stats.connections, stats.disconnects(Reason::Server), stats.delivered), (0, 2, 4));
}

#[test]
fn a_reader_that_serves_its_connections_by_rounds_finishes_each_of_them() {
    let mut rig = Rig::new(quiet());
    let mut streams = [rig.subscribe(&["t"]), rig.subscribe(&["t"])];
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    rig.settle();
    rig.publish("t", "1");
    rig.end_topic("t");
    let mut changed = Vec::new();
    let head = rig.reader.changed(&mut changed);
    assert_eq!(changed.len(), 1);
    for stream in &mut streams {
        let mut seen = Vec::new();
        // As the engine does: one that is past the round's head is asked no more.
        while !stream.subscriber.is_past(head) {
            match rig.reader.next_in_round(&mut stream.subscriber) {
                Next::Batch(batch) => seen.extend(rig.see(stream, &batch.bytes())),
                Next::End(reason) => {
                    stream.ended = Some(reason);
                    break;
                }
                Next::Idle => panic!("it has an end"),
            }
        }
        assert_eq!((seen, stream.ended), (vec!["1".to_owned(), FINISHED.to_owned()], Some(Reason::Server)));
    }
}

#[test]
fn whoever_comes_later_gets_the_whole_and_the_end_or_no_stream_if_there_is_nothing_left() {
    let mut rig = Rig::new(quiet());
    ["1", "2", "3"].iter().for_each(|text| rig.publish("t", text));
    rig.end_topic("t");
    let mut whole = rig.begin(&["t"], Replay::All);
    assert!(rig.is_finished(&mut whole, &["1", "2", "3"]));
    let mut newest = rig.begin(&["t"], Replay::Last(1));
    assert!(rig.is_finished(&mut newest, &["3"]));
    let mut resumed = rig.resume(&["t"], &rig.id(1));
    assert!(rig.is_finished(&mut resumed, &["2", "3"]));
    let [third, end] = [3, 4].map(|sequence| rig.id(sequence));
    for (id, replay) in [(&*third, Replay::All), (&end, Replay::All), ("", Replay::Last(0))] {
        assert_eq!(rig.refusal(&["t"], id, replay), Some(ErrorKind::TopicEnded), "{id:?}");
    }
    drop((whole, newest, resumed));
    assert_eq!(rig.hub.stats().connections, 0, "a refused one counts not at all");
    // A loss is told first.
    let mut lost = rig.resume(&["t"], "aaaaaaaaaa-1");
    assert!(rig.is_finished(&mut lost, &[&*reset("epoch", None), "1", "2", "3"]));
    let mut unknown = rig.resume(&["t"], "unheard of");
    assert!(rig.is_finished(&mut unknown, &[&*reset("unknown", None)]));
}

#[test]
fn a_client_that_lost_the_last_events_of_an_ended_topic_is_told_so() {
    let mut rig = Rig::new(keeps(None, None, Some(100)));
    ["1", "2", "3"].iter().for_each(|text| rig.publish("t", text));
    rig.end_topic("t");
    rig.advance(101);
    let mut stream = rig.resume(&["t"], &rig.id(1));
    assert!(rig.is_finished(&mut stream, &[&*reset("expired", Some(2))]));
    assert_eq!(rig.refusal(&["t"], "", Replay::All), Some(ErrorKind::TopicEnded), "nothing is left of it");
}

#[test]
fn a_connection_of_several_topics_ends_when_all_of_them_have_ended() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["a", "b"]);
    rig.publish("a", "1");
    rig.end_topic("a");
    assert!(!rig.is_finished(&mut stream, &["1"]));
    rig.publish("b", "2");
    assert!(!rig.is_finished(&mut stream, &["2"]));
    let mut other = rig.resume(&["a", "b"], &rig.id(0));
    assert!(!rig.is_finished(&mut other, &["1", "2"]));
    rig.end_topic("b");
    assert!(rig.is_finished(&mut stream, &[]));
    assert!(rig.is_finished(&mut other, &[]));
}

#[test]
fn a_change_of_topics_that_leaves_only_ended_ones_ends_the_connection() {
    let mut rig = Rig::new(quiet());
    rig.end_topic("over");
    let mut both = rig.subscribe(&["over", "live"]);
    let mut joining = rig.subscribe(&["live"]);
    let mut private = rig.subscribe(&[]);
    for stream in [&mut both, &mut joining, &mut private] {
        assert!(!rig.is_finished(stream, &[]));
    }
    joining.subscriber.change_topics(&["over"], &[]).unwrap();
    assert!(!rig.is_finished(&mut joining, &[]));
    for stream in [&mut both, &mut joining] {
        stream.subscriber.change_topics(&[], &["live"]).unwrap();
        assert!(rig.is_finished(stream, &[]));
    }
    private.subscriber.change_topics(&["over"], &[]).unwrap();
    let Next::Batch(batch) = rig.reader.next(&mut private.subscriber) else { panic!("its place") };
    rig.see(&mut private, &batch.bytes());
    assert!(!private.subscriber.is_past(0), "there is more to ask it for");
    assert!(rig.is_finished(&mut private, &[]));
}

#[test]
fn what_was_sent_to_a_connection_alone_goes_out_before_its_end() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    assert!(stream.subscriber.send(&data("own")).unwrap());
    rig.end_topic("t");
    rig.publish("other", "x");
    assert!(stream.subscriber.send(&data("own too")).unwrap());
    assert!(rig.is_finished(&mut stream, &["1", "own", "own too"]));
    assert!(!stream.subscriber.send(&data("late")).unwrap());
}

#[test]
fn nothing_is_published_to_a_topic_that_has_ended_and_ending_it_again_changes_nothing() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "1");
    rig.end_topic("t");
    rig.end_topic("t");
    let error = rig.hub.publish("t", &data("2")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::TopicEnded, "topic"));
    assert_eq!(rig.hub.stats().published, 2, "the end is one");
    assert_eq!(rig.hub.end_topic("").unwrap_err().kind(), ErrorKind::InvalidTopic);
    rig.end_topic("never was");
    assert_eq!(rig.refusal(&["never was"], "", Replay::All), Some(ErrorKind::TopicEnded));
    rig.hub.close(&Close::default()).unwrap();
    assert_eq!(rig.hub.end_topic("other").unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn an_ended_topic_is_forgotten_after_its_time_and_its_name_is_another_topics() {
    let mut rig = Rig::new(Config { keep_ended: Duration::from_secs(1), ..quiet() });
    let empty = rig.hub.stats();
    for number in 0..100 {
        let topic = format!("answer {number}");
        rig.publish(&topic, "1");
        rig.end_topic(&topic);
    }
    rig.advance(1000);
    assert_eq!(rig.hub.stats().topics, 100);
    assert_eq!(rig.refusal(&["answer 7"], &rig.id(200), Replay::All), Some(ErrorKind::TopicEnded));
    rig.advance(1);
    let stats = rig.hub.stats();
    assert_eq!((stats.topics, stats.history_events, stats.held_bytes), (0, 0, empty.held_bytes));
    rig.publish("answer 7", "another");
    let mut stream = rig.begin(&["answer 7"], Replay::All);
    assert!(!rig.is_finished(&mut stream, &["another"]));
    // A client of the one before is told that it may have missed something.
    let mut back = rig.resume(&["answer 7"], &rig.id(15));
    assert_eq!(rig.events(&mut back), [&*reset("expired", None), "another"]);
}

#[test]
fn a_topic_that_is_forgotten_is_no_loss_of_a_client_of_another_one() {
    let mut rig = Rig::new(Config { keep_ended: Duration::from_secs(1), ..quiet() });
    drop(rig.subscribe(&["quiet"]));
    for round in 0..3 {
        let place = rig.id(2 * round);
        rig.publish("answer", "1");
        rig.end_topic("answer");
        rig.advance(1001);
        assert_eq!(rig.hub.stats().topics, 0);
        assert!(rig.replay(&["quiet"], &place).is_empty());
        assert_eq!(rig.replay(&["answer"], &place), [reset("expired", None)], "it has lost something");
    }
}

#[test]
fn a_topic_is_another_one_from_the_first_use_after_its_time_on() {
    let mut rig = Rig::new(Config { keep_ended: Duration::from_secs(1), ..quiet() });
    for topic in ["published", "subscribed", "ended"] {
        rig.publish(topic, "old");
        rig.end_topic(topic);
    }
    rig.advance(1001);
    let mut stream = rig.begin(&["subscribed"], Replay::All);
    assert!(!rig.is_finished(&mut stream, &[]));
    rig.publish("subscribed", "new");
    assert!(!rig.is_finished(&mut stream, &["new"]));
    rig.publish("published", "new");
    let mut stream = rig.begin(&["published"], Replay::All);
    assert!(!rig.is_finished(&mut stream, &["new"]));
    rig.end_topic("ended");
    assert_eq!(rig.refusal(&["ended"], "", Replay::All), Some(ErrorKind::TopicEnded));
    rig.advance(999);
    assert_eq!(rig.refusal(&["ended"], "", Replay::All), Some(ErrorKind::TopicEnded), "its time begins anew");
}

#[test]
fn a_connection_of_several_topics_remembers_those_that_were_forgotten_meanwhile() {
    let mut rig = Rig::new(Config { keep_ended: Duration::from_secs(1), ..quiet() });
    let mut stream = rig.subscribe(&["a", "b"]);
    rig.publish("a", "1");
    rig.end_topic("a");
    assert!(!rig.is_finished(&mut stream, &["1"]));
    rig.settle();
    rig.advance(1001);
    assert_eq!(rig.hub.stats().history_events, 0);
    rig.end_topic("b");
    assert!(rig.is_finished(&mut stream, &[]));
    drop(stream);
    rig.advance(1001);
    assert_eq!(rig.hub.stats().topics, 0);
}

#[test]
fn a_topic_is_not_forgotten_while_a_connection_still_reads_it() {
    let mut rig = Rig::new(Config { keep_ended: Duration::from_secs(1), ..quiet() });
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    rig.end_topic("t");
    rig.advance(1500);
    assert_eq!(rig.hub.stats().topics, 1);
    assert!(rig.is_finished(&mut stream, &["1"]));
    rig.settle();
    drop(stream);
    rig.advance(1500);
    assert_eq!(rig.hub.stats().topics, 0);
}

#[test]
fn a_slow_client_that_skips_to_the_end_of_an_ended_topic_is_finished() {
    let mut rig = Rig::new(Config { max_backlog_bytes: 1, ..slow(10, 100, Policy::Skip) });
    let mut stream = rig.subscribe(&["t"]);
    rig.read(&mut stream);
    rig.settle();
    rig.offer("t", "a text that is too long to wait");
    rig.end_topic("t");
    rig.reader.stop(&mut stream.subscriber, true);
    rig.advance(1000);
    assert_eq!(stream.subscriber.check_lag(), Ok(0));
    stream.subscriber.go_on();
    assert!(rig.is_finished(&mut stream, &[&*reset("lagged", Some(1))]));
}

#[test]
fn a_client_that_has_all_is_finished_also_when_the_hub_closes() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    rig.end_topic("t");
    let farewell = Close { event: Some(data("bye")), ..Close::default() };
    rig.hub.close(&farewell).unwrap();
    assert!(rig.is_finished(&mut stream, &["1"]));
}

#[test]
fn the_time_for_which_an_ended_topic_is_kept_is_at_least_a_millisecond() {
    let config = Config { keep_ended: Duration::ZERO, ..quiet() };
    let error = ssecast_hub::Hub::new(config).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidOption, "keep_ended"));
}
