use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ssecast_codec::{Item, Parser};
use ssecast_hub::{
    Close, Config, ErrorKind, Event, History, Hub, ManualClock, Next, Reader, Reason, Replay, Subscription,
    TopicKey,
};

use crate::action::{Action, CLIENTS, From, READERS, TOPICS};
use crate::reference::{Record, Reference, Topics};
use crate::stream::{Seen, Stream};

const NAMES: [&str; TOPICS] = ["red", "green", "blue", "grey"];

/// A hub and everything around it, next to the reference.
pub(crate) struct World {
    hub: Hub,
    clock: ManualClock,
    readers: Vec<Reading>,
    clients: Vec<Client>,
    reference: Reference,
    /// The most bytes that each topic's history, or a single event of it, ever had.
    peaks: [u64; TOPICS],
    closed: bool,
}

struct Reading {
    reader: Reader,
    wakes: Arc<AtomicUsize>,
    /// How often it must have been woken, and whether it has looked since.
    expected_wakes: usize,
    awake: bool,
    /// What it has looked at.
    head: u64,
    /// The bytes that were published before the first event that it has not looked at, and when that came.
    pending: Option<(u64, u64)>,
}

/// One client over all its connections.
struct Client {
    parser: Parser,
    stream: Option<Stream>,
    topics: u8,
    /// The place that its last event ID stands for, if it got that from this hub.
    place: Option<u64>,
    /// The newest event that it has got since it last came with an id of another client's.
    newest: u64,
}

fn topics(mask: u8) -> Vec<usize> {
    (0..TOPICS).filter(|topic| mask & (1 << topic) != 0).collect()
}

