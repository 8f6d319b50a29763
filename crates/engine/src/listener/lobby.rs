use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use slab::Slab;

use super::visitor::{Phase, Visitor};

/// Where visitors are, by their places, and until when.
pub(crate) struct Lobby {
    visitors: Slab<Visitor>,
    /// The places by phase and deadline. All of a phase have as much time, so that the first is the oldest.
    deadlines: [BTreeSet<(Instant, usize)>; Phase::COUNT],
    registry: Registry,
}

impl Lobby {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { visitors: Slab::new(), deadlines: Default::default(), registry }
    }

    pub(crate) fn len(&self) -> usize {
        self.visitors.len()
    }

    pub(crate) fn places(&self) -> Vec<usize> {
        self.visitors.iter().map(|(place, _)| place).collect()
    }

    pub(crate) fn phase(&self, place: usize) -> Option<&Phase> {
        Some(&self.visitors.get(place)?.phase)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Visitor> {
        self.visitors.get_mut(place)
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
        let entry = self.visitors.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut SourceFd(&stream.as_raw_fd()), Token(entry.key()), interest)?;
        let deadline = Instant::now() + time;
        self.deadlines[phase.index()].insert((deadline, entry.key()));
        entry.insert(Visitor { stream, peer, phase, deadline, behind: 0, half_closed: false });
        Ok(())
    }

    /// Lets a visitor out. Returns what is left: a connection that nobody here looks at any more.
    pub(crate) fn dismiss(&mut self, place: usize) -> Option<Visitor> {
        let visitor = self.visitors.try_remove(place)?;
        self.deadlines[visitor.phase.index()].remove(&(visitor.deadline, place));
        let _ = self.registry.deregister(&mut SourceFd(&visitor.stream.as_raw_fd()));
        if let Phase::Deciding(asked) = &visitor.phase {
            asked.ticket.void();
        }
        Some(visitor)
    }

    /// Begins a visitor's next phase.
    pub(crate) fn enter(&mut self, place: usize, phase: Phase, time: Duration) {
        if let Some(visitor) = self.visitors.get_mut(place) {
            self.deadlines[visitor.phase.index()].remove(&(visitor.deadline, place));
            visitor.deadline = Instant::now() + time;
            visitor.phase = phase;
            self.deadlines[visitor.phase.index()].insert((visitor.deadline, place));
        }
    }

    /// Leaves a visitor less time.
    pub(crate) fn hurry(&mut self, place: usize, time: Duration) {
        if let Some(visitor) = self.visitors.get_mut(place) {
            let deadlines = &mut self.deadlines[visitor.phase.index()];
            deadlines.remove(&(visitor.deadline, place));
            visitor.deadline = visitor.deadline.min(Instant::now() + time);
            deadlines.insert((visitor.deadline, place));
        }
    }

    /// The visitor of a phase that has been in it for longest, and its deadline.
    pub(crate) fn oldest(&self, phase: usize) -> Option<(Instant, usize)> {
        self.deadlines[phase].first().copied()
    }

    /// Takes a visitor whose time in a phase is over: its deadline is not told again.
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
