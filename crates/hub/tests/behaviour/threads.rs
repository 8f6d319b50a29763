use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;

use ssecast_codec::{Item, Parser};
use ssecast_hub::{Close, Hub, Next, Reader, Reason, Subscriber, Subscription, TopicKey};

use crate::rig::{PATIENCE, data, quiet};

const PUBLISHERS: usize = 3;
const EVENTS: usize = 400;

/// A reader that a thread sleeps for: a full channel means that a wake-up is already on its way.
fn reader(hub: &Hub) -> (Reader, Receiver<()>) {
    let (wake, wakes): (SyncSender<()>, _) = sync_channel(1);
    (
        hub.reader(Arc::new(move || {
            let _full = wake.try_send(());
        })),
        wakes,
    )
}

/// Delivers as an engine does: sleeps until it is woken, then asks the subscribers of the changed topics, until
/// all have ended. Returns what each has got.
fn deliver(mut reader: Reader, wakes: &Receiver<()>, mut streams: Vec<Subscriber>) -> Vec<Vec<String>> {
    let mut seen: Vec<Vec<String>> = vec![Vec::new(); streams.len()];
    let mut parsers = vec![Parser::new(); streams.len()];
    let mut open = vec![true; streams.len()];
    while open.iter().any(|open| *open) {
        wakes.recv_timeout(PATIENCE).expect("a wake-up for each event");
        let mut changed: Vec<TopicKey> = Vec::new();
        let head = reader.changed(&mut changed);
        for index in 0..streams.len() {
            let stream = &mut streams[index];
            let concerned = stream.topics().iter().any(|topic| changed.contains(topic));
            if !open[index] || !(concerned || reader.closing().is_some()) {
                continue;
            }
            loop {
                match reader.next(stream) {
                    Next::Batch(batch) => {
                        let see = |item: Item<'_>| {
                            if let Item::Event(message) = item {
                                seen[index].push(message.data.to_owned());
                            }
                        };
                        parsers[index].feed(&batch.bytes(), see).expect("small events");
                    }
                    Next::Idle => break,
                    Next::End(reason) => {
                        assert_eq!(reason, Reason::Shutdown);
                        open[index] = false;
                        break;
                    }
                }
            }
        }
        reader.note_progress(head, 0, 0);
    }
    seen
}

#[test]
fn events_of_several_threads_reach_every_client_once_and_in_one_order() {
    let hub = Hub::new(quiet()).unwrap();
    let topics: [&[&str]; 3] = [&["a", "b"], &["a"], &["b", "a"]];
    let delivering: Vec<_> = (0..2)
        .map(|_| {
            let (mut reader, wakes) = reader(&hub);
            let subscribe = |topics| {
                reader.subscribe(&Subscription { topics, ..Subscription::default() }).expect("an open hub")
            };
            let streams = topics.map(subscribe).into();
            thread::spawn(move || deliver(reader, &wakes, streams))
        })
        .collect();
    let start = Arc::new(Barrier::new(PUBLISHERS));
    let publishing: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let (hub, start) = (hub.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                for number in 0..EVENTS {
                    let topic = if number % 3 == 0 { "b" } else { "a" };
                    hub.publish(topic, &data(&format!("{publisher} {number} {topic}"))).expect("open");
                }
            })
        })
        .collect();
    publishing.into_iter().for_each(|thread| thread.join().unwrap());
    hub.close(&Close { event: Some(data("bye")), ..Close::default() }).unwrap();
    let seen: Vec<Vec<String>> = delivering.into_iter().flat_map(|thread| thread.join().unwrap()).collect();

    let whole = &seen[0];
    assert_eq!(whole.len(), PUBLISHERS * EVENTS + 1);
    assert_eq!(whole.last().unwrap(), "bye", "the farewell comes after all that was published before");
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher} ");
        let own = whole.iter().filter_map(|text| text.strip_prefix(&prefix));
        let numbers: Vec<usize> = own.map(|text| text.split(' ').next().unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>(), "each thread's events in its own order");
    }
    let only_a: Vec<String> = whole.iter().filter(|text| !text.ends_with('b')).cloned().collect();
    for (index, stream) in seen.iter().enumerate() {
        assert_eq!(stream, if index % 3 == 1 { &only_a } else { whole }, "client {index}");
    }
}
