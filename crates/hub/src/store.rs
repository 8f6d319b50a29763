use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use ssecast_codec::Error;

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
    /// Brings the replica up to date, asks it to [admit](Replica::admit) the entry, appends that, and applies it to the
    /// replica. When it returns a number, the store has the entry. Nothing that other processes append comes between what
    /// the replica admits and the entry.
    ///
    /// # Errors
    /// That of `admit`, or of an entry that the replica could not read.
    /// [`ErrorKind::StoreTimedOut`](crate::ErrorKind::StoreTimedOut) when the log was not free by the deadline,
    /// [`ErrorKind::StoreFull`](crate::ErrorKind::StoreFull),
    /// [`ErrorKind::StoreFormat`](crate::ErrorKind::StoreFormat),
    /// [`ErrorKind::StoreUnavailable`](crate::ErrorKind::StoreUnavailable). Then nothing was appended. What other processes
    /// appended may have been applied.
    fn append(&self, entry: &[u8], replica: &mut dyn Replica, deadline: Instant) -> Result<u64, Error>;

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

    /// Whether the entry may be appended now, when everything before it is applied.
    ///
    /// # Errors
    /// Why not.
    fn admit(&mut self) -> Result<(), Error>;

    /// Whether an entry is past the history's caps.
    fn has_expired(&mut self, sequence: u64, entry: &[u8]) -> bool;

    /// Writes what has to be known of a topic when entries of it are gone: how many there were, and where. Returns false if
    /// the topic is forgotten: then nothing is known of it but that.
    fn topic_state(&mut self, topic: &str, out: &mut Vec<u8>) -> bool;

    /// Whether the topic is known.
    fn has_topic(&mut self, topic: &str) -> bool;
}
