use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use ssecast_hub::{Close, Config, ErrorKind, Event, Reason};

use crate::rig::{Rig, data, quiet};

fn farewell() -> Close<'static> {
    let event = Event { event: Some("bye"), data: Some("soon back"), ..Event::default() };
    Close { event: Some(event), grace: Duration::from_millis(500) }
}

#[test]
fn every_client_gets_what_is_pending_then_the_farewell_and_ends() {
    let mut rig = Rig::new(quiet());
    let mut streams = [rig.subscribe(&["t"]), rig.subscribe(&["t", "u"]), rig.subscribe(&[])];
    rig.publish("t", "1");
    streams[2].subscriber.send(&data("mine")).unwrap();
    rig.hub.close(&farewell()).unwrap();
    for (stream, pending) in streams.iter_mut().zip(["1", "1", "mine"]) {
        assert_eq!(rig.events(stream), [pending, "bye soon back"]);
        assert_eq!(stream.ended, Some(Reason::Shutdown));
    }
    drop(streams);
    assert_eq!(rig.hub.stats().disconnects(Reason::Shutdown), 3);
}

#[test]
fn every_client_gets_a_reconnection_time_of_its_own() {
    let mut rig = Rig::new(Config { retry: Some(Duration::from_secs(1)), ..quiet() });
    let mut streams: Vec<_> = (0..20).map(|_| rig.subscribe(&["t"])).collect();
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    rig.hub.close(&Close::default()).unwrap();
    let mut times: Vec<u64> = Vec::new();
    for stream in &mut streams {
        let seen = rig.read(stream);
        assert_eq!(seen.len(), 1);
        times.push(seen[0].strip_prefix("retry ").unwrap().parse().unwrap());
    }
    assert!(times.iter().all(|time| (1000..2000).contains(time)), "{times:?}");
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 15, "{times:?}");
}

#[test]
fn a_server_that_shuts_down_gives_each_client_a_reconnection_time_of_its_own_behind_what_is_pending() {
    let mut rig = Rig::new(Config { retry: Some(Duration::from_secs(1)), ..quiet() });
    let mut streams: Vec<_> = (0..20).map(|number| rig.subscribe(&["t"][..number % 2])).collect();
    streams.iter_mut().for_each(|stream| drop(rig.read(stream)));
    rig.publish("t", "1");
    let mut times: Vec<u64> = Vec::new();
    for stream in &mut streams {
        stream.subscriber.send(&data("bye")).unwrap();
        stream.subscriber.end(Reason::Shutdown);
        let seen = rig.read(stream);
        assert_eq!(stream.ended, Some(Reason::Shutdown));
        times.push(seen.last().unwrap().strip_prefix("retry ").unwrap().parse().unwrap());
        assert!(seen[seen.len() - 2].contains("bye"), "{seen:?}");
    }
    assert!(times.iter().all(|time| (1000..2000).contains(time)), "{times:?}");
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 15, "{times:?}");
}

#[test]
fn a_stream_that_ends_for_another_reason_gets_no_other_reconnection_time() {
    for reason in [Reason::Server, Reason::Error] {
        let mut rig = Rig::new(Config { retry: Some(Duration::from_secs(1)), ..quiet() });
        let mut stream = rig.subscribe(&["t"]);
        rig.read(&mut stream);
        stream.subscriber.end(reason);
        assert_eq!(rig.read(&mut stream), [""; 0]);
        assert_eq!(stream.ended, Some(reason));
    }
}

#[test]
fn with_no_farewell_and_no_reconnection_time_the_stream_just_ends() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.read(&mut stream);
    rig.hub.close(&Close::default()).unwrap();
    assert_eq!(rig.read(&mut stream), [""; 0]);
    assert_eq!(stream.ended, Some(Reason::Shutdown));
}

#[test]
fn after_close_publications_connections_and_sends_are_refused() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.hub.close(&farewell()).unwrap();
    assert!(rig.hub.is_closed());
    assert_eq!(rig.hub.publish("t", &data("late")).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(rig.try_subscribe(&["t"], None).err().unwrap().kind(), ErrorKind::Closed);
    assert!(!stream.subscriber.send(&data("late")).unwrap());
    assert_eq!(rig.events(&mut stream), ["bye soon back"]);
}

#[test]
fn a_closed_hub_is_waited_for_until_its_last_connection_has_ended() {
    let mut rig = Rig::new(quiet());
    let stream = rig.subscribe(&["t"]);
    let hub = rig.hub.clone();
    let waiting = thread::spawn(move || hub.wait_closed(Duration::MAX));
    assert!(!rig.hub.wait_closed(Duration::ZERO));
    rig.hub.close(&Close::default()).unwrap();
    assert!(!rig.hub.wait_closed(Duration::from_millis(1)));
    drop(stream);
    assert!(waiting.join().unwrap());
}

#[test]
fn tasks_are_woken_when_a_closed_hub_is_over_and_not_before() {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut rig = Rig::new(quiet());
    let stream = rig.subscribe(&["t"]);
    let mut closed = Box::pin(rig.hub.closed());
    for _ in 0..3 {
        assert!(closed.as_mut().poll(&mut context).is_pending());
    }
    rig.hub.close(&Close::default()).unwrap();
    assert!(closed.as_mut().poll(&mut context).is_pending(), "there is a connection");
    let before = woken.0.load(Ordering::Relaxed);
    drop(stream);
    assert_eq!(woken.0.load(Ordering::Relaxed), before + 1, "one task is woken once");
    assert!(closed.as_mut().poll(&mut context).is_ready());
    assert!(Box::pin(rig.hub.closed()).as_mut().poll(&mut context).is_ready());
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn closing_twice_changes_nothing() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.advance(10);
    rig.hub.close(&farewell()).unwrap();
    rig.hub.close(&Close { event: Some(data("again")), grace: Duration::from_secs(9) }).unwrap();
    assert_eq!(rig.reader.closing(), Some(Duration::from_millis(510)));
    assert_eq!(rig.events(&mut stream), ["bye soon back"]);
    assert_eq!(rig.hub.stats().published, 0);
}

#[test]
fn a_farewell_that_is_no_valid_event_leaves_the_hub_open() {
    let mut rig = Rig::new(quiet());
    let event = Event { event: Some("a\nb"), ..Event::default() };
    let error = rig.hub.close(&Close { event: Some(event), ..Close::default() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidEvent);
    assert!(!rig.hub.is_closed());
    assert_eq!(rig.reader.closing(), None);
    rig.subscribe(&["t"]);
}

#[test]
fn a_single_connection_ends_once_all_that_was_published_and_sent_before_is_out() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    rig.publish("t", "1");
    stream.subscriber.send(&data("mine")).unwrap();
    stream.subscriber.end(Reason::Server);
    stream.subscriber.end(Reason::Error);
    rig.publish("t", "after the end");
    assert!(!stream.subscriber.send(&data("after the end")).unwrap());
    assert_eq!(rig.events(&mut stream), ["1", "mine"]);
    assert_eq!(stream.ended, Some(Reason::Server));
    assert_eq!(rig.read(&mut stream), [""; 0], "it stays ended");
    drop(stream);
    assert_eq!(rig.hub.stats().disconnects(Reason::Server), 1);
}

#[test]
fn a_connection_that_was_ended_gets_no_farewell() {
    let mut rig = Rig::new(quiet());
    let mut stream = rig.subscribe(&["t"]);
    stream.subscriber.end(Reason::Server);
    rig.hub.close(&farewell()).unwrap();
    assert_eq!(rig.events(&mut stream), [""; 0]);
    assert_eq!(stream.ended, Some(Reason::Server));
}
