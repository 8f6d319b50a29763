use std::sync::Arc;
use std::time::Duration;

use ssecast_codec::{Item, Parser};
use ssecast_hub::{
    Config, Error, Event, History, Hub, ManualClock, Next, Policy, Published, Reader, Replay, SharedStore,
    SlowClient, Subscriber, Subscription,
};

use crate::simulated::Simulated;

/// One process: its hub, and one reader of it.
pub(crate) struct Process {
    pub(crate) store: Simulated,
    pub(crate) hub: Hub,
    pub(crate) reader: Reader,
}

/// A client's connection.
pub(crate) struct Stream {
    pub(crate) subscriber: Subscriber,
    parser: Parser,
}

/// What a client sees: data stands for itself, after its type unless that is `message`.
pub(crate) type Seen = (String, String);

pub(crate) fn config(events: usize) -> Config {
    Config {
        history: History { events: Some(events), bytes: None, age: None },
        slow_client: SlowClient { policy: Policy::Skip, ..SlowClient::default() },
        heartbeat: None,
        retry: None,
        ..Config::default()
    }
}

impl Process {
    pub(crate) fn new(store: &Simulated, config: Config, clock: &ManualClock) -> Self {
        let store = store.other_process();
        let config = Config { store: Some(SharedStore::from(store.clone())), ..config };
        let hub = Hub::with_clock(config, clock.clone()).unwrap();
        let reader = hub.reader(Arc::new(|| ()));
        Self { store, hub, reader }
    }

    pub(crate) fn publish(&self, topic: &str, text: &str) -> Result<Published, Error> {
        self.hub.publish(topic, &Event { data: Some(text), ..Event::default() })
    }

    pub(crate) fn connect(&mut self, topics: &[&str], id: Option<&str>) -> Result<Stream, Error> {
        self.connect_for(topics, id, Replay::default())
    }

    pub(crate) fn connect_for(
        &mut self,
        topics: &[&str],
        id: Option<&str>,
        replay: Replay,
    ) -> Result<Stream, Error> {
        let subscriber = self.reader.subscribe(&Subscription { topics, last_event_id: id, replay })?;
        Ok(Stream { subscriber, parser: Parser::new() })
    }

    /// What is there for a client, with the id that it has after each.
    pub(crate) fn read(&mut self, stream: &mut Stream) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Next::Batch(batch) = self.reader.next(&mut stream.subscriber) {
            let see = |item: Item<'_>| match item {
                Item::Event(message) if message.event == "message" => {
                    seen.push((message.data.to_owned(), message.last_event_id.to_owned()));
                }
                Item::Event(message) => seen
                    .push((format!("{} {}", message.event, message.data), message.last_event_id.to_owned())),
                Item::Id(id) => seen.push((String::new(), id.to_owned())),
                Item::Retry(_) | Item::Comment(_) => {}
            };
            stream.parser.feed(&batch.bytes(), see).unwrap();
        }
        // Its round is over.
        let head = self.reader.changed(&mut Vec::new());
        self.reader.note_progress(head, 0, 0);
        seen
    }

    pub(crate) fn texts(&mut self, stream: &mut Stream) -> Vec<String> {
        self.read(stream).into_iter().map(|(text, _)| text).filter(|text| !text.is_empty()).collect()
    }
}

pub(crate) fn advance(clock: &ManualClock, ms: u64) {
    clock.advance(Duration::from_millis(ms));
}
