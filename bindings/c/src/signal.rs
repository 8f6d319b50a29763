use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use ssecast::{Error, ErrorKind, os_error};

/// A descriptor that is readable from when it is set until it is cleared.
pub(crate) struct Signal {
    read: OwnedFd,
    /// The other end, where one descriptor can't be both.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    write: OwnedFd,
}

impl Signal {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> Result<Self, Error> {
        use rustix::event::{EventfdFlags, eventfd};
        let read = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        read.map(|read| Self { read }).map_err(|error| failed(&error.into()))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn new() -> Result<Self, Error> {
        let pair = std::os::unix::net::UnixStream::pair();
        let (read, write) = pair.map_err(|error| failed(&error))?;
        for end in [&read, &write] {
            end.set_nonblocking(true).map_err(|error| failed(&error))?;
        }
        Ok(Self { read: read.into(), write: write.into() })
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.read.as_raw_fd()
    }

    /// Makes it readable. It can't take more when it is readable already, and that is as good.
    pub(crate) fn set(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let (write, bytes) = (&self.read, 1_u64.to_ne_bytes());
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let (write, bytes) = (&self.write, [1]);
        while rustix::io::write(write, &bytes) == Err(rustix::io::Errno::INTR) {}
    }

    /// Makes it not readable.
    pub(crate) fn clear(&self) {
        let mut bytes = [0_u8; 64];
        loop {
            match rustix::io::read(&self.read, &mut bytes) {
                Ok(read) if read == bytes.len() => {}
                Err(rustix::io::Errno::INTR) => {}
                _ => return,
            }
        }
    }
}

fn failed(error: &io::Error) -> Error {
    os_error(error, ErrorKind::Internal, "descriptor", "can't be made")
}
