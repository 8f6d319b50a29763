use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ssecast_engine::{Attachment, ConnectionId, Host};
use ssecast_hub::Reason;

/// A stream's own host.
#[derive(Clone)]
pub(crate) struct Guarded(pub(crate) Arc<dyn Host>);

/// A panic of the application's must not take a thread of the engine with it.
pub(crate) fn guard(call: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(call));
}

impl Host for Guarded {
    fn opened(&self, attachment: &Attachment) {
        guard(|| self.0.opened(attachment));
    }

    fn ended(&self, connection: ConnectionId, reason: Reason, cut: bool) {
        guard(|| self.0.ended(connection, reason, cut));
    }

    fn drained(&self, connection: ConnectionId) {
        guard(|| self.0.drained(connection));
    }
}
