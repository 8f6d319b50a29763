use std::time::Duration;

use ssecast_engine::Config;

use crate::rig::{Rig, quiet};

fn beating(interval: Duration) -> Config {
    Config { heartbeat: Some(interval), ..quiet() }
}

#[test]
fn a_silent_connection_gets_heartbeats() {
    let mut rig = Rig::new(beating(Duration::from_millis(20)));
    let (_, mut client) = rig.connect(&["t"]);
    rig.publish("t", "1");
    for _ in 0..3 {
        client.read_until("data: 1\n\n");
        let before = client.body().bytes.len();
        while client.body().bytes.len() == before {
            assert!(client.read());
        }
    }
    let text = String::from_utf8_lossy(&client.body().bytes);
    let (_, beats) = text.split_once("data: 1\n\n").unwrap();
    assert!(beats.len() >= 9 && beats.replace(":\n\n", "").is_empty(), "{text:?}");
}

#[test]
fn a_busy_connection_gets_no_heartbeat() {
    let (mut rig, clock) = Rig::manual(beating(Duration::from_secs(15)));
    let (_, mut client) = rig.connect(&["t"]);
    client.read_until("id: ");
    for number in 1..=10 {
        rig.advance(&clock, Duration::from_secs(14));
        rig.publish("t", &number.to_string());
        client.read_events(number);
    }
    assert!(!client.text().contains(":\n\n"), "{}", client.text());
    rig.advance(&clock, Duration::from_secs(16));
    client.read_until(":\n\n");
}

#[test]
fn the_heartbeat_of_a_quiet_topic_moves_the_clients_place_on() {
    let (mut rig, clock) = Rig::manual(beating(Duration::from_secs(15)));
    let (_, mut client) = rig.connect(&["quiet"]);
    client.read_until("id: ");
    let published = rig.hub.publish("busy", &crate::rig::data("1")).unwrap();
    rig.advance(&clock, Duration::from_secs(16));
    client.read_until(&format!("id: {}\n\n", published.id));
}
