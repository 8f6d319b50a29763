use std::fmt;

use crate::shared::Shared;
use crate::sync::Arc;

/// Something that a hub's end waits for: bytes on their way to a socket, a call into the host. While one is there,
/// [`Hub::wait_closed`](crate::Hub::wait_closed) does not say that all is over. Made by
/// [`Hub::hold`](crate::Hub::hold) and [`Subscriber::hold`](crate::Subscriber::hold).
pub struct Hold(Arc<Shared>);

impl Hold {
    /// For callers that know the hub's end to wait for something else by now.
    pub(crate) fn new(hub: Arc<Shared>) -> Self {
        hub.log().holds += 1;
        Self(hub)
    }

    /// For callers that have counted it under the lock themselves.
    pub(crate) fn counted(hub: Arc<Shared>) -> Self {
        Self(hub)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.0.is_here() {
            // As with readers: nothing of the parent's is taken apart.
            std::mem::forget(Arc::clone(&self.0));
            return;
        }
        let mut log = self.0.log();
        log.holds -= 1;
        let ended = log.holds == 0 && self.0.closing().is_some();
        drop(log);
        if ended {
            self.0.ended.notify_all();
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
