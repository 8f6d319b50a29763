use std::collections::BTreeMap;

use ssecast_hub::{History, Replay};

/// What a hub should hold: every event that was ever published, and no cleverness.
pub(crate) struct Reference {
    pub(crate) records: Vec<Record>,
    pub(crate) now: u64,
    pub(crate) epoch: String,
    history: History,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) sequence: u64,
    pub(crate) topic: usize,
    pub(crate) text: String,
    /// The bytes of its frame.
    pub(crate) length: u64,
    pub(crate) at: u64,
    pub(crate) id: Option<String>,
}

impl Record {
    /// What the history's cap of bytes counts it as.
    pub(crate) fn cost(&self) -> u64 {
        let id = self.id.as_ref().map_or(0, |id| id.len() + History::ID_COST);
        self.length + (History::EVENT_COST + id) as u64
    }
}

/// The topics of a connection, each with the sequence number after which it reads them.
pub(crate) type Topics = BTreeMap<usize, u64>;

/// A loss that a client has to be told of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Loss {
    pub(crate) reason: &'static str,
    pub(crate) missed: Option<u64>,
}

impl Reference {
    pub(crate) fn new(epoch: String, history: History) -> Self {
        Self { records: Vec::new(), now: 0, epoch, history }
    }

    pub(crate) fn head(&self) -> u64 {
        self.records.len() as u64
    }

    /// All bytes that were published.
    pub(crate) fn bytes(&self) -> u64 {
        self.records.iter().map(|record| record.length).sum()
    }

    pub(crate) fn id(&self, sequence: u64) -> String {
        format!("{}-{sequence}", self.epoch)
    }

    /// What the history of a topic has: the longest end of it that is within every cap.
    pub(crate) fn kept(&self, topic: usize) -> Vec<&Record> {
        let mut kept: Vec<&Record> = Vec::new();
        let mut bytes = 0;
        for record in self.records.iter().rev().filter(|record| record.topic == topic) {
            bytes += record.cost();
            let caps = &self.history;
            if caps.events.is_some_and(|cap| kept.len() >= cap)
                || caps.bytes.is_some_and(|cap| bytes > cap as u64)
                || caps.age.is_some_and(|cap| u128::from(self.now - record.at) > cap.as_millis())
            {
                break;
            }
            kept.push(record);
        }
        kept
    }

    pub(crate) fn kept_cost(&self, topic: usize) -> u64 {
        self.kept(topic).iter().map(|record| record.cost()).sum()
    }

    /// The greatest sequence number of a topic that is not in its history.
    fn expired(&self, topic: usize) -> u64 {
        let of_topic = self.records.iter().filter(|record| record.topic == topic);
        of_topic.rev().nth(self.kept(topic).len()).map_or(0, |record| record.sequence)
    }

    /// The event in the history that has a publisher's id.
    pub(crate) fn find(&self, id: &str) -> Option<&Record> {
        let record = self.records.iter().rev().find(|record| record.id.as_deref() == Some(id))?;
        (record.sequence > self.expired(record.topic)).then_some(record)
    }

    /// Where an id is for a connection with these topics, or why it is nowhere. What another topic has is nothing here.
    pub(crate) fn locate(&self, topics: &Topics, id: &str) -> Result<u64, &'static str> {
        if let Some(record) = self.find(id).filter(|record| topics.contains_key(&record.topic)) {
            return Ok(record.sequence);
        }
        match id.split_once('-') {
            Some((epoch, number)) if epoch == self.epoch => {
                number.parse().ok().filter(|number| *number <= self.head()).ok_or("unknown")
            }
            Some(("otherepoch", _)) => Err("epoch"),
            _ => Err("unknown"),
        }
    }

    /// The place before the last events of topics that are kept.
    fn before_last(&self, topics: &Topics, replay: Replay) -> u64 {
        let mut kept: Vec<u64> =
            topics.keys().flat_map(|topic| self.kept(*topic)).map(|record| record.sequence).collect();
        kept.sort_unstable();
        match replay {
            Replay::All => 0,
            Replay::Last(0) => self.head(),
            Replay::Last(wanted) => kept.iter().rev().nth(wanted - 1).map_or(0, |first| first - 1),
        }
    }

    /// Where a client begins that comes with an id, or asks for a replay, and what it has lost. Its topics then say what each
    /// begins after.
    pub(crate) fn begin(&self, topics: &mut Topics, id: &str, replay: Replay) -> (u64, Option<Loss>) {
        if topics.is_empty() {
            return (self.head(), None);
        }
        let located =
            if id.is_empty() { Ok(self.before_last(topics, replay)) } else { self.locate(topics, id) };
        let (place, reason) = match located {
            Ok(sequence) => (sequence, "expired"),
            Err("epoch") => (0, "epoch"),
            Err(reason) => (self.head(), reason),
        };
        let whole = topics.clone();
        topics.iter_mut().for_each(|(topic, since)| *since = place.max(self.expired(*topic)));
        let there: Vec<u64> = self.between(topics, 0, self.head()).map(|record| record.sequence).collect();
        let lost: Vec<u64> = self.between(&whole, place, self.head()).map(|record| record.sequence).collect();
        let lost: Vec<u64> = lost.into_iter().filter(|sequence| !there.contains(sequence)).collect();
        let missed = located.is_ok().then_some(lost.len() as u64);
        let told = (located.is_err() || !lost.is_empty()).then_some(Loss { reason, missed });
        // What was lost before it came is no loss of its own.
        let told = told.filter(|_| !id.is_empty());
        // What it is told first is the last place before what is there for it.
        let position =
            if lost.is_empty() { place } else { there.first().map_or(self.head(), |first| first - 1) };
        (position, told)
    }

    /// The events for a connection that are after one sequence number and up to another.
    pub(crate) fn between(&self, topics: &Topics, after: u64, through: u64) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| {
            let since = topics.get(&record.topic).map(|since| after.max(*since));
            record.sequence <= through && since.is_some_and(|since| record.sequence > since)
        })
    }
}
