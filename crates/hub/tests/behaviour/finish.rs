use std::sync::Arc;

use ssecast_hub::{Close, ErrorKind, Event, Reason, Subscription, is_finished};

use crate::rig::{Rig, data, quiet};

#[test]
fn a_finished_stream_ends_with_an_id_that_is_known_when_the_client_comes_back() {
    let mut rig = Rig::new(quiet());
    for topics in [&["t"][..], &[]] {
        let mut stream = rig.subscribe(topics);
        rig.publish("t", "1");
        let block = rig.hub.final_block();
        assert!(stream.subscriber.queue(block));
        stream.subscriber.end(Reason::Server);
        rig.publish("t", "after the end");
        let expected: &[&str] = if topics.is_empty() { &[] } else { &["1"] };
        assert_eq!(rig.events(&mut stream), expected, "the block itself is no event");
        assert_eq!(stream.ended, Some(Reason::Server));
        assert!(is_finished(&rig.last_id(&stream)), "{}", rig.last_id(&stream));
    }
}

#[test]
fn the_id_of_finished_streams_is_refused_for_events() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&[]);
    let block = rig.hub.final_block();
    stream.subscriber.queue(block);
    rig.events(&mut stream);
    let id = rig.last_id(&stream);
    assert!(is_finished(&id) && !is_finished("") && !is_finished(&rig.id(1)), "{id}");
    let event = Event { id: Some(&id), ..data("x") };
    let refused = [
        rig.hub.publish("t", &event).map(drop),
        rig.hub.private(&event).map(drop),
        rig.hub.close(&Close { event: Some(event), ..Close::default() }),
    ];
    assert!(!rig.hub.is_closed());
    for result in refused {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidId, "id"), "{}", error.message());
    }
}

#[test]
fn a_client_that_comes_back_to_a_finished_stream_gets_none() {
    let rig = Rig::new(quiet());
    let mut reader = rig.hub.reader(Arc::new(|| ()));
    for topics in [&["t"][..], &[]] {
        let again =
            Subscription { topics, last_event_id: Some("ssecast-finished"), ..Subscription::default() };
        assert_eq!(reader.subscribe(&again).unwrap_err().kind(), ErrorKind::TopicEnded);
    }
    assert_eq!(rig.hub.stats().connections, 0);
}
