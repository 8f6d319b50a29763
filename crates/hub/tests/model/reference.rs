use std::collections::BTreeMap;

use ssecast_hub::History;

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

    pub(crate) fn id(&self, sequence: u64) -> String {
        format!("{}-{sequence}", self.epoch)
    }

    /// What the history of a topic has: the longest end of it that is within every cap.
    pub(crate) fn kept(&self, topic: usize) -> Vec<&Record> {
        let mut kept: Vec<&Record> = Vec::new();
        let mut bytes = 0;
        for record in self.records.iter().rev().filter(|record| record.topic == topic) {
            bytes += record.length;
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

    pub(crate) fn kept_bytes(&self, topic: usize) -> u64 {
        self.kept(topic).iter().map(|record| record.length).sum()
    }

    /// The greatest sequence number of a topic that is not in its history.
    fn expired(&self, topic: usize) -> u64 {
        let of_topic = self.records.iter().filter(|record| record.topic == topic);
        of_topic.rev().nth(self.kept(topic).len()).map_or(0, |record| record.sequence)
    }

    /// The event in the history that has a publisher's id.
    pub(crate) fn find(&self, id: &str) -> Option<u64> {
        let record = self.records.iter().rev().find(|record| record.id.as_deref() == Some(id))?;
        (record.sequence > self.expired(record.topic)).then_some(record.sequence)
    }

    /// Where an id is, or why it is nowhere.
    pub(crate) fn locate(&self, id: &str) -> Result<u64, &'static str> {
        if let Some(sequence) = self.find(id) {
            return Ok(sequence);
        }
        match id.split_once('-') {
            Some((epoch, number)) if epoch == self.epoch => {
                number.parse().ok().filter(|number| *number <= self.head()).ok_or("unknown")
            }
            Some(("otherepoch", _)) => Err("epoch"),
            _ => Err("unknown"),
        }
    }

    /// Where a client begins that comes with an id, and what it has lost.
    pub(crate) fn begin(&self, topics: &Topics, id: &str) -> (u64, Option<Loss>) {
        if id.is_empty() || topics.is_empty() {
            return (self.head(), None);
        }
        let expired = topics.keys().map(|topic| self.expired(*topic)).max().unwrap_or(0);
        match self.locate(id) {
            Ok(sequence) if sequence >= expired => (sequence, None),
            Ok(sequence) => {
                let missed = self.between(topics, sequence, expired).count() as u64;
                (expired, Some(Loss { reason: "expired", missed: Some(missed) }))
            }
            Err("epoch") => (expired, Some(Loss { reason: "epoch", missed: None })),
            Err(reason) => (self.head(), Some(Loss { reason, missed: None })),
        }
    }

    /// The events for a connection that are after one sequence number and up to another.
    pub(crate) fn between(&self, topics: &Topics, after: u64, through: u64) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| {
            let since = topics.get(&record.topic).map(|since| after.max(*since));
            record.sequence <= through && since.is_some_and(|since| record.sequence > since)
        })
    }
}
