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
    use std::time::Duration;

    use rustix::net::{AddressFamily, SocketType, socket};
    use ssecast_engine::{ErrorKind, Framing, Hub, ListenerConfig, Pull, Reason, Sockets, Subscription};

    use crate::endpoint::{Endpoint, GET, Visit};
    use crate::rig::{Client, PATIENCE, Rig, data, events, eventually, quiet, refusal, tcp, tiny};

    const CASES: [(&str, fn()); 7] = [
        ("a signal of a broken pipe never reaches the host", no_broken_pipe),
        ("without a descriptor left a connection stays with pull delivery", no_descriptor_left),
        ("without a descriptor left a listener waits until there is one", listener_without_descriptors),
        ("for a new connection a listener without a descriptor gives up stale ones", stale_connections),
        ("signals that interrupt system calls change nothing", signals),
        ("a child has threads of its own and leaves its parent's connections alone", fork),
        ("a child that is born while the parent is at work starts afresh", fork_at_work),
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
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "no child");
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
        status
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
        // A hub that is in use at that moment is of no use to a child; its engine is another matter.
        eventually("the engine is idle", || engine_threads().into_iter().all(sleeps));
        let status = in_a_child(|| {
            serve(&Sockets::shared());
            serve(&rig.sockets);
            // Nobody is there to do any of this, and the parent's threads must not hear of it.
            rig.publish("t", "of the child");
            let _ = rig.send(id, "of the child");
            let _ = rig.pull.change_topics(id, &["u"], &["t"]);
            rig.pull.end(id, Reason::Server);
            rig.pull.remove(id, Reason::Server);
            // SAFETY: the child does nothing with it after that, and its parent has one of its own.
            unsafe { ManuallyDrop::drop(&mut rig) };
            assert!(passed(in_a_child(|| serve(&Sockets::shared()))), "a grandchild");
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

    fn sleeps(thread: libc::pid_t) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('S'))
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
                    serve(&Sockets::shared());
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
