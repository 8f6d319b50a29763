//! The reconnecting client, as a state machine: it says what to request, what an answer means, how long to wait, and what
//! a chunk holds. It does no I/O and has no clock, so that every language runs the same one under its own HTTP library.
//!
//! ```text
//!                    request()
//!   Connecting ─────────────────► the host sends it ──► respond() ──► Open ──► feed(), feed(), …
//!       ▲                               │                  │  │                      │
//!       │      wait `retry_in`          │ network error    │  │ refused              │ end, cut, idle
//!       └───────────────────────── lose() ◄────────────────┘  └──► Closed ◄── close()
//!                                       ▲                                            │
//!                                       └────────────────────────────────────────────┘
//! ```
//!
//! With the feature `reqwest`, `EventSource` is the whole client for programs on tokio.
//!
//! The rules are those of the HTML Standard's `EventSource`; `tests/vectors/RULES.md` numbers them (SPEC 19 to 28).
#![forbid(unsafe_code)]
// On docs.rs each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
#[cfg(feature = "reqwest")]
mod event_source;
mod loss;
mod options;
mod request;
mod response;
mod source;

#[cfg(feature = "reqwest")]
pub use event_source::{EventSource, EventSourceBuilder, Update};
pub use loss::{Cause, Loss};
pub use options::{Options, Retry};
pub use request::Request;
pub use response::{Response, Step};
pub use source::{Source, State};
#[cfg(feature = "reqwest")]
pub use ssecast_codec::Received;
pub use ssecast_codec::{Error, ErrorKind, Flow, Message};
