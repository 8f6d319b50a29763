//! A hub's log in Redis or Valkey: any number of processes on any number of machines share it.
//!
//! ```
//! use ssecast_store_redis::RedisStore;
//! let store = RedisStore::new("redis://localhost:6379/0?prefix=app")?;
//! # let _: &dyn ssecast_hub::Store = &store;
//! # Ok::<(), ssecast_hub::Error>(())
//! ```
//! # The server
//! Redis 6.2 or later, or Valkey: one server, a primary with replicas, or a cluster, whose node with the keys is found by the one
//! that the URL names. A process has two or three connections, whatever the number of its hubs, topics and clients: one that reads what
//! is appended, one for everything else, and for a moment a new one.
//!
//! Have `maxmemory-policy` be `noeviction`, or give the log a server of its own: a key that Redis evicts is a log that was lost.
//! Space is bounded by the hub's history: about the bytes of the events that are kept, up to 8 KiB for each in the worst case, and 64 KiB.
//!
//! # What an acknowledged event survives
//! The end of any process that uses the store, and every cut connection: an event that is sent again after a cut is there once. What
//! the end of the server takes with it is the server's to say:
//! - Without persistence (`save ""`, `appendonly no`) a restart of the server loses the log. `appendonly yes` with `appendfsync
//!   everysec` loses up to a second, and with `appendfsync always` nothing; then each publication waits for the disk.
//! - A failover loses what the replica did not have yet: Redis acknowledges before it replicates. `min-replicas-to-write 1` with
//!   `min-replicas-max-lag` refuses events while no replica follows ([`StoreUnavailable`]), which bounds the loss to that lag; it does
//!   not make it none.
//!
//! A loss is never silent. A log that is gone, or ends earlier than a process knows, or has another entry under a number that a
//! process knows, begins a new epoch, and every client is told by a reset. So no id stands for two events. Processes
//! find out within a second, also when nobody publishes.
//!
//! # Outages
//! A publication waits for the server until its deadline, over new connections if need be, and is then refused
//! with [`StoreUnavailable`] or [`StoreTimedOut`]; a wrong password and the like are refused at once. Nothing is kept to be sent
//! later: each append says until when the server may carry it out, so that one which was stopped does not do it when it goes on.
//! An event that was refused is not in the log, unless the connection was lost after the event was sent and no answer came by the
//! deadline: then nobody knows, and the error says so. Connections of clients stay, and go on exactly when the server is back.
//!
//! [`StoreUnavailable`]: ssecast_hub::ErrorKind::StoreUnavailable
//! [`StoreTimedOut`]: ssecast_hub::ErrorKind::StoreTimedOut
//!
//! # Rights
//! A user needs no more than this, besides the prefix and the database that it takes:
//! ```text
//! ACL SETUSER ssecast on >a-password ~{ssecast}:* +eval +evalsha +xadd +xrange +xread +xdel +hset +hmget +hget +hgetall +hdel +setrange +getrange +unlink +type +time
//! ```
#![forbid(unsafe_code)]

mod address;
mod connection;
mod failure;
mod known;
mod marks;
mod open;
mod pack;
mod page;
mod recent;
mod redis_store;
mod script;
mod server;
mod session;
mod stored;
mod tail;
mod turn;
mod watch;
mod watchers;

pub use redis_store::RedisStore;
