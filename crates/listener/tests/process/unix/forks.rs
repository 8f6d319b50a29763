use std::mem::ManuallyDrop;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use ssecast_engine::{Close, ErrorKind, Framing, Hub, LoopConnections, Reason, Sockets, Subscription};
use ssecast_hub::{Next, Wake};
use ssecast_listener::ListenerConfig;

use super::{in_a_child, in_a_child_of, passed};
use crate::endpoint::Endpoint;
use crate::rig::{PATIENCE, Rig, data, events, quiet, refusal, tcp};

/// What a server does that was just started.
fn serve(sockets: &Sockets) {
    let mut rig = Rig::new(quiet());
    rig.sockets = sockets.clone();
    let (id, mut client) = rig.connect(&["t"]);
    let pulled = rig.open(&["t"]);
    rig.publish("t", "of the child");
    assert_eq!(client.read_events(1), ["of the child"]);
    rig.turn();
    assert_eq!(events(&rig.written[&pulled]), ["of the child"]);
    rig.connections.end(id, Reason::Server);
    assert_eq!(rig.end_of(id), (Reason::Server, false));
    // The timer is a thread as well.
    let mut rig =
        Rig::new(ssecast_engine::Config { heartbeat: Some(std::time::Duration::from_millis(5)), ..quiet() });
    let id = rig.open(&["t"]);
    rig.until("a heartbeat", |rig| rig.written.get(&id).is_some_and(|bytes| bytes.ends_with(b":\n\n")));
}

