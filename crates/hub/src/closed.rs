use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::hub::Hub;

/// What [`Hub::closed`] returns: it is ready once the hub is closed and everything is over.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Closed(Hub);

impl Hub {
    /// Waits for a task as [`wait_closed`](Self::wait_closed) does for a thread: until the hub is closed, everything that was
    /// pending is out or given up, and every connection has ended.
    ///
    /// ```
    /// use ssecast_hub::{Close, Config, Hub};
    /// # async fn on_signal(hub: Hub) -> Result<(), ssecast_hub::Error> {
    /// hub.close(&Close::default())?;
    /// hub.closed().await;
    /// # Ok(()) }
    /// ```
    pub fn closed(&self) -> Closed {
        Closed(self.clone())
    }
}

impl Future for Closed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = self.0.here();
        let log = shared.log();
        if shared.closing().is_some() && log.connections == 0 && log.holds == 0 {
            return Poll::Ready(());
        }
        // Under the log's lock: what ends the last of them does so under it, and wakes afterwards.
        shared.ended.add(context.waker());
        drop(log);
        Poll::Pending
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.0).finish()
    }
}
