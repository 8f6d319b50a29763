use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use ssecast_hub::{Reader, Reason, Subscriber};

use crate::attachment::Attachment;
use crate::command_queue::{Command, CommandQueue};
use crate::connection::{Connection, ConnectionId};
use crate::connection_set::{ConnectionSet, Ended, Work};
use crate::descriptor::Sent;
use crate::polled_sockets::PolledSockets;
use crate::socket_buffer::{Peer, SocketBuffer};

/// How many connections are written to before the thread looks at its command queue and at writable sockets again.
const TURN: usize = 1024;

/// The connections of one hub on a worker's thread, and what is done for them. What needs the poll is given the sockets
/// of all hubs.
pub(crate) struct HubSockets {
    hub: usize,
    pub(crate) connections: ConnectionSet<SocketBuffer>,
    /// When it is due, as its entry in the worker's deadlines says.
    pub(crate) due: Option<Instant>,
}

impl Connection<SocketBuffer> {
    /// Sends what the socket takes of the batch under way. Returns what stopped it if not all is out.
    fn flush(&mut self) -> Option<Sent> {
        let (took, stopped) = self.buffer.flush();
        // One that was not stopped before was handed the batch just now.
        if took && (self.blocked || stopped.is_some()) {
            self.subscriber.progress();
        }
        if stopped.is_none() {
            self.buffer.settle(self.subscriber.private_bytes());
        }
        stopped
    }
}

impl HubSockets {
    pub(crate) fn new(hub: usize, reader: Reader) -> Self {
        Self { hub, connections: ConnectionSet::new(reader), due: None }
    }

    pub(crate) fn execute(&mut self, command: Command, sockets: &mut PolledSockets) {
        match command {
            Command::Attach(attachment, connection) => self.attach(&attachment, *connection, sockets),
            Command::Send(state, event) => {
                let (id, length) = (state.slot(), event.len());
                if self.connections.get(id).is_none() {
                    return;
                }
                self.connections.send(id, event);
                if let Some(connection) = self.connections.get(id) {
                    connection.buffer.expect(length);
                    connection.buffer.settle(connection.subscriber.private_bytes());
                }
            }
            Command::ChangeTopics(state, change) => {
                self.connections.apply(state.slot(), change);
            }
            Command::Detach(state, reason, last) => {
                self.hand_to_system(state.slot(), sockets);
                self.connections.finish(state.slot(), reason, last);
            }
            Command::Abandon(state, reason) => self.remove(state.slot(), reason, sockets),
        }
    }

    fn attach(
        &mut self,
        attachment: &Attachment,
        (subscriber, buffer): (Subscriber, SocketBuffer),
        sockets: &mut PolledSockets,
    ) {
        let (released, has_head) = (buffer.released, !buffer.is_empty());
        let host = Arc::clone(&buffer.host);
        let id = self.connections.insert(subscriber, buffer);
        attachment.state.put(id);
        host.opened(attachment);
        if released {
            self.watch(id, sockets);
        }
        if has_head {
            self.flush(id, sockets);
        }
    }

    /// Does what the poll says of a connection.
    pub(crate) fn take_event(&mut self, id: ConnectionId, event: &Event, sockets: &mut PolledSockets) {
        if event.is_write_closed() || event.is_error() {
            return self.lose(id, sockets);
        }
        if event.is_readable() || event.is_read_closed() {
            self.listen(id, sockets);
        }
        if event.is_writable() {
            self.flush(id, sockets);
        }
    }

    /// Lets the system take what is under way to a client that has not taken it, so that its host need not wait for that.
    fn hand_to_system(&mut self, id: ConnectionId, sockets: &mut PolledSockets) {
        let Some(connection) = self.connections.get(id) else { return };
        connection.buffer.lift_unsent_limit();
        if connection.blocked {
            self.flush(id, sockets);
        }
    }

