//! The native engine for Server-Sent Events: encode, parse and broadcast `text/event-stream`.
//!
//! A [`Hub`] holds the topics and their history. [`LoopConnections`] delivers to the connections of an event loop. [`encode`
//! ](Event::encode) writes one event; the parser reads a stream.
//!
//! ```
//! use ssecast::{Config, Event, Hub};
//! let hub = Hub::new(Config::default())?;
//! hub.publish("ticks", &Event::data("1").event("tick"))?;
//! # Ok::<(), ssecast::Error>(())
//! ```
//!
//! With the feature `axum`, an `EventSourceResponse` is a stream of topics as a response of axum; with `http-body`, of every server
//! on the crates `http` and `http-body`.
//!
//! With the feature `stream`, `subscribe` reads a hub's topics in this process, and `EventStream` gives the events of any stream of bytes, such as the body of a response that
//! reqwest or hyper receives; with `tokio`, of anything that tokio reads from. A program that only reads needs no more than
//! `ssecast-codec`, which has the same features. With `client`, `client::EventSource` reconnects and resumes by itself.
//!
//! With `store-file`, [`Config::store`] may be a `FileStore`: then any number of processes of one machine have one hub, and a
//! new process goes on where the last one ended. With `store-redis` it may be a `RedisStore`: then the processes of any number of
//! machines have.
#![cfg_attr(
    all(unix, feature = "store-file"),
    doc = r#"
```
use ssecast::{Config, Event, FileStore, Hub};
# let folder = tempfile::tempdir()?;
# let path = folder.path().join("events");
let store = FileStore::new(&path);
let hub = Hub::new(Config { store: Some(store.into()), ..Config::default() })?;
let published = hub.publish("orders", &Event { data: Some("1"), ..Event::default() })?;
# drop(hub);

// Another process, now or later.
let hub = Hub::new(Config { store: Some(FileStore::new(&path).into()), ..Config::default() })?;
let next = hub.publish("orders", &Event { data: Some("2"), ..Event::default() })?;
assert_eq!(next.id, published.id.replace("-1", "-2"));
# Ok::<(), Box<dyn std::error::Error>>(())
```
"#
)]
#![forbid(unsafe_code)]
// On docs.rs each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "http-body")]
mod response;
#[cfg(any(feature = "store-file", feature = "store-redis"))]
mod store_url;
#[cfg(feature = "stream")]
mod subscribe;

// Every item by name, so that an item of an inner crate becomes public only on purpose.
#[cfg(feature = "http-body")]
pub use response::{EventSourceBody, EventSourceResponse, RequestHead};
#[cfg(feature = "client")]
pub use ssecast_client as client;
pub use ssecast_codec as codec;
#[cfg(feature = "tokio")]
pub use ssecast_codec::Reads;
#[cfg(feature = "stream")]
pub use ssecast_codec::{EventStream, EventStreamError, LastEventId, Received};
#[cfg(unix)]
pub use ssecast_engine::{Attachment, Framing, Host, PeerTimeout, Socket, Sockets, Transfer, os_error};
pub use ssecast_engine::{
    Batch, ByteStream, Close, Closed, Config, ConnectionId, Content, Cors, Cut, Delivery, Error, ErrorField,
    ErrorKind, Event, Field, History, Hub, Language, LoopConnections, OptionKey, Origins, Policy, Published,
    Reason, Replay, ResetReason, SharedStore, SlowClient, Stats, Store, StoreState, StreamHandle,
    Subscription, Unavailable, UnreadWatch, cache_control, check_topic, is_engine_thread, is_finished,
    last_event_id, process, stream_headers,
};
#[cfg(unix)]
pub use ssecast_listener::{
    Listener, ListenerConfig, OriginDecision, QueryTopics, Refusal, Request, Responder, Router, StreamOptions,
};
#[cfg(all(unix, feature = "store-file"))]
pub use ssecast_store_file::{Durability, FileStore};
#[cfg(feature = "store-redis")]
pub use ssecast_store_redis::RedisStore;
#[cfg(any(feature = "store-file", feature = "store-redis"))]
pub use store_url::open_store;
#[cfg(feature = "stream")]
pub use subscribe::{Events, subscribe};

/// The example of the README is tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
