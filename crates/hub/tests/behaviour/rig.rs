use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ssecast_codec::{Item, Parser};
use ssecast_hub::{
    Config, Error, Event, History, Hub, ManualClock, Next, Policy, Published, Reader, Reason, Replay,
    SlowClient, Subscriber, Subscription,
};

/// Far longer than anything takes: what never comes fails the test instead of hanging it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// A hub under test, its clock, and one reader of it.
pub(crate) struct Rig {
    pub(crate) hub: Hub,
    pub(crate) reader: Reader,
    clock: ManualClock,
    epoch: String,
    wakes: Arc<AtomicUsize>,
}

/// One connection and the client at its end.
pub(crate) struct Stream {
    pub(crate) subscriber: Subscriber,
    parser: Parser,
    /// Why it ended, if it did.
    pub(crate) ended: Option<Reason>,
}

/// Keeps everything and says nothing but events: each test turns on what it is about.
pub(crate) fn quiet() -> Config {
    Config {
        history: History { events: Some(1_000_000), bytes: None, age: None },
        heartbeat: None,
        retry: None,
        ..Config::default()
    }
}

pub(crate) fn keeps(events: Option<usize>, bytes: Option<usize>, age: Option<u64>) -> Config {
    Config { history: History { events, bytes, age: age.map(Duration::from_millis) }, ..quiet() }
}

pub(crate) fn slow(bytes: usize, ms: u64, policy: Policy) -> Config {
    Config { slow_client: SlowClient { bytes, time: Duration::from_millis(ms), policy }, ..quiet() }
}

pub(crate) fn data(text: &str) -> Event<'_> {
    Event { data: Some(text), ..Event::default() }
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        let clock = ManualClock::default();
        let hub = Hub::with_clock(config, clock.clone()).expect("a valid configuration");
        let epoch = format!("{hub:?}").split('"').nth(1).expect("the epoch").to_owned();
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let reader = hub.reader(Arc::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        Self { hub, reader, clock, epoch, wakes }
    }

    pub(crate) fn id(&self, sequence: u64) -> String {
        format!("{}-{sequence}", self.epoch)
    }

    pub(crate) fn publish(&self, topic: &str, text: &str) {
        self.hub.publish(topic, &data(text)).expect("a valid event");
    }

    /// Publishes, and has the reader look at it, so that it counts as offered.
    pub(crate) fn offer(&mut self, topic: &str, text: &str) {
        self.publish(topic, text);
        self.reader.changed(&mut Vec::new());
    }

    pub(crate) fn publish_as(&self, id: &str, topic: &str, text: &str) -> Result<Published, Error> {
        self.hub.publish(topic, &Event { id: Some(id), ..data(text) })
    }

    pub(crate) fn try_subscribe(&mut self, topics: &[&str], id: Option<&str>) -> Result<Stream, Error> {
        let subscriber =
            self.reader.subscribe(&Subscription { topics, last_event_id: id, ..Subscription::default() })?;
        Ok(Stream { subscriber, parser: Parser::new(), ended: None })
    }

    pub(crate) fn begin(&mut self, topics: &[&str], replay: Replay) -> Stream {
        let subscription = Subscription { topics, replay, ..Subscription::default() };
        let subscriber = self.reader.subscribe(&subscription).expect("room");
        Stream { subscriber, parser: Parser::new(), ended: None }
    }

    pub(crate) fn subscribe(&mut self, topics: &[&str]) -> Stream {
        self.try_subscribe(topics, None).expect("room")
    }

    pub(crate) fn resume(&mut self, topics: &[&str], id: &str) -> Stream {
        self.try_subscribe(topics, Some(id)).expect("room")
    }

    /// Everything that is there for the client, as it sees it. Data stands for itself, after its type unless that
    /// is `message`; `#7` is an id alone, `:` a comment, and `retry 5` a reconnection time.
    pub(crate) fn read(&mut self, stream: &mut Stream) -> Vec<String> {
        let mut items = Vec::new();
        loop {
            match self.reader.next(&mut stream.subscriber) {
                Next::Batch(batch) => items.extend(self.see(stream, &batch.bytes())),
                Next::Idle => return items,
                Next::End(reason) => {
                    stream.ended = Some(reason);
                    return items;
                }
            }
        }
    }

    pub(crate) fn see(&self, stream: &mut Stream, bytes: &[u8]) -> Vec<String> {
        let mut items = Vec::new();
        let see = |item: Item<'_>| {
            items.push(match item {
                Item::Event(message) if message.event == "message" => message.data.to_owned(),
                Item::Event(message) => format!("{} {}", message.event, message.data),
                Item::Id(id) => format!("#{}", self.short(id)),
                Item::Retry(retry) => format!("retry {retry}"),
                Item::Comment(comment) => format!(":{comment}"),
            });
        };
        stream.parser.feed(bytes, see).expect("a stream within the parser's limit");
        items
    }

    /// The events alone.
    pub(crate) fn events(&mut self, stream: &mut Stream) -> Vec<String> {
        let mut items = self.read(stream);
        items.retain(|item| !item.starts_with('#'));
        items
    }

    /// The last event ID that the client has; of the hub's own ids the number.
    pub(crate) fn last_id(&self, stream: &Stream) -> String {
        self.short(stream.parser.last_event_id()).to_owned()
    }

    fn short<'a>(&self, id: &'a str) -> &'a str {
        id.strip_prefix(&self.epoch).and_then(|rest| rest.strip_prefix('-')).unwrap_or(id)
    }

    /// What a client gets that comes back with an id and is then up to date.
    pub(crate) fn replay(&mut self, topics: &[&str], id: &str) -> Vec<String> {
        let mut stream = self.resume(topics, id);
        self.events(&mut stream)
    }

    /// Ends a round in which every subscriber was asked until it was idle.
    pub(crate) fn settle(&mut self) {
        let head = self.reader.changed(&mut Vec::new());
        self.reader.note_progress(head, 0, 0);
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }
}

pub(crate) fn reset(reason: &str, missed: Option<u64>) -> String {
    let missed = missed.map_or("null".to_owned(), |missed| missed.to_string());
    format!(r#"reset {{"reason":"{reason}","missed":{missed}}}"#)
}