    /// Tries again to write to a connection that the system had no memory for.
    pub(crate) fn retry(&mut self, id: ConnectionId, sockets: &mut PolledSockets) {
        if let Some(connection) = self.connections.get(id) {
            connection.buffer.later = false;
            self.flush(id, sockets);
        }
    }

    /// Writes what there is, a turn's worth. Returns whether there is more.
    pub(crate) fn write(&mut self, queue: &CommandQueue, sockets: &mut PolledSockets) -> bool {
        let patience = self.connections.patience();
        if self.connections.is_check_due() {
            self.connections.check_lag(|buffer| buffer.is_unanswered(patience));
            // Under the lock no connection is between registering with this reader and being on the way to it.
            let contents = queue.contents();
            self.connections.note_progress(contents.on_the_way(self.hub));
        }
        self.connections.keep_time();
        // The system gives up the peer of a client that is to be disconnected. For one that skips it is asked before it
        // is sent a heartbeat.
        let asks = self.connections.skips();
        for _ in 0..TURN {
            match self.connections.next() {
                None => break,
                Some(Work::End(ended)) => sockets.end(ended),
                Some(Work::Send(connection, batch)) => {
                    let id = connection.id;
                    if asks && batch.events() == 0 && connection.buffer.is_unanswered(patience) {
                        self.lose(id, sockets);
                        continue;
                    }
                    connection.buffer.load(batch, connection.subscriber.private_bytes());
                    if let Some(stopped) = connection.flush() {
                        self.stop(id, stopped, sockets);
                    }
                }
            }
        }
        self.connections.has_ready()
    }

    /// When it is due next even if nothing happens.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let wait: Duration = self.connections.deadline()?.saturating_sub(self.connections.now());
        Instant::now().checked_add(wait)
    }

    /// Sends what a connection's socket takes of the batch under way.
    fn flush(&mut self, id: ConnectionId, sockets: &mut PolledSockets) {
        let Some(connection) = self.connections.get(id) else { return };
        let was_blocked = connection.blocked;
        match connection.flush() {
            Some(stopped) => self.stop(id, stopped, sockets),
            None if was_blocked => self.connections.unblock(id),
            None => {}
        }
    }

    /// Leaves a connection alone until its socket takes more.
    fn stop(&mut self, id: ConnectionId, stopped: Sent, sockets: &mut PolledSockets) {
        if stopped == Sent::Gone {
            return self.lose(id, sockets);
        }
        self.connections.block(id);
        if stopped == Sent::Later {
            if let Some(connection) = self.connections.get(id) {
                sockets.retry_later((self.hub, id), &mut connection.buffer);
            }
        } else {
            self.watch(id, sockets);
        }
    }

    /// Lets the poll tell of a connection; one that it can't tell of is given up.
    fn watch(&mut self, id: ConnectionId, sockets: &mut PolledSockets) {
        let Some(connection) = self.connections.get(id) else { return };
        if !sockets.watch((self.hub, id), &mut connection.buffer) {
            self.lose(id, sockets);
        }
    }

    /// The peer may have closed a released connection. One that closed answers the next bytes with a reset; one that
    /// only said all it had to say takes them: so it is sent some at once.
    fn listen(&mut self, id: ConnectionId, sockets: &mut PolledSockets) {
        let Some(connection) = self.connections.get(id) else { return };
        match sockets.listen(&mut connection.buffer) {
            Peer::Listens => {}
            Peer::HalfClosed => self.connections.probe(id),
            Peer::Gone => self.lose(id, sockets),
        }
    }

    /// Ends a connection whose peer is gone.
    fn lose(&mut self, id: ConnectionId, sockets: &mut PolledSockets) {
        if let Some(connection) = self.connections.get(id) {
            let reason = connection.buffer.loss();
            self.remove(id, reason, sockets);
        }
    }

    fn remove(&mut self, id: ConnectionId, reason: Reason, sockets: &mut PolledSockets) {
        if let Some(buffer) = self.connections.remove(id, reason) {
            sockets.end(Ended { id, reason, cut: true, buffer });
        }
    }
}
