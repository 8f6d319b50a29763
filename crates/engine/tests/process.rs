//! What concerns a whole process: each case runs in a child of its own, made by a fork while nothing else runs.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[cfg(unix)]
#[allow(dead_code, reason = "the listener's tests use all of it")]
#[path = "listener/endpoint.rs"]
mod endpoint;
#[cfg(unix)]
mod rig;

#[cfg(unix)]
mod unix {
    use std::io::Write;
    use std::mem::ManuallyDrop;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::process::ExitCode;
    use std::sync::Arc;
    use std::time::Duration;

    use rustix::net::{AddressFamily, SocketType, socket};
    use ssecast_engine::{
        Close, ErrorKind, Framing, Hub, ListenerConfig, Next, Pull, Reason, Sockets, Subscription, Wake,
    };

    use crate::endpoint::{Endpoint, GET, Visit};
    use crate::rig::{Client, PATIENCE, Rig, data, events, quiet, refusal, tcp, tiny};

    const CASES: [(&str, fn()); 9] = [
        ("a signal of a broken pipe never reaches the host", no_broken_pipe),
        ("without a descriptor left a connection stays with pull delivery", no_descriptor_left),
        ("without a descriptor left a listener waits until there is one", listener_without_descriptors),
        ("for a new connection a listener without a descriptor gives up stale ones", stale_connections),
        ("signals that interrupt system calls change nothing", signals),
        ("a child has threads of its own and leaves its parent's connections alone", fork),
        ("a child that is born while the parent is at work starts afresh", fork_at_work),
        ("an inherited hub is another one in a child, and its readers are over", inherited_readers),
        ("a child that no hook can know of has a hub of its own", raw_clone),
    ];

    /// How a child ends that has done what it should: not the code of one that has merely returned.
    const PASSED: i32 = 42;

    pub(super) fn main() -> ExitCode {
        let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
        let cases = CASES.iter().filter(|(name, _)| wanted.iter().all(|word| name.contains(word.as_str())));
        let mut failed = 0;
        for (name, case) in cases {
            let status = in_a_child(*case);
            let passed = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == PASSED;
            println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
            if !passed {
                println!("  signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
                failed += 1;
            }
        }
        ExitCode::from(failed)
    }

    /// Runs something in a child, and returns its status. A child that hangs is ended by its own alarm.
    fn in_a_child(what: impl FnOnce()) -> libc::c_int {
        std::io::stdout().flush().expect("a standard output");
        // SAFETY: what the child does is what a host's child does; that it may is what is tested here.
        in_a_child_of(|| unsafe { libc::fork() }.into(), what).expect("a child")
    }

    /// The same with another way to make a child; `None` if the system refuses it.
    fn in_a_child_of(fork: impl FnOnce() -> libc::c_long, what: impl FnOnce()) -> Option<libc::c_int> {
        let child = libc::pid_t::try_from(fork()).expect("a process");
        if child < 0 {
            return None;
        }
        if child == 0 {
            // SAFETY: no memory is involved.
            unsafe { libc::alarm(60) };
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what)).map_or(1, |()| PASSED);
            // SAFETY: ends the child without running what its parent has registered.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: the pointer is that of a local variable.
        while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
        Some(status)
    }

    fn passed(status: libc::c_int) -> bool {
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == PASSED
    }

    fn no_broken_pipe() {
        // SAFETY: the default is what a host written in C has; Rust's own start-up ignores the signal.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let mut rig = Rig::new(quiet());
        for released in [false, true] {
            for pair in [tcp, tiny] {
                let (id, client) = if released {
                    rig.release(&["t"], pair(), Framing::Chunked)
                } else {
                    rig.attach(&["t"], None, pair(), Framing::Chunked)
                };
                drop(client);
                while !rig.ended.contains_key(&id) {
                    rig.publish("t", "is anybody there");
                    rig.turn();
                }
            }
        }
    }

    fn no_descriptor_left() {
        let mut rig = Rig::new(quiet());
        let (host, client) = tcp();
        let id = rig.pull.open_paused(&Subscription { topics: &["t"], last_event_id: None }).unwrap();
        let limit = limit_descriptors(Some(0));
        for _ in 0..3 {
            let refused = rig.pull.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false);
            assert_eq!(refusal(refused), ErrorKind::TooManyDescriptors);
        }
        rig.pull.resume(id);
        rig.publish("t", "by pull delivery");
        rig.turn();
        assert_eq!(events(&rig.written[&id]), ["by pull delivery"]);

