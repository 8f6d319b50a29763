use std::os::fd::BorrowedFd;

use napi_derive::napi;
use ssecast::{Error, ErrorKind, PeerTimeout};

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

/// A descriptor of one of Node's sockets.
pub(crate) fn borrow(descriptor: &i32) -> std::result::Result<BorrowedFd<'_>, Error> {
    if *descriptor < 0 {
        return Err(Error::new(ErrorKind::InvalidSocket, "socket", "is closed"));
    }
    // SAFETY: the result is used only during the call under way. Node closes its sockets on the thread that makes the
    // call, so not before it returns. The system refuses one that is closed already.
    Ok(unsafe { BorrowedFd::borrow_raw(*descriptor) })
}
