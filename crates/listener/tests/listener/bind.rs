use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use ssecast_engine::{Cors, ErrorKind, Hub, Origins};
use ssecast_listener::{Listener, ListenerConfig, QueryTopics};

use crate::rig::quiet;

fn bind(
    address: impl std::net::ToSocketAddrs,
    config: ListenerConfig,
) -> Result<Listener, (ErrorKind, String)> {
    let hub = Hub::new(quiet()).unwrap();
    let bound = Listener::bind(&hub, address, config, QueryTopics);
    bound.map_err(|error| (error.kind(), error.message()))
}

#[test]
fn the_address_can_be_read_and_a_taken_one_is_refused() {
    let listener = bind("localhost:0", ListenerConfig::default()).unwrap();
    assert!(listener.address().ip().is_loopback());
    assert_ne!(listener.address().port(), 0);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for address in [address.to_string(), "no such host.invalid:0".into(), "127.0.0.1".into()] {
        let (kind, message) = bind(&*address, ListenerConfig::default()).unwrap_err();
        assert_eq!(kind, ErrorKind::InvalidOption, "{address}");
        assert!(message.starts_with("address can't be listened on: "), "{message}");
    }
    // Of several addresses the first that can be had is taken.
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    assert!(bind(&[address, free][..], ListenerConfig::default()).is_ok());
}

fn list(origins: &[&str]) -> Cors {
    let origins = Origins::List(origins.iter().map(|origin| (*origin).to_owned()).collect());
    Cors { origins, ..Cors::default() }
}

#[test]
fn an_option_that_can_not_work_is_named() {
    let with = |change: fn(&mut ListenerConfig)| {
        let mut config = ListenerConfig::default();
        change(&mut config);
        bind("127.0.0.1:0", config).unwrap_err()
    };
    let header = |name: &str, value: &str| {
        let headers = vec![(name.to_owned(), value.to_owned())];
        bind("127.0.0.1:0", ListenerConfig { headers, ..ListenerConfig::default() }).unwrap_err()
    };
    let origin = |origin: &str| {
        let cors = Some(list(&[origin]));
        bind("127.0.0.1:0", ListenerConfig { cors, ..ListenerConfig::default() }).unwrap_err()
    };
    for (option, (kind, message)) in [
        ("path", with(|config| config.path = Some("events".into()))),
        ("path", with(|config| config.path = Some("/events?a".into()))),
        ("max_head_bytes", with(|config| config.max_head_bytes = 0)),
        ("max_headers", with(|config| config.max_headers = 0)),
        ("max_pending", with(|config| config.max_pending = 0)),
        ("head_time", with(|config| config.head_time = Duration::ZERO)),
        ("answer_time", with(|config| config.answer_time = Duration::ZERO)),
        ("headers", header("a b", "c")),
        ("headers", header("", "c")),
        ("headers", header("a", "b\r\nSet-Cookie: c")),
        ("headers", header("Content-Length", "0")),
        ("headers", header("transfer-encoding", "gzip")),
        ("cors.origins", origin("*")),
        ("cors.origins", origin("a.example")),
        ("cors.origins", origin("https://a.example/")),
        ("cors.origins", with(|config| config.cors = Some(list(&[])))),
        ("cors.origins", with(|config| config.cors = Some(list(&["https://a.example", "*"])))),
        (
            "cors.credentials",
            with(|config| config.cors = Some(Cors { credentials: true, ..Cors::default() })),
        ),
        (
            "headers",
            with(|config| {
                config.cors = Some(list(&["https://a.example"]));
                config.headers = vec![("access-control-allow-origin".into(), "*".into())];
            }),
        ),
    ] {
        assert_eq!(kind, ErrorKind::InvalidOption);
        assert!(message.starts_with(option), "{message}");
    }
}
