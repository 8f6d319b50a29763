use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketType, sockopt};
use ssecast_hub::{Error, ErrorKind};

/// The sockets that are attached now, by device and inode, so that none is attached twice.
static ATTACHED: Mutex<Option<HashSet<(u64, u64)>>> = Mutex::new(None);

fn attached<T>(change: impl FnOnce(&mut HashSet<(u64, u64)>) -> T) -> T {
    change(ATTACHED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// A duplicate of a connected stream socket's descriptor, which nobody else has.
///
/// The host keeps its own descriptor of the same socket. Flags that both share, such as `O_NONBLOCK`, are left
/// alone: every call says for itself that it must not block, and that it must not raise SIGPIPE.
#[derive(Debug)]
pub(crate) struct Descriptor {
    socket: OwnedFd,
    identity: (u64, u64),
}

/// What came of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// So many bytes were taken, all or some of them.
    Some(usize),
    /// The socket is full: it says when it is writable.
    Full,
    /// The system is short of memory, and will not say when it no longer is.
    Later,
    /// The peer is gone.
    Gone,
}

impl Descriptor {
    /// Duplicates a descriptor.
    pub(crate) fn duplicate(socket: BorrowedFd<'_>) -> Result<Self, Error> {
        let invalid = |problem: String| Error::new(ErrorKind::InvalidSocket, "socket", problem);
        match sockopt::socket_type(socket) {
            Ok(SocketType::STREAM) => {}
            Ok(_) => return Err(invalid("must be a stream socket".into())),
            Err(Errno::NOTSOCK) => return Err(invalid("must be a socket".into())),
            Err(error) => return Err(invalid(format!("can't be used: {error}"))),
        }
        rustix::net::getpeername(socket).map_err(|error| invalid(format!("is not connected: {error}")))?;
        let stat = rustix::fs::fstat(socket).map_err(|error| invalid(format!("can't be used: {error}")))?;
        let duplicate = rustix::io::fcntl_dupfd_cloexec(socket, 3).map_err(|error| match error {
            Errno::MFILE | Errno::NFILE => {
                let problem = "can't be duplicated: the process has no descriptor left (raise RLIMIT_NOFILE)";
                Error::new(ErrorKind::TooManyDescriptors, "socket", problem)
            }
            error => invalid(format!("can't be duplicated: {error}")),
        })?;
        #[cfg(target_vendor = "apple")]
        sockopt::set_socket_nosigpipe(&duplicate, true)
            .map_err(|error| invalid(format!("can't be used: {error}")))?;
        let identity = (stat.st_dev as u64, stat.st_ino as u64);
        // Not every system gives sockets inodes.
        if identity.1 != 0 && !attached(|all| all.insert(identity)) {
            return Err(Error::new(ErrorKind::Attached, "socket", "is attached already"));
        }
        Ok(Self { socket: duplicate, identity })
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Sends what the socket takes at once.
    pub(crate) fn send(&self, bytes: &[u8]) -> Sent {
        #[cfg(not(target_vendor = "apple"))]
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        #[cfg(target_vendor = "apple")]
        let flags = SendFlags::DONTWAIT;
        loop {
            return match rustix::net::send(self.socket.as_fd(), bytes, flags) {
                Ok(sent) => Sent::Some(sent),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => Sent::Full,
                Err(Errno::NOBUFS | Errno::NOMEM) => Sent::Later,
                Err(_) => Sent::Gone,
            };
        }
    }

    /// Reads and drops what the peer says, which is nothing that a stream has a use for. Returns whether the peer
    /// may say more.
    pub(crate) fn drain(&self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            return match rustix::net::recv(self.socket.as_fd(), &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) => false,
                Ok(_) | Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => true,
                Err(_) => false,
            };
        }
    }

    /// Ends the connection in both directions, whoever else has a descriptor of it.
    pub(crate) fn shut_down(&self) {
        // The peer may have done so already.
        let _ = rustix::net::shutdown(self.socket.as_fd(), Shutdown::Both);
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        attached(|all| all.remove(&self.identity));
    }
}
