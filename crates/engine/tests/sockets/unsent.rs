//! What the system keeps for a connection that takes less than it is sent.
#![cfg(target_os = "linux")]

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use rustix::net::{SendFlags, sockopt};
use ssecast_engine::{Framing, Reason};

use crate::rig::{Client, Rig, eventually, patient, quiet, tcp};

/// Bytes that the system has taken for a socket, and that have not left.
fn unsent(socket: impl AsFd) -> usize {
    const SIOCOUTQNSD: libc::Ioctl = 0x894B;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the system writes one number, to a local variable.
    let done = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), SIOCOUTQNSD, &raw mut bytes) };
    assert_eq!(done, 0);
    bytes.try_into().unwrap()
}

fn option(socket: impl AsFd, value: Option<u32>) -> u32 {
    let mut bytes = value.unwrap_or_default();
    let mut length = size_of::<u32>() as libc::socklen_t;
    let (socket, level, name) = (socket.as_fd().as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT);
    // SAFETY: the system reads or writes one number, which is a local variable.
    let done = unsafe {
        match value {
            Some(_) => libc::setsockopt(socket, level, name, (&raw const bytes).cast(), length),
            None => libc::getsockopt(socket, level, name, (&raw mut bytes).cast(), &raw mut length),
        }
    };
    assert_eq!(done, 0);
    bytes
}

/// A client whose own end takes little.
fn small() -> (std::os::fd::OwnedFd, std::os::unix::net::UnixStream) {
    let (host, client) = tcp();
    sockopt::set_socket_recv_buffer_size(&client, 1 << 16).unwrap();
    (host, client)
}

#[test]
fn what_a_slow_client_has_not_taken_is_the_hubs_lag_and_not_memory_of_the_system() {
    const EVENTS: usize = 1000;
    let mut rig = Rig::new(patient());
    let (id, mut client) = rig.attach(&["t"], None, small(), Framing::Chunked);
    let (_, mut other) = rig.connect(&["t"]);
    let text = "x".repeat(4096);
    for number in 1..=EVENTS {
        rig.publish("t", &text);
        if number % 100 == 0 {
            other.read_events(number);
        }
    }
    // One batch, and the one that was taken when there was still some room.
    assert!(unsent(&rig.held[&id]) <= 192 << 10, "{} bytes wait in the system", unsent(&rig.held[&id]));
    // The rest is what the other end has room for.
    let least = (EVENTS * text.len() - (512 << 10)) as u64;
    eventually("the lag is known", || rig.hub.stats().lag_bytes >= least);
    assert_eq!(client.read_events(EVENTS).len(), EVENTS);
}

#[test]
fn the_next_response_on_the_connection_has_all_the_room_that_the_system_gives() {
    let mut rig = Rig::new(quiet());
    let room = |host: &dyn AsFd| -> usize {
        let (bytes, mut taken) = (vec![b'x'; 1 << 20], 0);
        loop {
            match rustix::net::send(host.as_fd(), &bytes, SendFlags::DONTWAIT) {
                Ok(sent) => taken += sent,
                Err(Errno::AGAIN) => return taken,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let (plain, _client) = small();
    let without = room(&plain);
    let (id, mut client) = rig.attach(&["t"], None, small(), Framing::Chunked);
    client.read_until("id: ");
    assert_eq!(option(&rig.held[&id], None), 64 << 10);
    rig.connections.end(id, Reason::Server);
    rig.end_of(id);
    assert_eq!(option(&rig.held[&id], None), 0);
    let with = room(&rig.held[&id]);
    assert!(with * 2 > without, "{with} bytes, and {without} on a connection that had no stream");
}

#[test]
fn a_host_that_has_a_limit_of_its_own_has_it_back_and_a_stricter_one_stays() {
    let mut rig = Rig::new(quiet());
    for (before, during) in [(1 << 20, 64 << 10), (4096, 4096), (u32::MAX, 64 << 10)] {
        let (host, client) = tcp();
        option(&host, Some(before));
        let (id, mut client): (_, Client) = rig.attach(&["t"], None, (host, client), Framing::Chunked);
        client.read_until("id: ");
        assert_eq!(option(&rig.held[&id], None), during);
        rig.publish("t", &"y".repeat(300_000));
        client.read_until("yyy\n\n");
        rig.connections.end(id, Reason::Server);
        assert_eq!(rig.end_of(id), (Reason::Server, false));
        assert_eq!(option(&rig.held[&id], None), before);
    }
}
