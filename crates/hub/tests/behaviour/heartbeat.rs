use std::time::Duration;

use ssecast_hub::Config;

use crate::rig::{Rig, Stream, data, keeps, quiet, reset};

fn beat(rig: &mut Rig, stream: &mut Stream) -> Vec<String> {
    let heartbeat = stream.subscriber.heartbeat();
    assert_eq!(heartbeat.events(), 0);
    rig.see(stream, &heartbeat.bytes())
}

#[test]
fn a_heartbeat_is_due_when_nothing_was_sent_for_its_interval() {
    let mut rig = Rig::new(Config { heartbeat: Some(Duration::from_millis(50)), ..quiet() });
    let mut stream = rig.subscribe(&["t"]);
    assert_eq!(stream.subscriber.heartbeat_at(), Some(Duration::from_millis(50)));
    rig.advance(30);
    rig.publish("t", "1");
    rig.read(&mut stream);
    assert_eq!(stream.subscriber.heartbeat_at(), Some(Duration::from_millis(80)));
    rig.advance(50);
    beat(&mut rig, &mut stream);
    assert_eq!(stream.subscriber.heartbeat_at(), Some(Duration::from_millis(130)));
}

#[test]
fn heartbeats_can_be_off_or_as_rare_as_can_be() {
    for (heartbeat, due) in [(None, None), (Some(Duration::MAX), Some(Duration::MAX))] {
        let mut rig = Rig::new(Config { heartbeat, ..quiet() });
        rig.advance(10);
        let stream = rig.subscribe(&["t"]);
        assert_eq!(stream.subscriber.heartbeat_at(), due);
    }
}

#[test]
fn a_heartbeat_is_a_comment_while_the_client_has_the_cursor() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.read(&mut stream);
    assert_eq!(beat(&mut rig, &mut stream), [":"]);
    rig.publish("t", "1");
    rig.read(&mut stream);
    assert_eq!(beat(&mut rig, &mut stream), [":"]);
}

#[test]
fn a_heartbeat_carries_the_cursor_once_the_hub_moved_on() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["quiet"]);
    rig.publish("busy", "1");
    rig.publish("busy", "2");
    assert_eq!(rig.read(&mut stream), ["#0"]);
    assert_eq!(beat(&mut rig, &mut stream), ["#2"]);
    assert_eq!(beat(&mut rig, &mut stream), [":"]);
}

#[test]
fn a_heartbeat_carries_the_cursor_also_if_the_hub_had_moved_on_when_the_last_event_was_read() {
    let mut rig = Rig::new(quiet());
    let mut streams = [rig.subscribe(&["quiet"]), rig.subscribe(&["quiet"])];
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    rig.publish("quiet", "1");
    rig.publish("busy", "2");
    for stream in &mut streams {
        assert_eq!(rig.read(stream), ["1"]);
        assert_eq!(rig.last_id(stream), "1");
        assert_eq!(beat(&mut rig, stream), ["#2"]);
    }
}

#[test]
fn the_cursor_of_a_heartbeat_resumes_without_a_loss_or_a_duplicate() {
    let mut rig = Rig::new(keeps(Some(1), None, None));
    let mut stream = rig.subscribe(&["quiet"]);
    rig.publish_as("mine", "quiet", "1").unwrap();
    rig.publish("busy", "2");
    assert_eq!(rig.events(&mut stream), ["1"]);
    beat(&mut rig, &mut stream);
    assert_eq!(rig.last_id(&stream), "2");
    rig.publish("quiet", "3");
    assert_eq!(rig.replay(&["quiet"], "mine"), [reset("unknown", None)]);
    assert_eq!(rig.replay(&["quiet"], &rig.id(2)), ["3"]);
}

#[test]
fn a_heartbeat_never_overtakes_a_reset_event_that_still_waits() {
    let mut rig = Rig::new(quiet());
    rig.publish("t", "1");
    let mut stream = rig.resume(&["t"], "what");
    rig.publish("busy", "2");
    assert_eq!(beat(&mut rig, &mut stream), [":"]);
    assert_eq!(rig.read(&mut stream), [reset("unknown", None)]);
}

#[test]
fn a_private_stream_has_comments_for_heartbeats() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&[]);
    rig.publish("t", "1");
    stream.subscriber.send(&data("mine")).unwrap();
    rig.read(&mut stream);
    assert_eq!(beat(&mut rig, &mut stream), [":"]);
}
