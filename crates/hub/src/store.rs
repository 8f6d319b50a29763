use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use ssecast_codec::Error;

use crate::entry::Entry;
use crate::epoch::Epoch;
use crate::readers::Wake;

/// Where the log of a hub is kept, when it is not this process's memory alone: any number of processes read and write it.
///
/// A store numbers entries: one contiguous sequence for all topics. It doesn't know what they mean. Each process has
/// a [`Replica`] of the log, applies every entry to it in the order of the numbers, and serves its connections from that.
/// What has left the history is the replica's to say; the store removes it when it appends.
///
/// # Threads
/// Every method may be called from any thread, also from several at once. It may wait until the deadline, and calls the
/// replica before it returns, on this thread, while it has the log for itself: a replica must not call the store.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Brings the replica up to date, asks it for the entries that are [pending](Replica::pending), appends them in their
    /// order and in one step, and has the replica apply them. When it returns `Ok`, the store has all of them.
    ///
    /// If one of them is [conditional](Pending::is_conditional), nothing that other processes append comes between what the
    /// replica has applied and that entry. Before the others there may be entries that the replica has not applied yet, which
    /// it has to be given first. An entry that is appended again, because it was not known whether it had been, is not there
    /// twice: entries differ in their [fingerprints](crate::Entry::fingerprint).
    ///
    /// # Errors
    /// That of an entry that the replica could not read.
    /// [`ErrorKind::StoreTimedOut`](crate::ErrorKind::StoreTimedOut) when the log was not free by the deadline,
    /// [`ErrorKind::StoreFull`](crate::ErrorKind::StoreFull),
    /// [`ErrorKind::StoreFormat`](crate::ErrorKind::StoreFormat),
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable). Then none was appended, unless the message says
    /// that it is not known. What other processes appended may have been applied.
    fn append(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error>;

    /// Brings the replica up to date.
    ///
    /// # Errors
    /// Those of [`append`](Self::append).
    fn catch_up(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error>;

    /// Has `wake` called whenever other processes, or other users of the store in this one, may have appended something,
    /// until the watch is dropped. The first watch of a process starts a thread. `wake` is called on it, outside every lock.
    ///
    /// # Errors
    /// Those of [`append`](Self::append).
    fn watch(&self, wake: Arc<dyn Wake>, deadline: Instant) -> Result<Box<dyn Watch>, Error>;
}

/// A [`Store`] as a [`Config`](crate::Config) has it. Two are equal if they are the same one.
#[derive(Clone, Debug)]
pub struct SharedStore(Arc<dyn Store>);

impl<S: Store> From<S> for SharedStore {
    fn from(store: S) -> Self {
        Self(Arc::new(store))
    }
}

impl Deref for SharedStore {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for SharedStore {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedStore {}

/// While it lives, its owner is told of what others append.
pub trait Watch: fmt::Debug + Send + Sync {}

/// A place in a store's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The log's life.
    pub epoch: Epoch,
    /// The number of the last entry.
    pub sequence: u64,
}

/// An entry that a process wants to append.
#[derive(Clone, Copy, Debug)]
pub struct Pending<'a> {
    /// The entry, encoded.
    pub bytes: &'a [u8],
    /// Whether it may be appended depends on everything before it: it has an id of its publisher's, which must not be taken, or
    /// begins a topic, of which there may be too many. Such an entry is the only one of its batch.
    pub is_conditional: bool,
}

/// What a process makes of the entries of a store's log.
pub trait Replica {
    /// What it has applied everything up to; `None` if it has nothing yet.
    fn position(&self) -> Option<Position>;

    /// Begins with nothing: the log has another life than the one that was applied. Nothing is known of what topics lost
    /// up to the number `forgotten`.
    fn begin(&mut self, epoch: Epoch, forgotten: u64);

    /// Takes what a [`topic_state`](Self::topic_state) gave, of a topic that lost events which the replica may not have
    /// applied.
    ///
    /// # Errors
    /// [`ErrorKind::StoreFormat`](crate::ErrorKind::StoreFormat).
    fn restore_topic(&mut self, topic: &str, state: &[u8]) -> Result<(), Error>;

    /// Applies the entry of a number. Numbers between the last one and this one are those of entries that are gone.
    ///
    /// # Errors
    /// [`ErrorKind::StoreFormat`](crate::ErrorKind::StoreFormat).
    fn apply(&mut self, sequence: u64, entry: &[u8]) -> Result<(), Error>;

    /// Whether the process would refuse the first entry that it has pending, as far as it knows. A store that asks for
    /// entries before everything in it was applied does so first.
    fn would_refuse(&self) -> bool;

    /// The entries that the process wants to append, by their index from 0 on; `None` behind the last one. It is asked when
    /// everything that the store has was applied, or, of a conditional entry, is applied before it is appended. An index that
    /// was asked for before gives the same entry again, until that was [appended](Self::appended), or, if it is
    /// conditional, another one was applied: then it is asked for anew.
    fn pending(&mut self, index: usize) -> Option<Pending<'_>>;

    /// Applies a pending entry, which the store has by now under this number.
    ///
    /// # Errors
    /// [`ErrorKind::StoreFormat`](crate::ErrorKind::StoreFormat).
    fn appended(&mut self, index: usize, sequence: u64) -> Result<(), Error>;

    /// Whether an entry is past the history's caps. Only its kind, its time and its topic are looked at.
    fn has_expired(&mut self, sequence: u64, entry: &Entry<'_>) -> bool;

    /// Writes what has to be known of a topic when entries of it are gone: how many there were, and where. Returns false if
    /// the topic is forgotten: then nothing is known of it but that.
    fn topic_state(&mut self, topic: &str, out: &mut Vec<u8>) -> bool;

    /// Whether the topic is known.
    fn has_topic(&mut self, topic: &str) -> bool;
}
