use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use ssecast_codec::{Item, Parser};
use ssecast_hub::{
    Config, Error, Event, History, Hub, Next, Policy, Reader, SlowClient, StoreState, Subscriber,
    Subscription,
};
use ssecast_store_redis::RedisStore;

use crate::server::{PATIENCE, wait_until};

pub(crate) fn hub(url: &str) -> Hub {
    hub_keeping(url, 1000)
}

pub(crate) fn hub_keeping(url: &str, events: usize) -> Hub {
    let slow_client = SlowClient { policy: Policy::Skip, ..SlowClient::default() };
    let history = History { events: Some(events), ..History::default() };
    let store = Some(RedisStore::new(url).unwrap().into());
    Hub::new(Config { store, slow_client, history, retry: None, heartbeat: None, ..Config::default() })
        .unwrap()
}

pub(crate) fn try_publish(hub: &Hub, text: &str) -> Result<String, Error> {
    let event = Event { data: Some(text), ..Event::default() };
    hub.publish("t", &event).map(|published| published.id)
}

pub(crate) fn publish(hub: &Hub, text: &str) -> String {
    try_publish(hub, text).unwrap()
}

pub(crate) fn wait_for_state(hub: &Hub, state: StoreState) {
    wait_until(&format!("{state:?}"), || hub.stats().store == Some(state));
}

pub(crate) const EPOCH: &str = r#"{"reason":"epoch","missed":null}"#;

/// One connection, and what tells its thread.
pub(crate) struct Connection {
    reader: Reader,
    subscriber: Subscriber,
    woken: Receiver<()>,
    seen: String,
}

impl Connection {
    pub(crate) fn new(hub: &Hub, last_event_id: Option<&str>) -> Self {
        Self::to(hub, "t", last_event_id)
    }

    pub(crate) fn to(hub: &Hub, topic: &str, last_event_id: Option<&str>) -> Self {
        let (wake, woken) = channel();
        let mut reader = hub.reader(Arc::new(move || wake.send(()).unwrap_or_default()));
        let subscriber = reader
            .subscribe(&Subscription { topics: &[topic], last_event_id, ..Subscription::default() })
            .unwrap();
        Self { reader, subscriber, woken, seen: String::new() }
    }

    /// Reads until the data of an event is this, and returns the data of all.
    pub(crate) fn read_until(&mut self, text: &str) -> Vec<&str> {
        let end = format!("data: {text}\n\n");
        while !self.seen.ends_with(&end) {
            match self.reader.next(&mut self.subscriber) {
                Next::Batch(batch) => self.seen.push_str(str::from_utf8(&batch.bytes()).unwrap()),
                Next::Idle => {
                    self.woken.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {text}: {}", self.seen));
                    self.reader.changed(&mut Vec::new());
                }
                Next::End(reason) => panic!("{reason:?}"),
            }
        }
        self.data()
    }

    /// What is there now.
    pub(crate) fn read_until_idle(&mut self) -> Vec<&str> {
        while let Next::Batch(batch) = self.reader.next(&mut self.subscriber) {
            self.seen.push_str(str::from_utf8(&batch.bytes()).unwrap());
        }
        self.data()
    }

    /// Reads until the data of an event is this, and returns the data of all, by their ids.
    pub(crate) fn events_until(&mut self, text: &str) -> BTreeMap<String, String> {
        self.read_until(text);
        let mut events = BTreeMap::new();
        let mut parser = Parser::new();
        let see = |item: Item<'_>| {
            if let Item::Event(event) = item {
                let before = events.insert(event.last_event_id.to_owned(), event.data.to_owned());
                assert_eq!(before, None, "an id stands for two events");
            }
        };
        parser.feed(self.seen.as_bytes(), see).unwrap();
        events
    }

    fn data(&self) -> Vec<&str> {
        self.seen.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }
}
