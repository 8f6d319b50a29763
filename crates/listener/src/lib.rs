//! An HTTP/1.1 endpoint for programs that have no HTTP server: it reads requests, and makes streams of them.
//!
//! ```text
//! listening socket ── PendingConnection ──► Router ──► Responder ── CommandQueue ──► the engine's socket workers
//!                     (head, answer time)   (the application decides)                 (the stream)
//! ```
//! One thread, the `HttpServer`, owns every connection that is no stream yet: it waits for what happens on them, and `Requests`
//! answers. A connection that the router allows a stream leaves the thread for good, by the `Handover`.
#![cfg(unix)]
#![forbid(unsafe_code)]

mod command_queue;
mod config;
mod direct_answer;
mod guarded;
mod handover;
mod headers;
mod http_server;
mod listener;
mod origin_decision;
mod pending_connection;
mod pending_connections;
mod refusal;
mod request;
mod requests;
mod responder;
mod response;
mod response_context;
mod router;
mod stream_options;
mod target;
mod ticket;

pub use config::ListenerConfig;
pub use listener::Listener;
pub use origin_decision::OriginDecision;
pub use refusal::Refusal;
pub use request::Request;
pub use responder::Responder;
pub use router::{QueryTopics, Router};
pub use stream_options::StreamOptions;
