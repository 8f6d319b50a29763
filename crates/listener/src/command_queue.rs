use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;
use ssecast_engine::Parker;
use ssecast_hub::Hub;
use ssecast_hub::process::Process;

use crate::ticket::{Decision, Ticket};

/// Where others leave what they have for a listener's thread.
pub(crate) struct CommandQueue {
    contents: Mutex<Contents>,
    pub(crate) parker: Parker,
    pub(crate) hub: Hub,
    /// The listener says itself which pages may read the answers.
    pub(crate) has_cors: bool,
    process: Process,
}

#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) answers: Vec<(Arc<Ticket>, Decision)>,
    /// The listener is to be closed.
    pub(crate) closing: bool,
    /// The thread looks no more.
    over: bool,
}

impl CommandQueue {
    pub(crate) fn new(hub: &Hub, waker: Waker, has_cors: bool) -> Self {
        Self {
            contents: Mutex::default(),
            parker: Parker::new(waker),
            hub: hub.clone(),
            has_cors,
            process: Process::current(),
        }
    }

    /// Whether this process is the one that has the thread.
    pub(crate) fn is_here(&self) -> bool {
        self.process.is_current()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an answer. Returns whether the thread will look at it.
    pub(crate) fn push(&self, ticket: &Arc<Ticket>, decision: Decision) -> bool {
        let mut contents = self.contents();
        if contents.over {
            return false;
        }
        contents.answers.push((Arc::clone(ticket), decision));
        drop(contents);
        self.parker.unpark();
        true
    }

    /// Asks the thread to close the listener.
    pub(crate) fn close(&self) {
        if self.is_here() {
            self.contents().closing = true;
            self.parker.unpark();
        }
    }

    /// Takes what is there: the answers, and whether the listener is to be closed.
    pub(crate) fn take(&self) -> (Vec<(Arc<Ticket>, Decision)>, bool) {
        let mut contents = self.contents();
        (std::mem::take(&mut contents.answers), contents.closing)
    }

    /// Takes what is there for the last time.
    pub(crate) fn close_for_good(&self) -> Vec<(Arc<Ticket>, Decision)> {
        let mut contents = self.contents();
        contents.over = true;
        std::mem::take(&mut contents.answers)
    }
}
