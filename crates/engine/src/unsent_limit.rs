use std::os::fd::AsFd;

use crate::system;

/// How many bytes that are not on their way yet the system keeps for a connection: as many as one batch has. It asks for
/// more when half of them are gone.
///
/// More gains nothing, and would be copies for each client of what the hub keeps once for all. What has left and is not
/// acknowledged does not count: a network of any length is kept busy.
const BYTES: u32 = 64 << 10;

/// The limit of what waits for a connection in the system (`TCP_NOTSENT_LOWAT`), for as long as the engine writes to it.
///
/// By itself the system takes up to 4 MiB for a client that reads too slowly. All of it would be memory of the system's, be late
/// by the time it leaves, and be no lag that the hub knows of.
///
/// The option belongs to the connection, and so to every descriptor of it: what it was is kept, for the host that goes on
/// with the connection. A socket that is not TCP's has none, and neither have systems that only heed it in a poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnsentLimit {
    /// What it was, if it was changed; zero is the system's own.
    before: Option<u32>,
}

impl UnsentLimit {
    /// Sets the limit of a connection. A host that is stricter stays so.
    pub(crate) fn set(socket: impl AsFd) -> Self {
        let socket = socket.as_fd();
        let before = system::unsent_limit(socket).filter(|before| !(1..=BYTES).contains(before));
        Self { before: before.filter(|_| system::set_unsent_limit(socket, BYTES)) }
    }

    /// Sets it back to what it was.
    pub(crate) fn restore(self, socket: impl AsFd) {
        if let Some(before) = self.before {
            // The connection may be gone, and then so is its option.
            system::set_unsent_limit(socket.as_fd(), before);
        }
    }
}
