use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketType, sockopt};
use ssecast_hub::process::PerProcess;
use ssecast_hub::{Error, ErrorKind};

use crate::os_error::os_error;
use crate::system;

/// The sockets that are attached now, by device and inode, so that none is attached twice.
static ATTACHED: PerProcess<Mutex<HashSet<(u64, u64)>>> = PerProcess::new();

/// The most that is read from a peer at once, so that a peer that sends without end does not delay other connections.
const MAX_DRAIN: usize = 64 << 10;

/// A descriptor of a connected stream socket, of which this is the only owner.
///
/// The host may have one of its own of the same socket. Flags that both share, such as `O_NONBLOCK`, are left
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

/// What the peer had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// Nothing more for now.
    Nothing,
    /// There may be more to read.
    More,
    /// It says no more, and may still listen.
    End,
    /// It is gone.
    Gone,
}

impl Descriptor {
    /// Duplicates a descriptor.
    pub(crate) fn duplicate(socket: BorrowedFd<'_>) -> Result<Self, Error> {
        // The checks look at the duplicate: no other code can close it, so its number can't become another file's.
        let socket = rustix::io::fcntl_dupfd_cloexec(socket, 3).map_err(|error| {
            match error {
                Errno::BADF => invalid("is closed".into()).with_os_error(Some(error.raw_os_error())),
                // The limit is below the first number that is asked for.
                Errno::INVAL => failed(Errno::MFILE, "can't be duplicated"),
                error => failed(error, "can't be duplicated"),
            }
        })?;
        Self::take(socket)
    }

    /// Refuses a descriptor that the process can't spare. The host keeps its own, and writes the stream itself where
    /// there is no duplicate: so duplicates take only of the lowest quarter of the numbers, and as many streams have
    /// room as the host alone has room for, but for an eighth.
    pub(crate) fn spare(self) -> Result<Self, Error> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        if is_spare(self.raw(), limit) {
            return Ok(self);
        }
        let problem = "can't be duplicated: the process has few descriptors left (raise RLIMIT_NOFILE)";
        Err(Error::new(ErrorKind::TooManyDescriptors, "socket", problem))
    }

    /// Takes a descriptor for its own.
    pub(crate) fn take(socket: OwnedFd) -> Result<Self, Error> {
        let unusable = |error| failed(error, "can't be used");
        match sockopt::socket_type(&socket) {
            Ok(SocketType::STREAM) => {}
            Ok(_) => return Err(invalid("must be a stream socket".into())),
            Err(Errno::NOTSOCK) => return Err(invalid("must be a socket".into())),
            Err(error) => return Err(unusable(error)),
        }
        rustix::net::getpeername(&socket).map_err(|error| failed(error, "is not connected"))?;
        let stat = rustix::fs::fstat(&socket).map_err(unusable)?;
        #[cfg(target_vendor = "apple")]
        sockopt::set_socket_nosigpipe(&socket, true).map_err(unusable)?;
        #[allow(clippy::unnecessary_cast, reason = "the types differ between systems")]
        let identity = (stat.st_dev as u64, stat.st_ino as u64);
        // Not every system gives sockets inodes.
        if identity.1 != 0 && !attached().insert(identity) {
            return Err(Error::new(ErrorKind::Attached, "socket", "is attached already"));
        }
        Ok(Self { socket, identity })
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Whether the peer has not answered for so long, though it was asked.
    pub(crate) fn is_unanswered(&self, time: Duration) -> bool {
        system::unanswered(self.socket.as_fd()).is_some_and(|silence| silence >= time)
    }

    /// Whether this side of the connection was shut down, by any descriptor of it.
    pub(crate) fn is_shut_down(&self) -> bool {
        system::is_shut_down(self.socket.as_fd())
    }

    /// Whether the system has given the peer up, because for too long it did not answer or had no room.
    pub(crate) fn is_timed_out(&self) -> bool {
        matches!(sockopt::socket_error(&self.socket), Ok(Err(Errno::TIMEDOUT)))
    }

    /// Sends what the socket takes at once.
    pub(crate) fn send(&self, bytes: &[u8]) -> Sent {
        #[cfg(not(target_vendor = "apple"))]
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        #[cfg(target_vendor = "apple")]
        let flags = SendFlags::DONTWAIT;
        loop {
            return outcome(match rustix::net::send(self.socket.as_fd(), bytes, flags) {
                Err(Errno::INTR) => continue,
                result => result,
            });
        }
    }

    /// Reads and drops what the peer says, which is nothing that a stream has a use for.
    pub(crate) fn drain(&self) -> Drained {
        let (mut buffer, mut read) = ([0; 4096], 0);
        while read < MAX_DRAIN {
            match rustix::net::recv(self.socket.as_fd(), &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Drained::End,
                Ok((_, length)) => read += length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Drained::Nothing,
                Err(_) => return Drained::Gone,
            }
        }
        Drained::More
    }

    /// Ends the connection in both directions, also for other descriptors of it.
    pub(crate) fn shut_down(&self) {
        // The peer may have done so already.
        let _ = rustix::net::shutdown(self.socket.as_fd(), Shutdown::Both);
    }
}

fn attached() -> MutexGuard<'static, HashSet<(u64, u64)>> {
    ATTACHED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The system gives the lowest number that is free, so a number says how many are taken.
fn is_spare(number: RawFd, limit: Option<u64>) -> bool {
    let number = u64::try_from(number).unwrap_or_default();
    limit.is_none_or(|limit| number < limit / 4)
}

fn invalid(problem: String) -> Error {
    Error::new(ErrorKind::InvalidSocket, "socket", problem)
}

fn failed(error: Errno, problem: &'static str) -> Error {
    os_error(&error.into(), ErrorKind::InvalidSocket, "socket", problem)
}

fn outcome(result: Result<usize, Errno>) -> Sent {
    match result {
        Ok(sent) => Sent::Some(sent),
        Err(Errno::AGAIN) => Sent::Full,
        Err(Errno::NOBUFS | Errno::NOMEM) => Sent::Later,
        Err(_) => Sent::Gone,
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Descriptor {
    /// Before the descriptor is closed: after that its inode may be another socket's.
    fn drop(&mut self) {
        let mut all = attached();
        all.remove(&self.identity);
        if all.capacity() > 4 * all.len() + 1024 {
            all.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_made_while_three_quarters_of_the_descriptors_are_free() {
        for (number, limit, spare) in [
            (63, Some(256), true),
            (64, Some(256), false),
            (255, Some(1024), true),
            (256, Some(1024), false),
            (1_000_000, None, true),
            (3, Some(0), false),
        ] {
            assert_eq!(is_spare(number, limit), spare, "{number} of {limit:?}");
        }
    }

    #[test]
    fn a_system_without_memory_is_asked_again_and_a_peer_that_left_is_not() {
        assert_eq!(outcome(Err(Errno::NOBUFS)), Sent::Later);
        assert_eq!(outcome(Err(Errno::NOMEM)), Sent::Later);
        assert_eq!(outcome(Err(Errno::AGAIN)), Sent::Full);
        for error in [Errno::PIPE, Errno::CONNRESET, Errno::TIMEDOUT, Errno::NOTCONN, Errno::BADF] {
            assert_eq!(outcome(Err(error)), Sent::Gone);
        }
    }
}
