use std::os::fd::AsFd;

use ssecast_hub::Config;

use crate::peer_timeout::PeerTimeout;
use crate::unsent_limit::UnsentLimit;

/// The options that a connection has while the engine writes to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketOptions {
    peer_timeout: PeerTimeout,
    unsent_limit: UnsentLimit,
}

impl SocketOptions {
    /// Sets the options by those of a hub.
    pub(crate) fn set(socket: impl AsFd, config: &Config) -> Self {
        let socket = socket.as_fd();
        Self { peer_timeout: PeerTimeout::set(socket, config), unsent_limit: UnsentLimit::set(socket) }
    }

    /// Sets back alone what limits the bytes that wait in the system.
    pub(crate) fn restore_unsent_limit(self, socket: impl AsFd) {
        self.unsent_limit.restore(socket);
    }

    /// Sets them back to what they were, for a host that goes on with the connection.
    pub(crate) fn restore(self, socket: impl AsFd) {
        let socket = socket.as_fd();
        self.peer_timeout.restore(socket);
        self.unsent_limit.restore(socket);
    }
}
