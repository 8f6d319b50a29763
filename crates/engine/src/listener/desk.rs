use std::sync::Arc;

use ssecast_hub::Hub;
use ssecast_hub::process::Process;

use super::responder::{Decision, Ticket};
use crate::bell::Bell;
use crate::sync::{Mutex, Waker, lock};

/// Where others leave what they have for a listener's thread.
pub(crate) struct Desk {
    inbox: Mutex<Inbox>,
    pub(crate) bell: Bell,
    pub(crate) hub: Hub,
    process: Process,
}

#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) answers: Vec<(Arc<Ticket>, Decision)>,
    /// The listener is to be closed.
    pub(crate) closing: bool,
    /// The thread looks no more.
    over: bool,
}

impl Desk {
    pub(crate) fn new(hub: &Hub, waker: Waker) -> Self {
        Self {
            inbox: Mutex::default(),
            bell: Bell::new(waker),
            hub: hub.clone(),
            process: Process::current(),
        }
    }

    /// Whether this process is the one that has the thread.
    pub(crate) fn is_here(&self) -> bool {
        self.process.is_current()
    }

    /// Leaves an answer. Returns whether anybody will look at it.
    pub(crate) fn leave(&self, ticket: &Arc<Ticket>, decision: Decision) -> bool {
        let mut inbox = lock(&self.inbox);
        if inbox.over {
            return false;
        }
        inbox.answers.push((Arc::clone(ticket), decision));
        drop(inbox);
        self.bell.ring();
        true
    }

    /// Asks the thread to close the listener.
    pub(crate) fn close(&self) {
        if self.is_here() {
            lock(&self.inbox).closing = true;
            self.bell.ring();
        }
    }

    /// Takes what is there: the answers, and whether the listener is to be closed.
    pub(crate) fn take(&self) -> (Vec<(Arc<Ticket>, Decision)>, bool) {
        let mut inbox = lock(&self.inbox);
        (std::mem::take(&mut inbox.answers), inbox.closing)
    }

    /// Takes what is there for the last time.
    pub(crate) fn leave_for_good(&self) -> Vec<(Arc<Ticket>, Decision)> {
        let mut inbox = lock(&self.inbox);
        inbox.over = true;
        std::mem::take(&mut inbox.answers)
    }
}
