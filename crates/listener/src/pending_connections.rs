use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use slab::Slab;

use crate::config::ListenerConfig;
use crate::pending_connection::{PendingConnection, Phase, ReadOutcome};
use crate::refusal::Refusal;
use crate::request::Request;

/// Where pending connections are, by their places, and until when.
pub(crate) struct PendingConnections {
    connections: Slab<PendingConnection>,
    /// The places by phase and deadline. All of a phase have as much time, so that the first is the oldest.
    deadlines: [BTreeSet<(Instant, usize)>; Phase::COUNT],
    registry: Registry,
    buffer: Box<[u8]>,
}

impl PendingConnections {
    pub(crate) fn new(registry: Registry) -> Self {
        let buffer = vec![0; 16 << 10].into();
        Self { connections: Slab::new(), deadlines: Default::default(), registry, buffer }
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn slots(&self) -> Vec<usize> {
        self.connections.iter().map(|(slot, _)| slot).collect()
    }

    pub(crate) fn phase(&self, slot: usize) -> Option<&Phase> {
        Some(&self.connections.get(slot)?.phase)
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut PendingConnection> {
        self.connections.get_mut(slot)
    }

    /// Lets a fresh connection in, which neither blocks from here on nor waits before it sends.
    pub(crate) fn admit(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        phase: Phase,
        time: Duration,
    ) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        #[cfg(target_vendor = "apple")]
        rustix::net::sockopt::set_socket_nosigpipe(&stream, true)?;
        let entry = self.connections.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut SourceFd(&stream.as_raw_fd()), Token(entry.key()), interest)?;
        let deadline = Instant::now() + time;
        self.deadlines[phase.index()].insert((deadline, entry.key()));
        entry.insert(PendingConnection { stream, peer, phase, deadline, behind: 0, half_closed: false });
        Ok(())
    }

    /// Takes a pending connection out, and out of the poll.
    pub(crate) fn dismiss(&mut self, slot: usize) -> Option<PendingConnection> {
        let connection = self.connections.try_remove(slot)?;
        self.deadlines[connection.phase.index()].remove(&(connection.deadline, slot));
        let _ = self.registry.deregister(&mut SourceFd(&connection.stream.as_raw_fd()));
        if let Phase::Deciding(asked) = &connection.phase {
            asked.ticket.void();
        }
        Some(connection)
    }

    /// Goes on with a connection on which something has happened. Returns what its head says, once it is complete.
    pub(crate) fn proceed(
        &mut self,
        slot: usize,
        config: &ListenerConfig,
    ) -> Option<Result<Request, Refusal>> {
        let client = self.connections.get_mut(slot)?;
        let stays = match &client.phase {
            Phase::Reading(_) => return self.read(slot, config),
            Phase::Deciding(_) => client.drain(&mut self.buffer),
            Phase::Answering(_) => client.send_answer(&mut self.buffer),
        };
        if !stays {
            self.dismiss(slot);
        }
        None
    }

    /// Reads more of a head.
    fn read(&mut self, slot: usize, config: &ListenerConfig) -> Option<Result<Request, Refusal>> {
        loop {
            let client = self.connections.get_mut(slot)?;
            let result = client.read(&mut self.buffer);
            let Phase::Reading(head) = &mut client.phase else { return None };
            match result {
                ReadOutcome::Nothing => return None,
                ReadOutcome::End | ReadOutcome::Gone => {
                    self.dismiss(slot);
                    return None;
                }
                ReadOutcome::Some(length) => {
                    let request = head.add(&self.buffer[..length], config, client.peer).transpose();
                    if request.is_some() {
                        return request;
                    }
                }
            }
        }
    }

    /// Hears out a client that has asked. Returns whether it is still there.
    pub(crate) fn drain(&mut self, slot: usize) -> bool {
        let stays = self.connections.get_mut(slot).is_some_and(|client| client.drain(&mut self.buffer));
        if !stays {
            self.dismiss(slot);
        }
        stays
    }

    /// Begins a pending connection's next phase.
    pub(crate) fn enter(&mut self, slot: usize, phase: Phase, time: Duration) {
        if let Some(connection) = self.connections.get_mut(slot) {
            self.deadlines[connection.phase.index()].remove(&(connection.deadline, slot));
            connection.deadline = Instant::now() + time;
            connection.phase = phase;
            self.deadlines[connection.phase.index()].insert((connection.deadline, slot));
        }
    }

    /// Leaves a pending connection less time.
    pub(crate) fn hurry(&mut self, slot: usize, time: Duration) {
        if let Some(connection) = self.connections.get_mut(slot) {
            let deadlines = &mut self.deadlines[connection.phase.index()];
            deadlines.remove(&(connection.deadline, slot));
            connection.deadline = connection.deadline.min(Instant::now() + time);
            deadlines.insert((connection.deadline, slot));
        }
    }

    /// The pending connection of a phase that has been in it for longest, and its deadline.
    pub(crate) fn oldest(&self, phase: usize) -> Option<(Instant, usize)> {
        self.deadlines[phase].first().copied()
    }

    /// Takes a pending connection whose time in a phase is over: its deadline is not told again.
    pub(crate) fn take_late(&mut self, phase: usize, now: Instant) -> Option<usize> {
        let first = self.oldest(phase).filter(|(deadline, _)| *deadline <= now)?;
        self.deadlines[phase].remove(&first);
        Some(first.1)
    }

    /// When the next time is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.iter().filter_map(|all| Some(all.first()?.0)).min()
    }
}
