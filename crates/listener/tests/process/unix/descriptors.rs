use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, socket};
use ssecast_engine::{ErrorKind, Framing, Subscription};
use ssecast_listener::ListenerConfig;

use crate::endpoint::{Endpoint, GET, Visit};
use crate::rig::{Client, PATIENCE, Rig, events, quiet, refusal, tcp};

pub(super) fn none_left() {
    let mut rig = Rig::new(quiet());
    let (host, client) = tcp();
    let id =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    let limit = limit_descriptors(Some(0));
    for _ in 0..3 {
        let refused = rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false);
        assert_eq!(refusal(refused), ErrorKind::TooManyDescriptors);
    }
    rig.connections.resume(id);
    rig.publish("t", "by connections delivery");
    rig.turn();
    assert_eq!(events(&rig.written[&id]), ["by connections delivery"]);

    // Room for the duplicate, but not for what a thread needs.
    assert_eq!(limit_descriptors(Some(1)), limit + 1);
    let refused = rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false);
    assert_eq!(refusal(refused), ErrorKind::TooManyDescriptors);

    limit_descriptors(None);
    rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false).unwrap();
    rig.publish("t", "by an engine thread");
    let (other, _client) = tcp();
    let id =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    // What is left is the host's, but for those that are in the place of one of its own.
    limit_descriptors(Some(10));
    let refused = rig.connections.attach_socket(&rig.sockets, id, other.as_fd(), Framing::Chunked, false);
    assert_eq!(refusal(refused), ErrorKind::TooManyDescriptors);
    rig.connections.attach_socket(&rig.sockets, id, other.as_fd(), Framing::Chunked, true).unwrap();
    limit_descriptors(None);
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
    let endpoint = Endpoint::open(ListenerConfig { head_time: PATIENCE * 10, ..ListenerConfig::default() });
    let streams = (0..4).map(|_| endpoint.stream()).collect();
    let socket = |_| socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    (endpoint, streams, (0..clients).map(socket).collect())
}

fn connect(endpoint: &Endpoint, socket: OwnedFd) -> Visit {
    rustix::net::connect(&socket, &endpoint.listener.address()).unwrap();
    Visit(socket.into())
}

pub(super) fn listener_without() {
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
    let mut clients: Vec<Client> = visits.into_iter().map(|visit| visit.stream(Framing::Chunked)).collect();
    endpoint.publish("recovered");
    clients.iter_mut().for_each(|client| client.read_until("recovered"));
}

pub(super) fn stale_connections() {
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
    let fields: Vec<u64> =
        stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2).map(|n| n.parse().unwrap()).collect();
    fields.iter().sum()
}
