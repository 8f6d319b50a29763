use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ssecast_engine::{ErrorKind, Framing, Reason, Subscription};

use crate::rig::{Rig, events, narrow, patient, quiet, refusal, slow, tcp};

/// Tries to attach a paused connection, then lets it go on by pull delivery.
fn refused(rig: &mut Rig, socket: BorrowedFd<'_>) -> ErrorKind {
    let id =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    let kind = refusal(rig.connections.attach_socket(&rig.sockets, id, socket, Framing::Raw, false));
    rig.connections.resume(id);
    rig.publish("t", "goes on");
    rig.until("pull delivery", |rig| rig.written.get(&id).is_some_and(|bytes| !events(bytes).is_empty()));
    assert_eq!(events(&rig.written[&id]), ["goes on"]);
    rig.connections.remove(id, Reason::Client);
    kind
}

#[test]
fn what_is_no_connected_stream_socket_is_refused_and_pull_delivery_goes_on() {
    let mut rig = Rig::new(quiet());
    let file = std::fs::File::open("/dev/null").unwrap();
    let (pipe, _end) = std::io::pipe().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(udp.local_addr().unwrap()).unwrap();
    let (datagram, _other) = UnixDatagram::pair().unwrap();
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let idle = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None);
    let idle = idle.unwrap();
    for (what, socket) in [
        ("a device", file.as_fd()),
        ("a pipe", pipe.as_fd()),
        ("a connected datagram socket", udp.as_fd()),
        ("half of a pair of datagram sockets", datagram.as_fd()),
        ("a socket that listens", listening.as_fd()),
        ("a socket that was never connected", idle.as_fd()),
    ] {
        assert_eq!(refused(&mut rig, socket), ErrorKind::InvalidSocket, "{what}");
    }
    // SAFETY: no descriptor has this number, which is above every limit; nothing is done but to be told so.
    let closed = unsafe { BorrowedFd::borrow_raw(i32::MAX - 1) };
    assert_eq!(refused(&mut rig, closed), ErrorKind::InvalidSocket);
}

#[test]
fn a_socket_is_attached_once_under_all_of_its_descriptors() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.connect(&["t"]);
    let other = rig.held[&id].try_clone().unwrap();
    assert_eq!(refused(&mut rig, other.as_fd()), ErrorKind::Attached);
    let again = rig.connections.attach_socket(&rig.sockets, id, other.as_fd(), Framing::Raw, false);
    assert_eq!(refusal(again), ErrorKind::Attached);
    assert_eq!(client.read_events(1), ["goes on"]);

    rig.connections.end(id, Reason::Server);
    rig.end_of(id);
    let next =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    rig.connections.attach_socket(&rig.sockets, next, other.as_fd(), Framing::Chunked, false).unwrap();
    rig.publish("t", "second stream");
    client.read_until("second stream");
}

#[test]
fn a_connection_that_is_gone_is_not_attached() {
    let rig = Rig::new(quiet());
    let (host, _client) = tcp();
    let id =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    rig.connections.remove(id, Reason::Client);
    let attached = rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Raw, false);
    assert_eq!(refusal(attached), ErrorKind::Closed);
    // Nothing of it stays behind.
    let id =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Raw, false).unwrap();
}

#[test]
fn a_peer_that_was_gone_before_is_found_out_without_harm() {
    let mut rig = Rig::new(quiet());
    let (host, client) = tcp();
    drop(client);
    let id =
        rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
    let attached = rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Raw, false);
    if let Err(error) = attached {
        // The system may know by now.
        assert_eq!(error.kind(), ErrorKind::InvalidSocket);
        return;
    }
    while !rig.ended.contains_key(&id) {
        rig.publish("t", "a probe");
        rig.turn();
        thread::yield_now();
    }
    assert_eq!(rig.ended[&id], (Reason::Client, true));
}

#[test]
fn the_hosts_own_descriptor_stays_as_it_was() {
    let mut rig = Rig::new(quiet());
    let (host, client) = UnixStream::pair().unwrap();
    let blocking = rustix::fs::fcntl_getfl(&host).unwrap();
    let number = host.as_raw_fd();
    let (id, mut client) = rig.attach(&["t"], None, (OwnedFd::from(host), client), Framing::Raw);
    rig.publish("t", "1");
    client.read_events(1);
    rig.connections.end(id, Reason::Server);
    rig.end_of(id);
    assert_eq!(rig.held[&id].as_raw_fd(), number);
    assert_eq!(rustix::fs::fcntl_getfl(&rig.held[&id]).unwrap(), blocking);
    rig.write(id, b"the host's own\n");
    client.read_until("the host's own\n");
}

