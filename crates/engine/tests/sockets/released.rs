use std::io::Read;
use std::os::fd::AsFd;

use bytes::Bytes;
use ssecast_engine::{Framing, Reason, Subscription};

use crate::rig::{Rig, eventually, narrow, patient, quiet, tcp, tiny};

#[test]
fn a_released_connection_lives_on_when_the_host_has_closed_its_descriptor() {
    let mut rig = Rig::new(quiet());
    let (_, mut client) = rig.release(&["t"], tcp(), Framing::Chunked);
    for number in 0..100 {
        rig.publish("t", &number.to_string());
    }
    client.read_events(100);
}

#[test]
fn a_head_is_sent_before_the_stream_even_when_there_is_no_room_for_it_yet() {
    for (pair, framing) in
        [(tcp as fn() -> _, Framing::Chunked), (tcp, Framing::Raw), (narrow, Framing::Chunked)]
    {
        let mut rig = Rig::new(patient());
        let (host, client) = pair();
        let id =
            rig.connections.open_paused(&Subscription { topics: &["t"], ..Subscription::default() }).unwrap();
        let head = [b"HTTP/1.1 200 OK\r\nX-Long: ", vec![b'x'; 300_000].as_slice(), b"\r\n\r\n"].concat();
        let bytes = Bytes::from(head.clone());
        rig.connections.hand_over_socket(&rig.sockets, id, host.as_fd(), framing, bytes).unwrap();
        drop(host);
        rig.publish("t", "1");
        rig.connections.end(id, Reason::Server);
        let mut all = Vec::new();
        { client }.read_to_end(&mut all).unwrap();
        assert!(all.starts_with(&head));
        let body = String::from_utf8(all.split_off(head.len())).unwrap();
        assert!(body.contains("data: 1\n\n"), "{body}");
        assert_eq!(body.ends_with("0\r\n\r\n"), framing == Framing::Chunked);
        assert_eq!(rig.end_of(id), (Reason::Server, false));
    }
}

#[test]
fn a_stream_that_failed_has_no_last_chunk() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.release(&["t"], tcp(), Framing::Chunked);
    rig.publish("t", "1");
    rig.connections.end(id, Reason::Error);
    client.read_to_end();
    assert_eq!(client.events(), ["1"]);
    assert!(!client.body().complete);
    assert_eq!(rig.end_of(id), (Reason::Error, false));
}

#[test]
fn its_end_is_the_last_chunk_and_the_end_of_the_connection() {
    for (pair, framing) in
        [(tcp as fn() -> _, Framing::Chunked), (tcp, Framing::Raw), (tiny, Framing::Chunked)]
    {
        let mut rig = Rig::new(quiet());
        let (id, mut client) = rig.release(&["t"], pair(), framing);
        rig.publish("t", "1");
        rig.connections.end(id, Reason::Server);
        client.read_to_end();
        assert_eq!(client.events(), ["1"]);
        assert_eq!(client.body().complete, framing == Framing::Chunked);
        assert!(client.body().after.is_empty());
        assert_eq!(rig.end_of(id), (Reason::Server, false));
        assert_eq!(rig.hub.stats().connections, 0);
    }
}

#[test]
fn the_last_chunk_waits_for_room() {
    // Some of these lengths fill the socket with nothing but the last chunk left to send.
    for length in (30_000..34_000).step_by(61).chain(200_000..200_020) {
        let mut rig = Rig::new(patient());
        let pair = if length % 2 == 0 { tiny() } else { narrow() };
        let (id, mut client) = rig.release(&["t"], pair, Framing::Chunked);
        rig.publish("t", &"x".repeat(length));
        rig.connections.end(id, Reason::Server);
        client.read_to_end();
        assert!(client.body().complete, "cut after {} bytes, {length}", client.bytes.len());
        assert_eq!(rig.end_of(id), (Reason::Server, false));
    }
}

