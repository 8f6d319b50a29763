//! The C library: converts, calls the engine, maps errors. The documentation here is that of `include/ssecast.h`, which
//! is made from it; the conventions that every function keeps stand at the header's beginning.

#![cfg(unix)]
#![allow(non_camel_case_types, reason = "the names are those of C")]
#![allow(unreachable_pub, reason = "the entry points are reached from C")]
#![allow(clippy::enum_glob_use, reason = "the constants of C have the enum's name in their own")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract is the header's, and the same for every function"
)]

mod entry;
mod signal;
mod versioned;

// The nouns of C, in the order of the header.

mod version;

mod slice;

mod error;

mod number;

mod event;

mod parser;

mod header;

mod source_config;

mod source_request;

mod source_response;

mod source_step;

mod source;

mod hub_config;

mod hub;

mod unread_watch;

mod store_state;

mod stats;

mod framing;

mod reason;

mod replay;

mod socket;

mod attach_config;

mod connection;

mod last_event_id;

mod stream_headers;

mod cors;

mod unavailable;

mod poller;

mod subscription_config;

mod subscription;

mod poller_next;

mod callbacks;

mod listen_config;

mod stream_config;

mod refusal;

mod routes;

mod listener;

mod request;

mod responder;