        // Room for the duplicate, but not for what a thread needs.
        assert_eq!(limit_descriptors(Some(1)), limit + 1);
        let refused = rig.pull.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false);
        assert_eq!(refusal(refused), ErrorKind::TooManyDescriptors);

        limit_descriptors(None);
        rig.pull.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false).unwrap();
        rig.publish("t", "by an engine thread");
        assert_eq!(Client::new(client, Framing::Chunked).read_events(1), ["by an engine thread"]);
    }

    /// Leaves the process so many descriptors that it can still have, or all that it may have. Returns the limit.
    fn limit_descriptors(free: Option<u64>) -> libc::rlim_t {
        let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointer is that of a local variable.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) }, 0);
        // Before the lowest number that is free can be found, there must be one.
        limits.rlim_cur = limits.rlim_max;
        // SAFETY: the pointer is that of a local variable.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) }, 0);
        if let Some(free) = free {
            let lowest = std::fs::File::open("/dev/null").unwrap().as_raw_fd();
            limits.rlim_cur = libc::rlim_t::try_from(lowest).unwrap() + free;
            // SAFETY: the pointer is that of a local variable.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) }, 0);
        }
        limits.rlim_cur
    }

    /// A listener that has a stream on each of the engine's threads, so that these need no descriptor any more, and
    /// sockets of clients that are not connected yet.
    fn listener(clients: usize) -> (Endpoint, Vec<Client>, Vec<OwnedFd>) {
        let endpoint =
            Endpoint::open(ListenerConfig { head_time: PATIENCE * 10, ..ListenerConfig::default() });
        let streams = (0..4).map(|_| endpoint.stream()).collect();
        let socket = |_| socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        (endpoint, streams, (0..clients).map(socket).collect())
    }

    fn connect(endpoint: &Endpoint, socket: OwnedFd) -> Visit {
        rustix::net::connect(&socket, &endpoint.listener.address()).unwrap();
        Visit(socket.into())
    }

    fn listener_without_descriptors() {
        let (endpoint, mut streams, sockets) = listener(10);
        limit_descriptors(Some(2));
        let visit = |socket| {
            let mut visit = connect(&endpoint, socket);
            visit.say(GET);
            visit
        };
        let visits: Vec<Visit> = sockets.into_iter().map(visit).collect();
        // Two have room. All the while those are served that were there before.
        for number in 0..50 {
            endpoint.publish(&number.to_string());
            streams.iter_mut().for_each(|client| client.read_until(&format!("data: {number}\n")));
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(endpoint.hub.stats().connections, 4 + 2);
        limit_descriptors(None);
        let busy = processor_time("ssecast-listen");
        assert!(busy < 10, "it worked for {busy} hundredths of a second, in half a second");
        let mut clients: Vec<Client> =
            visits.into_iter().map(|visit| visit.stream(Framing::Chunked)).collect();
        endpoint.publish("recovered");
        clients.iter_mut().for_each(|client| client.read_until("recovered"));
    }

    fn stale_connections() {
        let (endpoint, _streams, mut sockets) = listener(4);
        let last = sockets.pop().unwrap();
        limit_descriptors(Some(2));
        let mut silent: Vec<Visit> = sockets.into_iter().map(|socket| connect(&endpoint, socket)).collect();
        let mut visit = connect(&endpoint, last);
        visit.say(GET);
        visit.stream(Framing::Chunked);
        assert!(silent[0].end().is_empty());
    }

    /// What a thread has worked so far, in hundredths of a second.
    fn processor_time(name: &str) -> u64 {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
        let mut stats = tasks.map(|path| std::fs::read_to_string(path.join("stat")).unwrap());
        let stat = stats.find(|stat| stat.contains(&format!("({name})"))).unwrap();
        let fields: Vec<u64> = stat
            .rsplit_once(") ")
            .unwrap()
            .1
            .split(' ')
            .skip(11)
            .take(2)
            .map(|n| n.parse().unwrap())
            .collect();
        fields.iter().sum()
    }

    /// Interrupts every thread of the engine all the time.
    fn signals() {
        extern "C" fn ignore(_: libc::c_int) {}
        // SAFETY: the handler does nothing, and without SA_RESTART every call that it interrupts says so.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = ignore as *const () as libc::sighandler_t;
            assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
        }
        let mut rig = Rig::new(crate::rig::patient());
        let (id, mut client) = rig.attach(&["t"], None, tiny(), Framing::Chunked);
        let (_, mut other) = rig.release(&["t"], tcp(), Framing::Chunked);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    for thread in engine_threads() {
                        // SAFETY: no memory is involved; a thread that is gone by now is no error that matters.
                        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGUSR1) };
                    }
                }
            });
            for number in 0..300 {
                rig.publish("t", &format!("{number} {}", "x".repeat(3000)));
                rig.send(id, "own");
            }
            assert_eq!(client.read_events(600).len(), 600);
            assert_eq!(other.read_events(300).len(), 300);
            rig.pull.end(id, Reason::Server);
            assert_eq!(rig.end_of(id), (Reason::Server, false));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    fn engine_threads() -> Vec<libc::pid_t> {
        let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads");
        let tasks = tasks.filter_map(|task| {
            let path = task.ok()?.path();
            let name = std::fs::read_to_string(path.join("comm")).ok()?;
            name.starts_with("ssecast-").then(|| path.file_name()?.to_str()?.parse().ok()).flatten()
        });
        tasks.collect()
    }

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
        rig.pull.end(id, Reason::Server);
        assert_eq!(rig.end_of(id), (Reason::Server, false));
        // The timer is a thread as well.
        let mut rig = Rig::new(ssecast_engine::Config {
            heartbeat: Some(std::time::Duration::from_millis(5)),
            ..quiet()
        });
        let id = rig.open(&["t"]);
        rig.until("a heartbeat", |rig| rig.written.get(&id).is_some_and(|bytes| bytes.ends_with(b":\n\n")));
    }

    fn fork() {
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
            assert!(!rig.pull.change_topics(id, &["u"], &["t"]).unwrap());
            rig.pull.pause(id);
            rig.pull.resume(id);
            rig.pull.end(id, Reason::Server);
            rig.pull.remove(id, Reason::Server);
            assert_eq!(rig.pull.pending_bytes(id), 0);
            let refused = rig.pull.open(&Subscription { topics: &["t"], last_event_id: None });
            assert_eq!(refusal(refused), ErrorKind::Closed);
            let refused = rig.pull.attach_socket(&rig.sockets, id, tcp().0.as_fd(), Framing::Raw, false);
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
        rig.pull.end(id, Reason::Server);
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
        rig.pull.remove(pulled, Reason::Client);
        rig.pull.end(id, Reason::Server);
        assert_eq!(rig.end_of(id), (Reason::Server, false));
        assert_eq!(hub.stats().connections, 0);
    }

    /// A wake that the hub may call; it must not in a child.
    fn no_wake() -> Arc<dyn Wake> {
        let parent = std::process::id();
        Arc::new(move || assert_eq!(std::process::id(), parent, "the child wakes a reader of its parent's"))
    }

    fn inherited_readers() {
        let hub = Hub::new(quiet()).unwrap();
        let before = hub.publish("t", &data("of the parent")).unwrap().id;
        let mut reader = hub.reader(no_wake());
        let subscription = Subscription { topics: &["t"], last_event_id: Some(&before) };
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
            assert_eq!(refusal(reader.change_topics(&mut subscriber, &["u"], &[])), ErrorKind::Closed);
            assert_eq!(refusal(reader.send(&mut subscriber, &data("x"))), ErrorKind::Closed);
            reader.changed(&mut Vec::new());
            reader.note_progress(0, 0, 0);
            assert!(matches!(reader.next(&mut subscriber), Next::End(Reason::Error)));
            assert!(reader.topic_names(&subscriber).is_empty());
            assert!(reader.check_lag(&mut subscriber).is_err());
            reader.apply(&mut subscriber, change);
            reader.end(&mut subscriber, Reason::Server);
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
    fn raw_clone() {
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

    fn fork_at_work() {
        let hub = Hub::new(quiet()).unwrap();
        let pull = Pull::new(&hub, || {});
        let sockets = Sockets::shared();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Attaches, writes, detaches and sets alarms without a pause, so that a fork finds every lock held.
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let (host, _client) = tcp();
                    let id = pull.open_paused(&Subscription { topics: &["t"], last_event_id: None }).unwrap();
                    pull.attach_socket(&sockets, id, host.as_fd(), Framing::Raw, false).unwrap();
                    hub.publish("t", &data("work")).unwrap();
                    pull.take(10, &mut Vec::new());
                    pull.remove(id, Reason::Client);
                }
            });
            for _ in 0..200 {
                let status = in_a_child(|| {
                    serve_hub(&hub);
                    serve(&Sockets::shared());
                    let refused = pull.open(&Subscription { topics: &["t"], last_event_id: None });
                    assert_eq!(refusal(refused), ErrorKind::Closed);
                    assert!(!pull.take(10, &mut Vec::new()));
                    // SAFETY: the child does nothing with it after that, and its parent has one of its own.
                    drop(unsafe { std::ptr::read(&raw const pull) });
                });
                if !passed(status) {
                    stop.store(true, std::sync::atomic::Ordering::Relaxed);
                    panic!("signal {}, code {}", libc::WTERMSIG(status), libc::WEXITSTATUS(status));
                }
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    unix::main()
}

#[cfg(not(unix))]
fn main() {}
