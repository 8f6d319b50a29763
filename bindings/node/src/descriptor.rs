use std::os::fd::BorrowedFd;

use ssecast::{Error, ErrorKind};

/// A descriptor of one of Node's sockets.
pub(crate) fn borrow(descriptor: &i32) -> std::result::Result<BorrowedFd<'_>, Error> {
    if *descriptor < 0 {
        return Err(Error::new(ErrorKind::InvalidSocket, "socket", "is closed"));
    }
    // SAFETY: the result is used only during the call under way. Node closes its sockets on the thread that makes the
    // call, so not before it returns. The system refuses one that is closed already.
    Ok(unsafe { BorrowedFd::borrow_raw(*descriptor) })
}
