//! A hub's log in Redis or Valkey: any number of processes on any number of machines share it.
//!
//! ```
//! use ssecast_store_redis::RedisStore;
//! let store = RedisStore::new("redis://localhost:6379/0?prefix=app")?;
//! # let _: &dyn ssecast_hub::Store = &store;
//! # Ok::<(), ssecast_hub::Error>(())
//! ```
//! # Rights
//! A user needs no more than this, besides the prefix and the database that it takes:
//! ```text
//! ACL SETUSER ssecast on >a-password ~{ssecast}:* +eval +evalsha +xadd +xrange +xread +xdel +hset +hmget +hget +hgetall +hdel +set +get +setrange +getrange +unlink +type +time
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
mod stored;
mod tail;
mod turn;
mod user;
mod watch;
mod watchers;

pub use redis_store::RedisStore;
