use napi_derive::napi;
use ssecast::PeerTimeout;

use crate::descriptor::borrow;
use crate::error::{Result, entry};
use crate::hub::NativeHub;

/// How long the system waits for a peer that does not answer, on a connection that the event loop writes to.
#[napi]
pub struct NativePeerTimeout(PeerTimeout);

#[napi]
impl NativePeerTimeout {
    /// Sets the options of a connection by the hub's `slowClient`.
    #[napi(constructor)]
    pub fn new(hub: &NativeHub, descriptor: i32) -> Result<Self> {
        entry(|| Ok(Self(PeerTimeout::set(borrow(&descriptor)?, hub.hub.config()))))
    }

    /// Sets the options back to what they were.
    #[napi]
    pub fn restore(&self, descriptor: i32) -> Result<()> {
        entry(|| {
            self.0.restore(borrow(&descriptor)?);
            Ok(())
        })
    }
}
