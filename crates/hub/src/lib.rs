//! Topics, history, cursors, slow clients and resume for Server-Sent Events: a log and its readers.
//!
//! A [`Hub`] is one log, and a connection is a place in it:
//!
//! ```text
//!   publish ──► topic "ticks"  [41][43][44][47]◄── head
//!               topic "news"   [42][45][46]
//!                                   ▲        ▲
//!                              cursor 43   cursor 47
//!                              Subscriber  Subscriber ──┐
//!                                   └────── Reader ─────┴──► Batch (shared by all at the same place)
//! ```
//! Publishing appends an encoded, immutable frame to a topic's ring. A [`Subscriber`] is a cursor into the rings. A
//! [`Reader`] is one delivery thread or event loop: it moves the cursors of its subscribers, and hands out what it reads
//! as shared [`Batch`]es. There are no sockets, no threads and no runtime here, and the time comes from a [`Clock`].
//!
//! # Processes
//! A log belongs to one process, unless it is in a [`Store`]: then every process has a copy of it, which it keeps up to
//! date. A hub that a child inherits by a fork has a log of its own there, with the same
//! options, an epoch of its own, no history and no connections (with a store it has the epoch and the history of that); readers and subscribers of the parent's are of no use
//! in the child, and do nothing.
//!
//! # Ownership
//! The log is behind one lock, held for a time that does not depend on the number of subscribers, and never while
//! anything outside is called. A reader and its subscribers belong to one thread and need no lock of their own.
#![deny(unsafe_code)]

mod alarm;
mod applier;
mod backlog_marks;
mod batch;
mod batch_cache;
mod beginning;
mod clock;
mod closed;
mod config;
mod end;
mod ended;
mod entry;
mod epoch;
mod finish;
mod forgotten_topics;
mod frame;
mod hold;
mod hub;
mod interest;
mod interval_set;
mod jitter;
mod log;
mod metrics;
mod notice;
mod offer;
mod orders;
mod position;
mod private_queue;
pub mod process;
mod publication;
mod publish_queue;
mod published;
mod reader;
mod readers;
mod readership;
mod registrar;
mod registration;
mod reset;
mod shared;
mod slow_client;
mod stats;
mod store;
mod store_link;
mod stored;
mod stored_log;
mod subscriber;
mod subscription;
mod sync;
mod thread;
mod topic;
mod topic_change;
mod topic_end;
mod topic_name;
mod topic_set;
mod topics;
mod unread_watch;

pub use batch::Batch;
pub use clock::{Clock, ManualClock, SystemClock};
pub use closed::Closed;
pub use config::{Config, History, Policy, SlowClient};
pub use entry::{Entry, EntryKind};
pub use epoch::Epoch;
pub use finish::is_finished;
pub use hold::Hold;
pub use hub::{Close, Hub};
pub use private_queue::PrivateEvent;
pub use published::Published;
pub use reader::{Next, Reader};
pub use readers::Wake;
pub use registrar::Registrar;
pub use reset::ResetReason;
pub use ssecast_codec::{Error, ErrorField, ErrorKind, Event, Language, OptionKey};
pub use stats::{Reason, Stats, StoreState};
pub use store::{Pending, Position, Replica, SharedStore, Store, Watch};
pub use subscriber::Subscriber;
pub use subscription::{Replay, Subscription};
pub use thread::{is_engine_thread, spawn};
pub use topic_change::TopicChange;
pub use topic_name::check_name as check_topic;
pub use topic_set::TopicKey;
pub use unread_watch::UnreadWatch;