#[test]
fn the_engine_sees_that_the_client_has_gone_though_nothing_is_published() {
    for reset in [false, true] {
        let mut rig = Rig::new(quiet());
        let (id, client) = rig.release(&["t"], tcp(), Framing::Chunked);
        if reset {
            client.reset();
        } else {
            drop(client);
        }
        assert_eq!(rig.end_of(id), (Reason::Client, true));
        eventually("it is gone", || rig.hub.stats().connections == 0);
    }
}

#[test]
fn a_client_that_half_closes_has_its_stream_until_it_leaves() {
    for pair in [tcp, tiny] {
        let mut rig = Rig::new(quiet());
        let (id, mut client) = rig.release(&["t"], pair(), Framing::Chunked);
        client.read_until("id: ");
        client.socket.shutdown(std::net::Shutdown::Write).unwrap();
        // It is asked at once whether it is there.
        client.read_until(":\n\n");
        for number in 0..100 {
            rig.publish("t", &number.to_string());
            client.read_until(&format!("data: {number}\n"));
        }
        assert_eq!(rig.hub.stats().connections, 1);
        drop(client);
        while !rig.ended.contains_key(&id) {
            rig.publish("t", "a probe");
            rig.turn();
        }
        assert_eq!(rig.ended[&id], (Reason::Client, true));
    }
}

#[test]
fn what_a_client_says_is_heard_out_and_delays_nobody() {
    let mut rig = Rig::new(quiet());
    let (_, mut talker) = rig.release(&["t"], tcp(), Framing::Chunked);
    let (_, mut client) = rig.release(&["t"], tcp(), Framing::Chunked);
    let mut mouth = talker.socket.try_clone().unwrap();
    let talking = std::thread::spawn(move || {
        let noise = vec![b'x'; 1 << 20];
        for _ in 0..64 {
            std::io::Write::write_all(&mut mouth, &noise).unwrap();
        }
    });
    for number in 0..200 {
        rig.publish("t", &number.to_string());
        client.read_until(&format!("data: {number}\n"));
    }
    // All of it is read, or the talker would wait for ever.
    talking.join().unwrap();
    talker.read_events(200);
}

#[test]
fn a_released_connection_that_the_host_gives_up_is_closed() {
    let mut rig = Rig::new(quiet());
    let (id, mut client) = rig.release(&["t"], tcp(), Framing::Chunked);
    rig.publish("t", "1");
    client.read_events(1);
    rig.connections.remove(id, Reason::Server);
    client.read_to_end();
    assert!(!client.body().complete);
    eventually("it is gone", || rig.hub.stats().disconnects(Reason::Server) == 1);
}

#[test]
fn the_end_reaches_a_client_that_still_talks() {
    for _ in 0..50 {
        let mut rig = Rig::new(quiet());
        let (id, mut client) = rig.release(&["t"], tcp(), Framing::Chunked);
        client.write(b"GET /pipelined HTTP/1.1\r\n\r\n");
        rig.publish("t", "1");
        rig.connections.end(id, Reason::Server);
        client.read_to_end();
        assert_eq!(client.events(), ["1"]);
        assert!(client.body().complete);
        assert!(client.socket.as_fd().try_clone_to_owned().is_ok());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_host_that_shuts_down_a_connection_which_it_has_handed_over_is_told_of_its_error() {
    for how in [std::net::Shutdown::Write, std::net::Shutdown::Both] {
        let mut rig = Rig::new(quiet());
        let (host, client) = tcp();
        let own = std::net::TcpStream::from(host.try_clone().unwrap());
        let (id, mut client) = rig.release(&["t"], (host, client), Framing::Chunked);
        client.read_until("id: ");
        own.shutdown(how).unwrap();
        while !rig.ended.contains_key(&id) {
            rig.publish("t", "never read");
            rig.turn();
        }
        assert_eq!(rig.ended[&id], (Reason::Error, true));
    }
}