pub(super) fn fork() {
    let mut rig = ManuallyDrop::new(Rig::new(quiet()));
    rig.sockets = Sockets::shared();
    let (id, mut client) = rig.connect(&["t"]);
    let (_, mut released) = rig.release(&["t"], tcp(), Framing::Chunked);
    rig.publish("t", "1");
    client.read_events(1);
    released.read_events(1);
    let status = in_a_child(|| {
        serve(&Sockets::shared());
        serve(&rig.sockets);
        serve_hub(&rig.hub);
        // None of this is the child's to do, and the parent's threads must not hear of it.
        assert!(!rig.send(id, "of the child"));
        assert!(!rig.connections.change_topics(id, &["u"], &["t"]).unwrap());
        rig.connections.pause(id);
        rig.connections.resume(id);
        rig.connections.end(id, Reason::Server);
        rig.connections.remove(id, Reason::Server);
        assert_eq!(rig.connections.pending_bytes(id), 0);
        let refused = rig.connections.open(&Subscription { topics: &["t"], ..Subscription::default() });
        assert_eq!(refusal(refused), ErrorKind::Closed);
        let refused = rig.connections.attach_socket(&rig.sockets, id, tcp().0.as_fd(), Framing::Raw, false);
        assert_eq!(refusal(refused), ErrorKind::Closed);
        rig.turn();
        assert!(rig.ended.is_empty() && rig.written.is_empty());
        rig.hub.close(&Close::default()).unwrap();
        assert!(rig.hub.wait_closed(PATIENCE));
        // SAFETY: the child does nothing with it after that, and its parent has one of its own.
        unsafe { ManuallyDrop::drop(&mut rig) };
        let hub = Hub::new(quiet()).unwrap();
        let grandchild = || {
            serve(&Sockets::shared());
            serve_hub(&hub);
        };
        assert!(passed(in_a_child(grandchild)), "a grandchild");
    });
    assert!(passed(status), "signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
    rig.publish("t", "2");
    assert_eq!(client.read_events(2), ["1", "2"]);
    assert_eq!(released.read_events(2), ["1", "2"]);
    assert!(rig.send(id, "3"));
    rig.connections.end(id, Reason::Server);
    assert_eq!(rig.end_of(id), (Reason::Server, false));
    assert_eq!(client.read_events(3), ["1", "2", "3"]);
}

/// Uses a hub as if this process had made it: it is empty, and it works.
fn serve_hub(hub: &Hub) {
    let stats = hub.stats();
    assert_eq!((hub.head(), stats.connections, stats.history_events, stats.topics), (0, 0, 0, 0));
    let mut rig = Rig::of(hub.clone());
    let (id, mut client) = rig.connect(&["t"]);
    let pulled = rig.open(&["t"]);
    rig.publish("t", "of the child");
    assert_eq!(client.read_events(1), ["of the child"]);
    rig.turn();
    assert_eq!(events(&rig.written[&pulled]), ["of the child"]);
    rig.connections.remove(pulled, Reason::Client);
    rig.connections.end(id, Reason::Server);
    assert_eq!(rig.end_of(id), (Reason::Server, false));
    assert_eq!(hub.stats().connections, 0);
}

/// A wake that the hub may call; it must not in a child.
fn no_wake() -> Arc<dyn Wake> {
    let parent = std::process::id();
    Arc::new(move || assert_eq!(std::process::id(), parent, "the child wakes a reader of its parent's"))
}

pub(super) fn inherited_readers() {
    let hub = Hub::new(quiet()).unwrap();
    let before = hub.publish("t", &data("of the parent")).unwrap().id;
    let mut reader = hub.reader(no_wake());
    let subscription =
        Subscription { topics: &["t"], last_event_id: Some(&before), ..Subscription::default() };
    let mut subscriber = reader.subscribe(&subscription).unwrap();
    let change = reader.registrar().change_topics(&["u"], &[]).unwrap();
    let closed = Hub::new(quiet()).unwrap();
    closed.close(&Close::default()).unwrap();
    let status = in_a_child(|| {
        // SAFETY: the parent goes on with what it has; here they are dropped, as a host's clean-up does.
        let (mut reader, mut subscriber) =
            unsafe { (std::ptr::read(&raw const reader), std::ptr::read(&raw const subscriber)) };
        // SAFETY: the same.
        let change = unsafe { std::ptr::read(&raw const change) };
        let id = hub.publish("t", &data("of the child")).unwrap().id;
        let (epoch, sequence) = id.split_once('-').unwrap();
        assert!(sequence == "1" && before.split_once('-').unwrap().0 != epoch, "{before} {id}");
        assert_eq!(refusal(reader.subscribe(&subscription)), ErrorKind::Closed);
        assert_eq!(refusal(subscriber.change_topics(&["u"], &[])), ErrorKind::Closed);
        assert_eq!(refusal(subscriber.send(&data("x"))), ErrorKind::Closed);
        reader.changed(&mut Vec::new());
        reader.note_progress(0, 0, 0);
        assert!(matches!(reader.next(&mut subscriber), Next::End(Reason::Error)));
        assert!(subscriber.topic_names().is_empty());
        assert!(subscriber.check_lag().is_err());
        subscriber.apply(change);
        subscriber.end(Reason::Server);
        drop((reader, subscriber));
        // A client of the parent's is one of another epoch here.
        let mut own = hub.reader(no_wake());
        let mut client = own.subscribe(&subscription).unwrap();
        let Next::Batch(batch) = own.next(&mut client) else { panic!("nothing") };
        let text = String::from_utf8(batch.bytes().to_vec()).unwrap();
        assert!(text.contains("\"epoch\"") && hub.stats().connections == 1, "{text}");
        // What was closed before the fork stays closed.
        assert!(closed.is_closed() && closed.wait_closed(Duration::ZERO));
        assert_eq!(refusal(closed.publish("t", &data("x"))), ErrorKind::Closed);
    });
    assert!(passed(status), "signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
    let id = hub.publish("t", &data("of the parent")).unwrap().id;
    assert_eq!(id.split_once('-').unwrap(), (before.split_once('-').unwrap().0, "2"));
    let Next::Batch(greeting) = reader.next(&mut subscriber) else { panic!("nothing") };
    assert!(greeting.bytes().starts_with(b"id: "));
    let Next::Batch(batch) = reader.next(&mut subscriber) else { panic!("nothing") };
    assert_eq!(events(&batch.bytes()), ["of the parent"]);
    assert_eq!(hub.stats().connections, 1);
}

/// As uWSGI and runtimes of other languages may do it: nothing of the C library's hears of the child.
pub(super) fn raw_clone() {
    let hub = Hub::new(quiet()).unwrap();
    let before = hub.publish("t", &data("of the parent")).unwrap().id;
    // In a namespace of its own a child may have the number of its parent; where that is not allowed, it has not.
    for flags in [0, libc::CLONE_NEWUSER | libc::CLONE_NEWPID] {
        // SAFETY: without flags that share memory this is a fork.
        let clone = || unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD | flags, 0, 0, 0, 0) };
        let status = in_a_child_of(clone, || {
            let id = hub.publish("t", &data("of the child")).unwrap().id;
            assert!(id.ends_with("-1") && id != before, "{id}");
        });
        let Some(status) = status else {
            println!("skipped: a child in namespaces of its own is not permitted here");
            continue;
        };
        assert!(passed(status), "signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
    }
    assert!(hub.publish("t", &data("of the parent")).unwrap().id.ends_with("-2"));
}

pub(super) fn fork_at_work() {
    let hub = Hub::new(quiet()).unwrap();
    let connections = LoopConnections::new(&hub, || {});
    let sockets = Sockets::shared();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Attaches, writes, detaches and sets alarms without a pause, so that a fork finds every lock held.
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let (host, _client) = tcp();
                let id = connections
                    .open_paused(&Subscription { topics: &["t"], ..Subscription::default() })
                    .unwrap();
                connections.attach_socket(&sockets, id, host.as_fd(), Framing::Raw, false).unwrap();
                hub.publish("t", &data("work")).unwrap();
                connections.take(10, &mut Vec::new());
                connections.remove(id, Reason::Client);
            }
        });
        for _ in 0..200 {
            let status = in_a_child(|| {
                serve_hub(&hub);
                serve(&Sockets::shared());
                let refused = connections.open(&Subscription { topics: &["t"], ..Subscription::default() });
                assert_eq!(refusal(refused), ErrorKind::Closed);
                assert!(!connections.take(10, &mut Vec::new()));
                // SAFETY: the child does nothing with it after that, and its parent has one of its own.
                drop(unsafe { std::ptr::read(&raw const connections) });
            });
            if !passed(status) {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

pub(super) fn inherited_listener() {
    let mut endpoint = ManuallyDrop::new(Endpoint::open(ListenerConfig::default()));
    let mut stream = endpoint.stream();
    let status = in_a_child(|| {
        // SAFETY: the child does nothing with it after that, and its parent has one of its own.
        unsafe { ManuallyDrop::drop(&mut endpoint) };
        // The child serves clients of its own.
        let own = Endpoint::open(ListenerConfig::default());
        own.serves();
    });
    assert!(passed(status), "signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
    endpoint.serves();
    endpoint.publish("of the parent");
    stream.read_until("data: of the parent\n");
}
