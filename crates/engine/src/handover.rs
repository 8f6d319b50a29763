//! Connections of an event loop that an engine thread writes to from here on.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use bytes::Bytes;
use ssecast_hub::{Error, ErrorKind};

use crate::connection::ConnectionId;
use crate::framing::Framing;
use crate::host::Host;
use crate::loop_connections::LoopConnections;
use crate::sockets::{Socket, Sockets, Transfer};

impl LoopConnections {
    /// Lets an engine thread write a connection's stream to its socket from here on. The host must have sent the
    /// response's head, all of it, and must not write to the connection until it is told of the stream's end. If
    /// the connection is `released` the host may close its own descriptor; otherwise it says with
    /// [`remove`](Self::remove) when the peer is gone.
    ///
    /// # Errors
    /// Those of [`Sockets::prepare`]; [`TooManyDescriptors`](ssecast_hub::ErrorKind::TooManyDescriptors) also when the
    /// connection is not `released` and less than three quarters of the process's descriptors are free, which then are
    /// the host's. The connection then is as it was before.
    pub fn attach_socket(
        &self,
        sockets: &Sockets,
        connection: ConnectionId,
        socket: BorrowedFd<'_>,
        framing: Framing,
        released: bool,
    ) -> Result<(), Error> {
        let prepare = || if released { sockets.prepare(socket) } else { sockets.prepare_spare(socket) };
        self.attach(connection, prepare, framing, released)
    }

    /// The same for a connection whose response's head has still to go out: it is sent before the stream. The
    /// connection is released.
    ///
    /// # Errors
    /// As [`attach_socket`](Self::attach_socket); nothing was sent then.
    pub fn hand_over_socket(
        &self,
        sockets: &Sockets,
        connection: ConnectionId,
        socket: BorrowedFd<'_>,
        framing: Framing,
        head: Bytes,
    ) -> Result<(), Error> {
        let prepare = || Ok(sockets.prepare(socket)?.with_head(head));
        self.attach(connection, prepare, framing, true)
    }

    fn attach(
        &self,
        connection: ConnectionId,
        prepare: impl FnOnce() -> Result<Socket, Error>,
        framing: Framing,
        released: bool,
    ) -> Result<(), Error> {
        self.refuse_if_inherited()?;
        let mut state = self.shared.state();
        if state.attached.contains_key(&connection) {
            return Err(Error::new(ErrorKind::Attached, "connection", "is attached already"));
        }
        let prepared = prepare()?;
        let Some((subscriber, ())) = state.connections.take_out(connection) else {
            return Err(Error::new(ErrorKind::Closed, "connection", "has ended"));
        };
        let host: Arc<dyn Host> = Arc::clone(&self.shared) as Arc<dyn Host>;
        let transfer = Transfer { framing, released, name: connection, host };
        state.attached.insert(connection, prepared.attach(&self.hub, subscriber, transfer));
        Ok(())
    }
}
