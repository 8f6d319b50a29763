//! Clients whose network goes away: no end and no reset reaches the host.

use std::time::Duration;

use ssecast_engine::{Config, Framing, Policy, Reason};
use ssecast_listener::ListenerConfig;

use crate::endpoint::Endpoint;
use crate::rig::{Rig, eventually, slow, tcp};

/// The system alone would take a quarter of an hour, and a test waits for less than one minute.
const TIME: Duration = Duration::from_secs(1);

fn config(heartbeat: Option<Duration>, policy: Policy) -> Config {
    Config { heartbeat, ..slow(1 << 20, TIME, policy) }
}

/// Gives the process a network of its own: loopback alone. False, with a line that says so, where that is not permitted.
fn own_network() -> bool {
    // SAFETY: this process has one thread.
    let unshare = |flags| unsafe { libc::unshare(flags) } == 0;
    if !(unshare(libc::CLONE_NEWNET) || unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)) || !loopback(true)
    {
        println!("skipped: a network of its own is not permitted here");
        return false;
    }
    true
}

/// Lets the loopback interface work, or not.
fn loopback(up: bool) -> bool {
    let flags = if up { libc::IFF_UP | libc::IFF_RUNNING } else { 0 };
    // SAFETY: the request is a local variable that has the interface's name and its flags, and is only read.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
            *to = from.cast_signed() as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = flags as libc::c_short;
        let done = libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request) == 0;
        libc::close(socket);
        done
    }
}

/// Connects clients in every way, lets the network vanish, and waits until the host has been told of all ends.
fn vanish(config: &Config, attached: bool) {
    if !own_network() {
        return;
    }
    let endpoint = Endpoint::new(config.clone(), ListenerConfig::default(), |_, responder| {
        assert!(responder.allow(&["t"]).unwrap());
    });
    let mut heard = endpoint.stream();
    let mut rig = Rig::new(config.clone());
    let (released, mut client) = rig.release(&["t"], tcp(), Framing::Chunked);
    let mut all = vec![released];
    let mut clients = Vec::new();
    if attached {
        let (id, client) = rig.connect(&["t"]);
        all.push(id);
        clients.push(client);
    }
    rig.publish("t", "1");
    clients.iter_mut().chain([&mut client]).for_each(|client| client.read_until("data: 1\n"));
    endpoint.publish("1");
    heard.read_until("data: 1\n");
    assert!(loopback(false), "the network does not go");
    for id in all {
        assert_eq!(rig.end_of(id).0, Reason::Client);
    }
    assert_eq!(endpoint.end().1, Reason::Client);
    eventually("no connection is left", || {
        rig.hub.stats().connections + endpoint.hub.stats().connections == 0
    });
}

pub(super) fn heartbeats() {
    vanish(&config(Some(Duration::from_millis(100)), Policy::Disconnect), true);
}

/// A host that reads from an attached connection learns of it by that; for the others the engine finds out.
pub(super) fn idle() {
    vanish(&config(None, Policy::Disconnect), false);
}

pub(super) fn skipping() {
    vanish(&config(Some(Duration::from_millis(100)), Policy::Skip), true);
}
