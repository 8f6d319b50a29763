use std::collections::BTreeSet;

use ssecast_hub::{Entry, Epoch, Error, Pending, Position, Replica};

use super::*;

/// A replica that keeps the newest entries of some topics.
#[derive(Default)]
struct Newest {
    kept: u64,
    head: u64,
    forgotten: BTreeSet<String>,
}

impl Replica for Newest {
    fn position(&self) -> Option<Position> {
        None
    }

    fn begin(&mut self, _epoch: Epoch, _forgotten: u64) {}

    fn restore_topic(&mut self, _topic: &str, _state: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn apply(&mut self, _sequence: u64, _entry: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn would_refuse(&self) -> bool {
        false
    }

    fn pending(&mut self, _index: usize) -> Option<Pending<'_>> {
        None
    }

    fn appended(&mut self, _index: usize, _sequence: u64) -> Result<(), Error> {
        Ok(())
    }

    fn has_expired(&mut self, sequence: u64, entry: &Entry<'_>) -> bool {
        sequence + self.kept <= self.head || self.forgotten.contains(entry.topic)
    }

    fn topic_state(&mut self, topic: &str, out: &mut Vec<u8>) -> bool {
        out.extend(topic.as_bytes());
        !self.forgotten.contains(topic)
    }

    fn has_topic(&mut self, topic: &str) -> bool {
        !self.forgotten.contains(topic)
    }
}

fn entry(topic: &str) -> Entry<'_> {
    Entry { kind: EntryKind::Event, at: 0, fingerprint: 0, topic, id: None, block: b"" }
}

#[test]
fn a_pack_goes_when_its_last_entry_has_expired_and_says_so_of_each_of_its_topics() {
    let (mut stored, mut replica) = (Stored::default(), Newest { kept: 2, ..Newest::default() });
    let packs = [(3, 3), (4, 1), (6, 2)].map(|(last, count)| Pack { last, count, bytes: Vec::new() });
    for (topic, number, pack) in
        [("a", 1, 0), ("b", 2, 0), ("a", 3, 0), ("a", 4, 1), ("b", 5, 2), ("b", 6, 2)]
    {
        stored.note(&entry(topic), number, &packs[pack]);
    }
    replica.head = 4;
    stored.look(&mut replica, 4);
    assert!(stored.due().packs().is_empty(), "entry 3 is kept");
    (replica.head, replica.kept) = (6, 1);
    stored.look(&mut replica, 5);
    assert_eq!((stored.due().packs(), stored.due().removed), (vec![3, 4], 4), "6 is not applied yet");
    let states: Vec<_> = stored.due().states.iter().map(|(topic, (last, _))| (&**topic, *last)).collect();
    assert_eq!(states, [("a", 4), ("b", 2)]);
    stored.note_removed();
    replica.forgotten.insert("a".into());
    stored.look(&mut replica, 6);
    assert_eq!(
        stored.due().forgotten.iter().map(|(topic, last)| (&**topic, *last)).collect::<Vec<_>>(),
        [("a", 4)]
    );
}

#[test]
fn a_process_that_appends_nothing_remembers_little() {
    for count in [1, 3] {
        let (mut stored, mut replica) = (Stored::default(), Newest { kept: 100, ..Newest::default() });
        for number in 1..=150_000_u64 {
            replica.head = number;
            let topic = format!("topic {}", number / 10);
            let pack = Pack { last: number.next_multiple_of(count), count, bytes: Vec::new() };
            stored.note(&entry(&topic), number, &pack);
            if number % 10 == 0 {
                replica.forgotten.insert(topic);
                replica.forgotten.pop_first();
            }
            stored.tidy(&mut replica, number);
        }
        assert!(stored.packs.len() < 2000, "{}", stored.packs.len());
        assert!(stored.topics.len() < 300, "{}", stored.topics.len());
        assert!(stored.due.packs.len() <= MAX_WAITING);
        assert!(stored.due.forgotten.len() <= MAX_FORGOTTEN + 1, "{}", stored.due.forgotten.len());
        // It appends after all: what waits goes step by step.
        let mut calls = 0;
        while !stored.due().packs().is_empty() {
            assert!(stored.due().packs().len() <= MAX_PACKS);
            stored.note_removed();
            calls += 1;
        }
        assert!((40..=MAX_WAITING / MAX_PACKS).contains(&calls), "{calls}");
    }
}