fn names(mask: u8) -> Vec<&'static str> {
    topics(mask).into_iter().map(|topic| NAMES[topic]).collect()
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let clock = ManualClock::default();
        let history = config.history;
        let hub = Hub::with_clock(config, clock.clone()).expect("a valid configuration");
        let epoch = format!("{hub:?}").split('"').nth(1).expect("the epoch").to_owned();
        let reading = |_| {
            let wakes = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&wakes);
            let reader = hub.reader(Arc::new(move || {
                counter.fetch_add(1, Ordering::SeqCst);
            }));
            Reading { reader, wakes, expected_wakes: 0, awake: false, head: 0, pending: None }
        };
        let client = |index: usize| Client {
            parser: Parser::new(),
            stream: None,
            topics: [0b11, 0b110, 0b1001][index % 3],
            place: None,
            newest: 0,
        };
        Self {
            readers: (0..READERS).map(reading).collect(),
            clients: (0..CLIENTS).map(client).collect(),
            reference: Reference::new(epoch, history),
            peaks: [0; TOPICS],
            closed: false,
            hub,
            clock,
        }
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn act(&mut self, action: &Action) {
        match *action {
            Action::Publish { topic, length, id } => self.publish(topic, length, id),
            Action::Open { client, reader, topics, ref from } => self.open(client, reader, topics, from),
            Action::Drop { client } => self.clients[client].stream = None,
            Action::Cut { client, part } => self.cut(client, part),
            Action::Take { client, batches } => (0..batches).for_each(|_| self.take(client)),
            Action::Round { reader } => self.round(reader),
            Action::Advance { ms } => {
                self.clock.advance(Duration::from_millis(ms));
                self.reference.now += ms;
            }
            Action::Stall { client, stalls } => {
                let heads: Vec<u64> = self.readers.iter().map(|reading| reading.head).collect();
                self.with(client, |stream, reader, reference| {
                    if stalls {
                        reader.stop(&mut stream.subscriber, true);
                    } else {
                        stream.subscriber.go_on();
                    }
                    stream.stall(stalls, heads[stream.reader], reference.now);
                });
            }
            Action::CheckLag { client } => self.check_lag(client),
            Action::ChangeTopics { client, add, remove } => self.change_topics(client, add, remove),
            Action::Send { client, length } => self.send(client, length),
            Action::End { client } => self.with(client, |stream, _, reference| {
                stream.subscriber.end(Reason::Server);
                stream.end.get_or_insert(reference.head());
                stream.ready = true;
            }),
            Action::Heartbeat { client } => self.heartbeat(client),
            Action::Adopt { client, reader } => {
                let registrar = self.readers[reader].reader.registrar();
                self.with(client, |stream, _, _| {
                    registrar.adopt(&mut stream.subscriber);
                    (stream.reader, stream.ready) = (reader, true);
                });
            }
        }
        self.note_absence();
        self.check_stats();
    }

    fn with(&mut self, client: usize, act: impl FnOnce(&mut Stream, &mut Reader, &Reference)) {
        if let Some(stream) = &mut self.clients[client].stream {
            act(stream, &mut self.readers[stream.reader].reader, &self.reference);
        }
    }

    fn is_absent(&self, reading: &Reading) -> bool {
        let patience = u64::try_from(self.hub.config().slow_client.time.as_millis()).expect("a short time");
        reading.pending.is_some_and(|(_, since)| self.reference.now - since > patience)
    }

    /// A client whose reader is no longer waited for may lose what is over the limit.
    fn note_absence(&mut self) {
        let absent: Vec<bool> = self.readers.iter().map(|reading| self.is_absent(reading)).collect();
        for stream in self.clients.iter_mut().filter_map(|client| client.stream.as_mut()) {
            stream.neglected |= absent[stream.reader];
        }
    }

    /// The bytes that no reader has offered yet.
    fn backlog(&self) -> u64 {
        let published = self.reference.bytes();
        let waited_for = self.readers.iter().filter(|reading| !self.is_absent(reading));
        let offered = waited_for.filter_map(|reading| Some(reading.pending?.0)).min();
        let streams = self.clients.iter().filter_map(|client| client.stream.as_ref());
        let own: u64 = streams.flat_map(|stream| &stream.own).map(|(_, _, backlogged)| backlogged).sum();
        published - offered.unwrap_or(published) + own
    }

    /// Whether an event is refused, because too much waits to be offered.
    fn is_refused(&self, length: u64) -> bool {
        let backlog = self.backlog();
        backlog > 0 && backlog + length > self.hub.config().max_backlog_bytes as u64
    }

    fn publish(&mut self, topic: usize, length: usize, id: Option<u8>) {
        let sequence = self.reference.head() + 1;
        let text = format!("event {sequence} {}", "x".repeat(length));
        let id_text = id.map_or_else(|| self.reference.id(sequence), |id| format!("id {id}"));
        let length_of_frame =
            Event { id: Some(&id_text), data: Some(&text), ..Event::default() }.encoded_len() as u64;
        let (refused, now) = (self.is_refused(length_of_frame), self.reference.now);
        let before = self.reference.bytes();
        let reference = &mut self.reference;
        let sequence = reference.head() + 1;
        let text = format!("event {sequence} {}", "x".repeat(length));
        let id = id.map(|id| format!("id {id}"));
        let event = Event { data: Some(&text), id: id.as_deref(), ..Event::default() };
        let published = self.hub.publish(NAMES[topic], &event);
        if refused {
            assert_eq!(published.expect_err("too much waits").kind(), ErrorKind::BacklogFull);
            return;
        }
        if id.as_deref().is_some_and(|id| reference.find(id).is_some()) {
            assert_eq!(published.expect_err("the id is taken").kind(), ErrorKind::InvalidId);
            return;
        }
        let published = published.expect("a valid event");
        assert_eq!(published.id, id.clone().unwrap_or_else(|| reference.id(sequence)));
        let length = Event { id: Some(&published.id), ..event }.encoded_len() as u64;
        let record = Record { sequence, topic, text, length, at: reference.now, id };
        let cost = record.cost();
        reference.records.push(record);

        let streams = || self.clients.iter().filter_map(|client| client.stream.as_ref());
        let concerned = || streams().filter(|stream| stream.topics.contains_key(&topic));
        assert_eq!(published.subscribers, concerned().count());
        for (index, reading) in self.readers.iter_mut().enumerate() {
            if concerned().any(|stream| stream.reader == index) {
                reading.pending.get_or_insert((before, now));
                reading.expected_wakes += usize::from(!std::mem::replace(&mut reading.awake, true));
            }
            assert_eq!(reading.wakes.load(Ordering::SeqCst), reading.expected_wakes, "one wake-up a batch");
        }
        self.peaks[topic] = self.peaks[topic].max(cost).max(self.reference.kept_cost(topic));
    }

    fn check_stats(&self) {
        let stats = self.hub.stats();
        let open = self.clients.iter().filter(|client| client.stream.is_some()).count();
        assert_eq!((stats.connections, stats.published), (open as u64, self.reference.head()));
        let kept: usize = (0..TOPICS).map(|topic| self.reference.kept(topic).len()).sum();
        assert_eq!(stats.history_events, kept as u64, "events in the history");
        assert_eq!(stats.backlog_bytes, self.backlog());
        let limit = self.hub.config().max_backlog_bytes.max(self.hub.config().slow_client.bytes) as u64;
        // What is past the caps is kept for a subscriber that began when it was not, and is not over its limit.
        // No frame is shorter than 25 bytes; a little more says how many events there were.
        let held = limit + (limit / 25 + 1) * History::EVENT_COST as u64 + 600;
        // No event of a connection's own is shorter than 8 bytes.
        let cost = |bytes: u64| bytes + bytes / 8 * History::EVENT_COST as u64;
        let streams = self.clients.iter().filter_map(|client| client.stream.as_ref());
        let private = streams.map(|stream| cost(stream.subscriber.private_bytes() as u64));
        let bound: u64 = self.peaks.iter().map(|peak| peak + held).chain(private).sum();
        assert!(stats.held_bytes <= bound, "{} bytes are held, more than {bound}", stats.held_bytes);
    }

    fn open(&mut self, index: usize, reader: usize, topics_now: Option<u8>, from: &From) {
        let client = &mut self.clients[index];
        client.stream = None;
        client.topics = topics_now.unwrap_or(client.topics);
        client.parser.finish();
        let head = self.reference.head();
        let id = match *from {
            From::Seen => client.parser.last_event_id().to_owned(),
            From::Nothing | From::Replay(_) => String::new(),
            From::OtherEpoch => "otherepoch-3".to_owned(),
            From::Unknown => "never heard of".to_owned(),
            From::At(part) => self.reference.id((head + 2) * u64::from(part) / 255),
            From::Publisher(id) => format!("id {id}"),
        };
        // With an id it plays no role.
        let replay = if let From::Replay(replay) = *from { replay } else { Replay::default() };
        let names = names(client.topics);
        let asked = if id.is_empty() { replay } else { Replay::All };
        let subscription = Subscription { topics: &names, last_event_id: Some(&id), replay: asked };
        let subscriber = self.readers[reader].reader.subscribe(&subscription).expect("room");
        let topics: Topics = topics(client.topics).into_iter().map(|topic| (topic, 0)).collect();

        // A publisher that uses an id again after its event has expired makes it another place.
        let twice =
            self.reference.records.iter().filter(|record| record.id.as_ref() == Some(&id)).count() > 1;
        if matches!(from, From::Seen) && !twice {
            if let (Ok(place), Some(expected)) = (self.reference.locate(&topics, &id), client.place) {
                assert_eq!(place, expected, "the id stands for what the client has got, no less and no more");
            }
        } else {
            client.parser = Parser::new().with_last_event_id(&id);
            (client.place, client.newest) = (None, 0);
        }
        let config = self.hub.config();
        client.stream = Some(Stream::new(subscriber, reader, topics, (&id, replay), &self.reference, config));
    }

    /// Shows a client some bytes; the stream must have meant what it sees.
    fn show(client: &mut Client, reference: &Reference, bytes: &[u8]) {
        let Some(stream) = &mut client.stream else { return };
        let mut seen = Vec::new();
        let see = |item: Item<'_>| match item {
            Item::Event(message) => seen.push(Seen::Event {
                kind: message.event.to_owned(),
                text: message.data.to_owned(),
                id: message.id.map(ToOwned::to_owned),
            }),
            Item::Id(id) => seen.push(Seen::Id(id.to_owned())),
            Item::Retry(_) | Item::Comment(_) => {}
        };
        client.parser.feed(bytes, see).expect("events within the limit");
        for item in &seen {
            let (event, place) = stream.see(item, reference);
            if let Some(sequence) = event {
                assert!(sequence > client.newest, "event {sequence} came twice, or out of order");
                client.newest = sequence;
            }
            client.place = place.or(client.place);
        }
    }

    /// Takes what is next for a client.
    fn take(&mut self, index: usize) {
        self.take_part(index, 256);
    }

    fn take_part(&mut self, index: usize, part: usize) {
        let client = &mut self.clients[index];
        let Some(stream) = &mut client.stream else { return };
        match self.readers[stream.reader].reader.next(&mut stream.subscriber) {
            Next::Batch(batch) => {
                stream.progressed_at = self.reference.now;
                let bytes = batch.bytes();
                Self::show(client, &self.reference, &bytes[..bytes.len() * part / 256]);
            }
            Next::Idle => {
                assert!(stream.is_done(&self.reference, self.reference.head()), "idle, though events wait");
                stream.ready = false;
            }
            Next::End(reason) => {
                match reason {
                    Reason::Lagged => assert!(!stream.skips() && stream.may_lose(&self.reference)),
                    Reason::Server => {
                        let end = stream.end.expect("it was ended");
                        assert!(stream.is_done(&self.reference, end), "ended, though events wait");
                    }
                    _ => {
                        assert!(self.closed && reason == Reason::Shutdown && stream.farewells == 1);
                        assert!(stream.is_done(&self.reference, self.reference.head()));
                    }
                }
                client.stream = None;
            }
        }
    }

    fn cut(&mut self, index: usize, part: u8) {
        self.take_part(index, usize::from(part));
        self.clients[index].stream = None;
    }

    /// What an engine does when it is woken.
    fn round(&mut self, index: usize) {
        let reading = &mut self.readers[index];
        reading.awake = false;
        reading.pending = None;
        let mut changed: Vec<TopicKey> = Vec::new();
        let head = reading.reader.changed(&mut changed);
        reading.head = head;
        for client in 0..CLIENTS {
            let Some(stream) = &mut self.clients[client].stream else { continue };
            if stream.reader != index {
                continue;
            }
            stream.ready |= stream.subscriber.topics().iter().any(|topic| changed.contains(topic));
            while self.clients[client].stream.as_ref().is_some_and(|stream| stream.ready && !stream.stalls) {
                self.take(client);
            }
        }
        let streams = self.clients.iter().filter_map(|client| client.stream.as_ref());
        let behind = streams.filter(|stream| stream.reader == index && stream.ready);
        let passed = behind.map(|stream| stream.subscriber.cursor()).min().unwrap_or(head);
        self.readers[index].reader.note_progress(passed.min(head), 0, 0);
    }

    fn check_lag(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some(stream) = &mut client.stream else { return };
        let waiting = stream.waiting(&self.reference);
        let over = stream.is_over(&self.reference);
        let found = stream.subscriber.check_lag();
        let lost = stream.may_lose(&self.reference) && (waiting > 0 && found == Ok(0) || found.is_err());
        if !over && !lost {
            assert_eq!(found, Ok(waiting));
        } else if stream.skips() {
            assert_eq!(found, Ok(0));
            stream.skip(&self.reference);
        } else {
            assert_eq!(found, Err(Reason::Lagged));
            client.stream = None;
        }
    }

    fn change_topics(&mut self, index: usize, add: u8, remove: u8) {
        let client = &mut self.clients[index];
        let Some(stream) = &mut client.stream else { return };
        stream.subscriber.change_topics(&names(add), &names(remove)).expect("room for all topics");
        let mask = client.topics & !remove;
        if client.topics == 0 && add != 0 {
            stream.position = stream.position.max(self.reference.head());
        }
        stream.topics.retain(|topic, _| mask & (1 << topic) != 0);
        for topic in topics(add & !mask) {
            stream.topics.insert(topic, self.reference.head());
        }
        client.topics = mask | add;
        stream.ready = true;
        stream.forget_silent_loss();
        assert_eq!(stream.subscriber.topic_names().len(), stream.topics.len());
    }

    fn send(&mut self, index: usize, length: usize) {
        let client = &mut self.clients[index];
        let Some(stream) = &mut client.stream else { return };
        let text = format!("{} {}", stream.own.len(), "x".repeat(length));
        let event = Event { event: Some("own"), data: Some(&text), ..Event::default() };
        let length = event.encoded_len() as u64;
        let refused = self.is_refused(length);
        let client = &mut self.clients[index];
        let Some(stream) = &mut client.stream else { return };
        let checked = !refused && stream.end.is_none() && stream.own_is_over();
        let over = checked && stream.is_over(&self.reference);
        let before = stream.subscriber.private_bytes();
        let taken = match stream.subscriber.send(&event) {
            Ok(taken) => taken,
            Err(error) => {
                assert_eq!((refused, error.kind()), (true, ErrorKind::BacklogFull));
                return;
            }
        };
        assert!(!refused, "more was taken than may wait");
        let gave_up = !taken || (stream.subscriber.private_bytes() as u64) < before as u64 + length;
        let over = over || (checked && gave_up && stream.may_lose(&self.reference));
        if stream.end.is_some() {
            assert!(!taken, "nothing is sent after the end");
        } else if over && !stream.skips() {
            assert!(!taken, "a slow client is sent nothing more");
            client.stream = None;
        } else {
            assert!(taken);
            if over {
                stream.skip(&self.reference);
            }
            let backlogged = if stream.stalls { 0 } else { length };
            stream.own.push_back((self.reference.head(), text, backlogged));
            stream.ready = true;
        }
    }

    fn heartbeat(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some(stream) = &mut client.stream else { return };
        let batch = stream.subscriber.heartbeat();
        stream.progressed_at = self.reference.now;
        Self::show(client, &self.reference, &batch.bytes());
    }

    /// Lets every client have everything, with or without closing the hub.
    pub(crate) fn finish(&mut self, close: bool) {
        if close {
            let event = Event { event: Some("farewell"), data: Some("bye"), ..Event::default() };
            self.hub.close(&Close { event: Some(event), ..Close::default() }).expect("a valid event");
            self.closed = true;
            let late = self.hub.publish(NAMES[0], &Event::default());
            assert_eq!(late.expect_err("closed").kind(), ErrorKind::Closed);
        }
        for stream in self.clients.iter_mut().filter_map(|client| client.stream.as_mut()) {
            stream.stalls = false;
            stream.ready |= close;
        }
        (0..READERS).for_each(|reader| self.round(reader));
        for client in &mut self.clients {
            let Some(stream) = &mut client.stream else { continue };
            assert!(!close && stream.is_done(&self.reference, self.reference.head()), "a lost wake-up");
        }
        self.check_stats();
    }
}
