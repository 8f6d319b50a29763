use std::sync::{Mutex, mpsc};
use std::time::Duration;

use ssecast_engine::{Close, Config, Cors};
use ssecast_listener::{ListenerConfig, Responder};

use crate::endpoint::{Answer, BROWSER, Endpoint, GET, Visit, hasty};
use crate::rig::quiet;

fn hub() -> Config {
    Config { retry: Some(Duration::from_secs(3)), ..quiet() }
}

/// That the answer is a stream which has ended, with nothing but a reconnection time: an `EventSource` comes back.
fn comes_back(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/event-stream; charset=utf-8"))
    );
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    let retry = answer.body.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix("\n\n"));
    let retry: u64 = retry.unwrap_or_else(|| panic!("{:?}", answer.body)).parse().unwrap();
    assert!((3000..6000).contains(&retry), "{retry}");
}

fn is_refused(answer: &Answer) {
    let retry_after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(answer.status == 503 && (3..=6).contains(&retry_after), "{answer:?}");
}

/// A listener whose router answers when it is asked to.
fn slow(config: ListenerConfig) -> (Endpoint, mpsc::Receiver<Responder>) {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let endpoint = Endpoint::new(hub(), config, move |_, responder| {
        sender.lock().unwrap().send(responder).unwrap();
    });
    (endpoint, receiver)
}

fn ask_both(endpoint: &Endpoint) -> [Visit; 2] {
    [BROWSER, GET].map(|request| {
        let mut visit = endpoint.visit();
        visit.say(request);
        visit
    })
}

fn check_both([mut browser, mut other]: [Visit; 2]) {
    comes_back(&browser.answer());
    is_refused(&other.answer());
}

#[test]
fn a_full_hub_has_browsers_come_back_and_refuses_others() {
    let config = Config { max_connections: 1, ..hub() };
    let cors = Some(Cors::default());
    let endpoint =
        Endpoint::new(config, ListenerConfig { cors, ..ListenerConfig::default() }, |_, responder| {
            assert!(responder.allow(&["t"]).unwrap());
        });
    let _client = endpoint.stream();
    check_both(ask_both(&endpoint));
    for request in [BROWSER, GET] {
        assert_eq!(endpoint.ask(request).header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(endpoint.hub.stats().refused, 4);
}

#[test]
fn a_closed_hub_has_browsers_come_back_and_refuses_others() {
    let (endpoint, receiver) = slow(ListenerConfig::default());
    let waiting = ask_both(&endpoint);
    let responders: Vec<_> = receiver.iter().take(2).collect();
    endpoint.hub.close(&Close::default()).unwrap();
    check_both(ask_both(&endpoint));
    let head = endpoint.ask(&BROWSER.replace("GET", "HEAD"));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    responders.iter().for_each(|responder| assert!(!responder.allow(&["t"]).unwrap()));
    check_both(waiting);
}

#[test]
fn a_listener_that_closes_has_browsers_come_back_and_refuses_others() {
    let (endpoint, receiver) = slow(ListenerConfig::default());
    let waiting = ask_both(&endpoint);
    let _responders: Vec<_> = receiver.iter().take(2).collect();
    endpoint.listener.close();
    check_both(waiting);
}

#[test]
fn a_router_that_takes_too_long_has_browsers_come_back_and_refuses_others() {
    let (endpoint, _receiver) = slow(hasty());
    check_both(ask_both(&endpoint));
    assert_eq!(endpoint.hub.stats().refused, 2, "a router that never answers is no reason not to count them");
}

#[test]
fn a_router_may_say_that_there_can_be_no_stream_for_the_moment() {
    let endpoint = Endpoint::new(hub(), ListenerConfig::default(), |_, responder| {
        assert!(responder.unavailable());
        assert!(!responder.unavailable());
    });
    check_both(ask_both(&endpoint));
    assert!(endpoint.told.ended.lock().unwrap().is_empty());
}

#[test]
fn a_status_that_a_router_chose_is_what_browsers_get_too() {
    let endpoint = Endpoint::new(hub(), ListenerConfig::default(), |_, responder| {
        assert!(responder.refuse(503).unwrap());
    });
    is_refused(&endpoint.ask(BROWSER));
    assert_eq!(endpoint.hub.stats().refused, 0, "the router refused, and not the hub");
}
