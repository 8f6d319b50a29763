//! Delivery: what a hub has for its connections goes out through here.
//!
//! ```text
//! Hub ── Reader ── ConnectionSet ─┬─► LoopConnections ─┬─► the host's event loop writes   (pull delivery)
//!                                 │                    └─► ByteStream ─► a task writes   (the same, for tasks)
//!                                 └─► SocketWorker ─► SocketBuffer ─► the socket itself    (socket delivery)
//! ```
//! A `ConnectionSet` knows which connections have something to do. Both ways out stand on it, so a client gets the same by
//! either. In pull delivery ([`LoopConnections`]) the host is woken once for all connections and takes batches of shared
//! bytes; its own backpressure pauses a connection's cursor. A [`ByteStream`] is the same for tasks, of any runtime: a thread of
//! the engine is the loop, and wakes the tasks. In socket delivery ([`Sockets`]) threads of the engine write to
//! duplicates of the host's descriptors.
#![deny(unsafe_code)]

mod accept;
#[cfg(unix)]
mod attachment;
mod batch_queue;
mod byte_stream;
mod cache_control;
#[cfg(unix)]
mod command_queue;
mod connection;
mod connection_set;
#[cfg(unix)]
mod connection_state;
mod cors;
mod delivery;
#[cfg(unix)]
mod descriptor;
#[cfg(unix)]
mod framing;
#[cfg(unix)]
mod handover;
mod heartbeats;
#[cfg(unix)]
mod host;
#[cfg(unix)]
mod hub_sockets;
mod last_event_id;
mod loop_connection;
mod loop_connections;
#[cfg(all(test, unix, loom))]
mod models;
#[cfg(unix)]
mod os_error;
#[cfg(unix)]
mod parker;
#[cfg(unix)]
mod peer_timeout;
#[cfg(unix)]
mod polled_sockets;
mod ready_queue;
#[cfg(unix)]
mod socket_buffer;
#[cfg(unix)]
mod socket_options;
#[cfg(unix)]
mod socket_worker;
#[cfg(unix)]
mod sockets;
mod stream_handle;
mod stream_headers;
mod sync;
mod system;
mod task_connections;
#[cfg(all(test, loom))]
mod task_models;
mod timer;
mod topic_index;
mod unavailable;
#[cfg(unix)]
mod unsent_limit;
#[cfg(unix)]
mod worker_handle;

pub use accept::allows_event_stream;
#[cfg(unix)]
pub use attachment::Attachment;
pub use byte_stream::{ByteStream, Cut};
pub use cache_control::cache_control;
pub use connection::ConnectionId;
pub use cors::{Cors, Field, Origins};
pub use delivery::{Content, Delivery};
#[cfg(unix)]
pub use framing::Framing;
#[cfg(unix)]
pub use host::Host;
pub use last_event_id::last_event_id;
pub use loop_connections::LoopConnections;
#[cfg(unix)]
pub use os_error::{is_out_of_descriptors, os_error};
#[cfg(unix)]
pub use parker::Parker;
#[cfg(unix)]
pub use peer_timeout::PeerTimeout;
#[cfg(unix)]
pub use sockets::{Socket, Sockets, Transfer};
// What hosts need of the hub. What only a delivery needs, such as its readers, is in `ssecast_hub` alone.
pub use ssecast_hub::{
    Batch, Clock, Close, Closed, Config, Error, ErrorField, ErrorKind, Event, History, Hub, Language,
    ManualClock, OptionKey, Policy, PrivateEvent, Published, Reason, Replay, ResetReason, SharedStore,
    SlowClient, Stats, Store, StoreState, Subscriber, Subscription, UnreadWatch, check_topic,
    is_engine_thread, is_finished, process, spawn,
};
pub use stream_handle::StreamHandle;
pub use stream_headers::stream_headers;
pub use unavailable::{Unavailable, expects_stream, retry_after};
#[cfg(unix)]
pub use worker_handle::WorkerHandle;