#[test]
fn a_connection_that_is_attached_during_a_storm_loses_and_doubles_nothing() {
    let mut rig = Rig::new(patient());
    for _ in 0..60 {
        let storm = AtomicBool::new(true);
        let hub = rig.hub.clone();
        let (id, mut client) = thread::scope(|scope| {
            scope.spawn(|| {
                let mut number = 0_u32;
                while storm.load(Ordering::Relaxed) {
                    hub.publish("t", &crate::rig::data(&number.to_string())).unwrap();
                    number += 1;
                }
            });
            let id = rig
                .connections
                .open_paused(&Subscription { topics: &["t"], ..Subscription::default() })
                .unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let host = OwnedFd::from(listener.accept().unwrap().0);
            rig.turn();
            rig.connections.attach_socket(&rig.sockets, id, host.as_fd(), Framing::Chunked, false).unwrap();
            rig.held.insert(id, host);
            let mut client = crate::rig::Client::new(OwnedFd::from(client).into(), Framing::Chunked);
            client.read_events(3);
            storm.store(false, Ordering::Relaxed);
            (id, client)
        });
        rig.connections.end(id, Reason::Server);
        let reading = thread::spawn(move || {
            client.read_body();
            client
        });
        rig.end_of(id);
        rig.write(id, b"0\r\n\r\n");
        let seen: Vec<u32> =
            reading.join().unwrap().events().iter().map(|text| text.parse().unwrap()).collect();
        let first = seen[0];
        let wanted: Vec<u32> = (first..first + seen.len() as u32).collect();
        assert!(seen == wanted, "not in a row: {:?}", seen.windows(2).find(|two| two[0] + 1 != two[1]));
    }
}

#[test]
fn a_peer_that_does_not_answer_is_given_up_after_the_slow_clients_time_and_the_hosts_options_come_back() {
    use rustix::net::sockopt;
    use ssecast_engine::{Config, Policy};
    type Options = (u32, bool, Duration);
    let options = |socket: &dyn AsFd| -> Options {
        let user_timeout =
            if cfg!(target_os = "linux") { sockopt::tcp_user_timeout(socket.as_fd()).unwrap() } else { 0 };
        let keep_alive = sockopt::socket_keepalive(socket.as_fd()).unwrap();
        (user_timeout, keep_alive, sockopt::tcp_keepidle(socket.as_fd()).unwrap())
    };
    let seven = slow(1 << 30, Duration::from_secs(7), Policy::Disconnect);
    let beats = Some(Duration::from_secs(1));
    // A client that takes nothing is the hub's to end: the system has five seconds more.
    for (config, user_timeout, keep_alive) in [
        (Config { heartbeat: beats, ..seven.clone() }, 12_000, false),
        // Nothing else would ever ask the peer.
        (seven.clone(), 12_000, true),
        (Config { heartbeat: Some(Duration::from_secs(8)), ..seven.clone() }, 12_000, true),
        // The system would give up a client that answers and has no room, too, which is to skip.
        (Config { heartbeat: beats, ..slow(1 << 20, Duration::from_secs(7), Policy::Skip) }, 0, false),
    ] {
        let mut rig = Rig::new(config);
        let (host, client) = tcp();
        let before = options(&host);
        let observer = host.try_clone().unwrap();
        let (id, mut client) = rig.attach(&["t"], None, (host, client), Framing::Chunked);
        client.read_until("id: ");
        let during = options(&observer);
        if cfg!(target_os = "linux") {
            assert_eq!(during.0, user_timeout);
        }
        assert_eq!(during.1, keep_alive);
        assert_eq!(during.2, if keep_alive { Duration::from_secs(3) } else { before.2 });
        rig.connections.end(id, Reason::Server);
        rig.end_of(id);
        assert_eq!(options(&observer), before);
    }
    // A host that is stricter stays so.
    #[cfg(target_os = "linux")]
    {
        let mut rig = Rig::new(seven);
        let (host, client) = narrow();
        sockopt::set_tcp_user_timeout(&host, 500).unwrap();
        let observer = host.try_clone().unwrap();
        let (id, mut client) = rig.attach(&["t"], None, (host, client), Framing::Chunked);
        client.read_until("id: ");
        assert_eq!(sockopt::tcp_user_timeout(&observer).unwrap(), 500);
        // What it ends by that took nothing of what waits for it, and is counted so.
        let much = "x".repeat(1_000_000);
        (0..3).for_each(|_| rig.publish("t", &much));
        assert_eq!(rig.end_of(id), (Reason::Lagged, true));
    }
}
