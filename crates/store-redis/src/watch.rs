use std::fmt;
use std::sync::Arc;

use ssecast_hub::process::Process;
use ssecast_hub::{Error, Wake, Watch};

use crate::server::Server;
use crate::tail;

/// Has its owner told of what is appended. The first one of a process and an address starts a thread, which ends soon after the last.
pub(crate) struct RedisWatch {
    process: Process,
    server: Arc<Server>,
    number: u64,
}

impl RedisWatch {
    pub(crate) fn new(server: &Arc<Server>, session: u64, wake: Arc<dyn Wake>) -> Result<Self, Error> {
        let mut state = server.watchers.state();
        tail::start(server, &mut state.has_thread)?;
        let number = state.add(session, wake);
        drop(state);
        Ok(Self { process: Process::current(), server: Arc::clone(server), number })
    }
}

impl Watch for RedisWatch {}

impl Drop for RedisWatch {
    fn drop(&mut self) {
        if self.process.is_current() {
            self.server.watchers.remove(self.number);
        } else {
            // The parent's: nothing of it is taken apart.
            std::mem::forget(Arc::clone(&self.server));
        }
    }
}

impl fmt::Debug for RedisWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisWatch").field("number", &self.number).finish_non_exhaustive()
    }
}
