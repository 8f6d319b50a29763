use std::os::fd::RawFd;

use pyo3::prelude::*;

use crate::delivery_queue::borrow;
use crate::error::{Result, entry};
use crate::hub::Hub;

/// The socket options by which the system ends a connection whose client vanished, for a connection that the host's
/// server writes to. They are set when this is made, from the hub's `slow_client`. Engine threads do so by themselves.
#[pyclass(frozen, module = "ssecast._native")]
pub struct PeerTimeout {
    before: ssecast::PeerTimeout,
}

#[pymethods]
impl PeerTimeout {
    #[new]
    fn new(hub: &Bound<'_, Hub>, descriptor: RawFd) -> Result<Self> {
        entry(|| {
            let socket = borrow(&descriptor)?;
            Ok(Self { before: ssecast::PeerTimeout::set(socket, hub.get().hub().config()) })
        })
    }

    /// Sets the options back to what they were, for a server that goes on with the connection.
    fn restore(&self, descriptor: RawFd) -> Result<()> {
        entry(|| {
            self.before.restore(borrow(&descriptor)?);
            Ok(())
        })
    }
}
