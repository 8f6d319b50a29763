use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use ssecast_codec::Error;

use crate::publish_queue::Queued;
use crate::published::Published;

/// What is called with the outcome of a publication: once, on any thread and outside every lock.
pub(crate) type Done = Box<dyn FnOnce(Result<Published, Error>) + Send>;

/// What is to be appended to the log of a store.
pub(crate) struct Publication {
    /// The entry, encoded.
    pub(crate) bytes: Vec<u8>,
    /// Until when it may wait for the store.
    pub(crate) deadline: Instant,
    /// A thread waits for the outcome.
    pub(crate) is_awaited: bool,
    done: Done,
}

impl Publication {
    pub(crate) fn new(bytes: Vec<u8>, deadline: Instant, is_awaited: bool, done: Done) -> Self {
        Self { bytes, deadline, is_awaited, done }
    }

    /// Tells the publisher. What it does there, a panic included, is its own affair.
    pub(crate) fn finish(self, outcome: Result<Published, Error>) {
        // The panic hook has told of it.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.done)(outcome)));
    }
}

impl Queued for Publication {
    type Outcome = (Self, Result<Published, Error>);

    fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
