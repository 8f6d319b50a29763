//! The tables of a log, all in one database: its description, what is known of topics that lost entries, and the entries.
//! An append changes one page of the entries alone; everything else waits for the next sweep.

use std::collections::BTreeMap;

use ssecast_hub::{Entry, Epoch, Error, Position, Replica};

use crate::failure;
use crate::lmdb::{Failure, Transaction};
use crate::meta::Meta;

const META: &[u8] = b"a";
const TOPIC: u8 = b't';
/// The greatest, so that an entry is appended at the end of the database.
const ENTRY: u8 = b'z';

/// What is applied at most while the log is locked: entries, and bytes.
const MAX_ENTRIES: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

/// How many entries a sweep looks at for each that was appended. What has to go is then a third of what stays, at most.
pub(crate) const LOOKS: usize = 4;
/// How many topics' states a sweep looks at.
const STATES: usize = 16;

/// Why a transaction is given up.
#[derive(Debug)]
pub(crate) enum Problem {
    Lmdb(Failure),
    Error(Error),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Lmdb(failure)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The log's description; `None` if the file is empty.
pub(crate) fn meta(transaction: &Transaction<'_>) -> Result<Option<Meta>, Problem> {
    if let Some(bytes) = transaction.get(META)? {
        return Ok(Some(Meta::decode(bytes)?));
    }
    match transaction.cursor()?.last()? {
        None => Ok(None),
        Some(_) => Err(failure::format(
            "is no store of ssecast's: it is another program's; name another folder".into(),
        )
        .into()),
    }
}

pub(crate) fn put_meta(transaction: &mut Transaction<'_>, meta: &Meta) -> Result<(), Problem> {
    Ok(transaction.put(META, &meta.encode())?)
}

/// The number of the newest entry, which is never removed; zero if there is none.
pub(crate) fn head(transaction: &Transaction<'_>) -> Result<u64, Problem> {
    Ok(transaction.cursor()?.last()?.and_then(|(key, _)| sequence(key)).unwrap_or(0))
}

pub(crate) fn append(transaction: &mut Transaction<'_>, sequence: u64, entry: &[u8]) -> Result<(), Problem> {
    Ok(transaction.append(&entry_key(sequence), entry)?)
}

fn entry_key(sequence: u64) -> [u8; 9] {
    let mut key = [ENTRY; 9];
    key[1..].copy_from_slice(&sequence.to_be_bytes());
    key
}

fn sequence(key: &[u8]) -> Option<u64> {
    let (&ENTRY, number) = key.split_first()? else { return None };
    number.try_into().ok().map(u64::from_be_bytes)
}

fn topic_key(topic: &str) -> Vec<u8> {
    [&[TOPIC], topic.as_bytes()].concat()
}

/// Whether a replica has applied more than there is of this life of the log: its end was lost.
pub(crate) fn is_ahead(replica: &dyn Replica, epoch: Epoch, head: u64) -> bool {
    replica.position().is_some_and(|position| position.epoch == epoch && position.sequence > head)
}

/// Applies what a replica has not got, as much as may be done at once. Returns whether that was all. `states` is the sweep
/// as of which it has the states of topics.
pub(crate) fn catch_up(
    transaction: &Transaction<'_>,
    meta: &Meta,
    head: u64,
    replica: &mut dyn Replica,
    states: &mut Option<u64>,
) -> Result<bool, Problem> {
    let applied = match replica.position() {
        Some(Position { epoch, sequence }) if epoch == meta.epoch => sequence,
        _ => {
            replica.begin(meta.epoch, meta.forgotten);
            *states = None;
            0
        }
    };
    if applied >= head {
        return Ok(true);
    }
    if applied < meta.removed && states.replace(meta.sweeps) != Some(meta.sweeps) {
        let mut cursor = transaction.cursor()?;
        let mut state = cursor.seek(&[TOPIC])?;
        while let Some((&[TOPIC, ref topic @ ..], bytes)) = state {
            let (Ok(topic), Some((_, state_of_topic))) =
                (str::from_utf8(topic), bytes.split_first_chunk::<8>())
            else {
                return Err(failure::format("is damaged: what it says of a topic is nothing".into()).into());
            };
            replica.restore_topic(topic, state_of_topic)?;
            state = cursor.next()?;
        }
    }
    let mut cursor = transaction.cursor()?;
    let (mut entries, mut bytes) = (0, 0);
    let mut entry = cursor.seek(&entry_key(applied + 1))?;
    while let Some((key, value)) = entry {
        let Some(number) = sequence(key) else { break };
        if entries >= MAX_ENTRIES || bytes >= MAX_BYTES {
            return Ok(false);
        }
        replica.apply(number, value)?;
        (entries, bytes) = (entries + 1, bytes + value.len());
        entry = cursor.next()?;
    }
    Ok(true)
}

/// Removes what the replica says has expired, among the next `count` entries, and states of topics that it has forgotten.
/// `next_topic` is where the look at states goes on.
pub(crate) fn sweep(
    transaction: &mut Transaction<'_>,
    meta: &mut Meta,
    head: u64,
    count: usize,
    replica: &mut dyn Replica,
    next_topic: &mut Vec<u8>,
) -> Result<(), Problem> {
    let (expired, next) = expired(transaction, meta.sweep_at, head, count, replica)?;
    meta.sweep_at = next;
    let mut topics = BTreeMap::new();
    for (number, topic) in expired {
        transaction.remove(&entry_key(number))?;
        meta.removed = meta.removed.max(number);
        topics.insert(topic, number);
    }
    if !topics.is_empty() {
        meta.sweeps += 1;
    }
    let mut value = Vec::new();
    for (topic, number) in topics {
        let key = topic_key(&topic);
        let before = transaction.get(&key)?.and_then(last_removed).unwrap_or(0);
        let last = before.max(number);
        value.clear();
        value.extend_from_slice(&last.to_le_bytes());
        if replica.topic_state(&topic, &mut value) {
            transaction.put(&key, &value)?;
        } else {
            transaction.remove(&key)?;
            meta.forgotten = meta.forgotten.max(last);
        }
    }
    for (key, last) in forgotten(transaction, replica, next_topic)? {
        transaction.remove(&key)?;
        meta.forgotten = meta.forgotten.max(last);
    }
    put_meta(transaction, meta)
}

fn last_removed(state: &[u8]) -> Option<u64> {
    state.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The entries of the next ones that are to go, and where to look next.
fn expired(
    transaction: &Transaction<'_>,
    from: u64,
    head: u64,
    count: usize,
    replica: &mut dyn Replica,
) -> Result<(Vec<(u64, String)>, u64), Problem> {
    let mut found = Vec::new();
    let mut cursor = transaction.cursor()?;
    let mut entry = cursor.seek(&entry_key(from))?;
    let mut next = from;
    for _ in 0..count {
        // The newest one stays: it says where the log ends.
        let Some((number, value)) =
            entry.and_then(|(key, value)| Some((sequence(key)?, value))).filter(|(number, _)| *number < head)
        else {
            return Ok((found, 0));
        };
        let decoded = Entry::decode(value)?;
        if replica.has_expired(number, &decoded) {
            found.push((number, decoded.topic.to_owned()));
        }
        next = number + 1;
        entry = cursor.next()?;
    }
    Ok((found, next))
}

/// The keys of some states whose topics the replica has forgotten, and up to where they lost entries.
fn forgotten(
    transaction: &Transaction<'_>,
    replica: &mut dyn Replica,
    at: &mut Vec<u8>,
) -> Result<Vec<(Vec<u8>, u64)>, Problem> {
    let mut found = Vec::new();
    let mut cursor = transaction.cursor()?;
    let mut state = cursor.seek(if at.is_empty() { &[TOPIC] } else { at })?;
    for _ in 0..STATES {
        let Some((key @ &[TOPIC, ref topic @ ..], value)) = state else {
            at.clear();
            return Ok(found);
        };
        let known = str::from_utf8(topic).is_ok_and(|topic| replica.has_topic(topic));
        if !known {
            found.push((key.to_vec(), last_removed(value).unwrap_or(0)));
        }
        state = cursor.next()?;
    }
    *at = state.map(|(key, _)| key.to_vec()).unwrap_or_default();
    Ok(found)
}
