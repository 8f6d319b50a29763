use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use ssecast_hub::{Batch, Reason, Subscriber};

use crate::attachment::Link;
use crate::connection::ConnectionId;
use crate::descriptor::{Descriptor, Sent};
use crate::roster::{Roster, Work};
use crate::shard::{Command, Shard, WAKE};
use crate::sockets::Framing;

/// How many connections are written to before the thread looks at its inbox and at writable sockets again.
const TURN: usize = 1024;

/// How long to wait when the system has no memory for a socket's bytes.
const LATER: Duration = Duration::from_millis(20);

/// The last chunk of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A connection's socket, and what of a batch it has not taken yet: the position inside a frame, not a queue.
pub(crate) struct Sink {
    pub(crate) descriptor: Descriptor,
    pub(crate) framing: Framing,
    /// The host has let go of the connection: its end is seen, and made, here.
    pub(crate) released: bool,
    pub(crate) link: Arc<Link>,
    /// What the socket has not taken yet of the batch under way.
    pub(crate) rest: Bytes,
    /// The bytes of its own events that wait in the roster.
    pub(crate) own_bytes: usize,
    /// Its place among those that the poll knows.
    pub(crate) polled: Option<usize>,
}

/// An engine thread: it owns its connections, and nobody else writes to their sockets.
pub(crate) struct Writer {
    shard: Arc<Shard>,
    poll: Poll,
    /// The connections, by hub.
    rosters: HashMap<usize, Roster<Sink>>,
    /// The connections that the poll knows: those that were full once, and those that were released.
    polled: Slab<(usize, ConnectionId)>,
    /// Connections that the system had no memory for.
    later: Vec<(usize, ConnectionId)>,
}

impl Writer {
    pub(crate) fn new(shard: Arc<Shard>, poll: Poll) -> Self {
        Self { shard, poll, rosters: HashMap::new(), polled: Slab::new(), later: Vec::new() }
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut more = false;
        loop {
            let timeout = if more { Some(Duration::ZERO) } else { self.timeout() };
            // It fails only when a signal interrupts it.
            let _ = self.poll.poll(&mut events, timeout);
            self.shard.look();
            for event in &events {
                if event.token() != WAKE
                    && let Some(&(hub, id)) = self.polled.get(event.token().0)
                {
                    if event.is_readable() || event.is_read_closed() {
                        self.listen(hub, id);
                    }
                    if event.is_writable() {
                        self.flush(hub, id);
                    }
                }
            }
            for (hub, id) in std::mem::take(&mut self.later) {
                self.flush(hub, id);
            }
            // In this order: what was published before a command was given may be in the round or in a later one,
            // but what was published after it is not in a round that began before it is carried out.
            self.begin();
            self.obey();
            more = self.write();
        }
    }

    /// When the next round is due even if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let deadlines =
            self.rosters.values().filter_map(|roster| Some(roster.deadline()?.saturating_sub(roster.now())));
        // A deadline is reached at its millisecond, not before.
        let deadlines = deadlines.map(|deadline| deadline + Duration::from_millis(1));
        deadlines.chain((!self.later.is_empty()).then_some(LATER)).min()
    }

    /// Carries out the commands.
    fn obey(&mut self) {
        let commands = std::mem::take(&mut self.shard.inbox().commands);
        for command in commands {
            match command {
                Command::Read(hub, reader) => {
                    let mut roster = Roster::new(reader);
                    roster.begin();
                    self.rosters.insert(hub, roster);
                }
                Command::Attach(hub, connection) => self.attach(hub, *connection),
                Command::Send(link, event) => {
                    let length = event.len();
                    if let Some((roster, id)) = self.find(&link) {
                        roster.send(id, event);
                        settle(roster, id, length);
                    }
                }
                Command::ChangeTopics(link, add, remove) => {
                    if let Some((roster, id)) = self.find(&link) {
                        let add: Vec<&str> = add.iter().map(|name| &**name).collect();
                        let remove: Vec<&str> = remove.iter().map(|name| &**name).collect();
                        // The host's call has checked the names; that there are too many topics changes nothing.
                        let _ = roster.change_topics(id, &add, &remove);
                    }
                }
                Command::Detach(link, reason, after) => {
                    if let Some((roster, id)) = self.find(&link) {
                        roster.finish(id, reason, after);
                    }
                }
                Command::Abandon(link, reason) => {
                    if let Some((roster, id)) = self.find(&link)
                        && let Some(mut sink) = roster.remove(id, reason)
                    {
                        self.forget(&mut sink);
                        sink.descriptor.shut_down();
                    }
                }
            }
        }
    }

    fn find(&mut self, link: &Link) -> Option<(&mut Roster<Sink>, ConnectionId)> {
        let id = ConnectionId::from_number(link.place.load(Ordering::Relaxed));
        let roster = self.rosters.get_mut(&link.hub)?;
        roster.get(id)?;
        Some((roster, id))
    }

    fn attach(&mut self, hub: usize, (subscriber, sink): (Subscriber, Sink)) {
        let (link, released) = (Arc::clone(&sink.link), sink.released);
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let id = roster.insert(subscriber, sink);
        link.place.store(id.to_number(), Ordering::Relaxed);
        if released {
            self.watch(hub, id);
        }
    }

    /// Lets the poll tell of a connection. Without it the connection could hang, so it is given up then.
    fn watch(&mut self, hub: usize, id: ConnectionId) {
        let Some((connection, _)) = self.rosters.get_mut(&hub).and_then(|roster| roster.get(id)) else {
            return;
        };
        let sink = &mut connection.sink;
        if sink.polled.is_some() {
            return;
        }
        let interest =
            if sink.released { Interest::WRITABLE | Interest::READABLE } else { Interest::WRITABLE };
        let place = self.polled.insert((hub, id));
        let registry = self.poll.registry();
        if registry.register(&mut SourceFd(&sink.descriptor.raw()), Token(place), interest).is_ok() {
            sink.polled = Some(place);
        } else {
            self.polled.remove(place);
            self.lose(hub, id);
        }
    }

    /// Takes a connection out of the poll, before its descriptor is closed: the poll knows sockets, not
    /// descriptors, and the host's keeps the socket alive.
    fn forget(&mut self, sink: &mut Sink) {
        // A roster that is made anew gives the same ids again.
        sink.link.place.store(u64::MAX, Ordering::Relaxed);
        if let Some(place) = sink.polled.take() {
            let _ = self.poll.registry().deregister(&mut SourceFd(&sink.descriptor.raw()));
            self.polled.remove(place);
        }
        self.shard.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// The peer may have closed a released connection. On others the host watches for it.
    fn listen(&mut self, hub: usize, id: ConnectionId) {
        let Some((connection, _)) = self.rosters.get_mut(&hub).and_then(|roster| roster.get(id)) else {
            return;
        };
        if connection.sink.released && !connection.sink.descriptor.drain() {
            self.lose(hub, id);
        }
    }

    /// The peer is gone.
    fn lose(&mut self, hub: usize, id: ConnectionId) {
        if let Some(sink) = self.rosters.get_mut(&hub).and_then(|roster| roster.remove(id, Reason::Client)) {
            self.end(sink, Reason::Client, true);
        }
    }

    /// Lets go of a socket, then tells the host.
    fn end(&mut self, mut sink: Sink, reason: Reason, cut: bool) {
        self.forget(&mut sink);
        let cut = cut || !sink.rest.is_empty();
        let Sink { descriptor, framing, released, link, .. } = sink;
        if released && !cut && framing == Framing::Chunked {
            // What is left to send is small, and the socket was not full: it is taken, or the peer is gone.
            descriptor.send(LAST_CHUNK);
        }
        if cut || released {
            descriptor.shut_down();
        }
        drop(descriptor);
        link.ending.store(true, Ordering::Release);
        link.host.ended(link.name, reason, cut);
    }

    /// Begins a round of every hub.
    fn begin(&mut self) {
        for roster in self.rosters.values_mut() {
            if roster.is_check_due() {
                // Under the lock nobody is between registering with this reader and reaching its roster.
                let inbox = self.shard.inbox();
                if inbox.commands.is_empty() {
                    roster.check();
                }
            }
            roster.begin();
        }
    }

    /// Writes what there is, a turn's worth for each hub. Returns whether there is more.
    fn write(&mut self) -> bool {
        let mut more = false;
        let hubs: Vec<usize> = self.rosters.keys().copied().collect();
        for hub in hubs {
            for _ in 0..TURN {
                let Some(roster) = self.rosters.get_mut(&hub) else { break };
                match roster.next() {
                    None => break,
                    Some((id, Work::Send(batch))) => self.send(hub, id, &batch),
                    Some((_, Work::End { reason, cut, sink })) => self.end(sink, reason, cut),
                }
            }
            let Some(roster) = self.rosters.get_mut(&hub) else { continue };
            more |= roster.has_ready();
            if roster.is_empty() {
                self.release(hub);
            }
        }
        more
    }

    /// Lets go of a hub that has no connection here, unless one is on its way.
    fn release(&mut self, hub: usize) {
        let mut inbox = self.shard.inbox();
        if inbox.commands.is_empty() {
            let registrar = inbox.readers.remove(&hub);
            drop(inbox);
            drop((self.rosters.remove(&hub), registrar));
        }
    }

    fn send(&mut self, hub: usize, id: ConnectionId, batch: &Batch) {
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let Some((connection, _)) = roster.get(id) else { return };
        let sink = &mut connection.sink;
        sink.rest = match sink.framing {
            Framing::Chunked => batch.chunk(),
            Framing::Raw => batch.bytes(),
        };
        if sink.own_bytes > 0 {
            settle(roster, id, 0);
        }
        self.flush(hub, id);
    }

    /// Sends what a connection's socket takes of its batch; the rest waits until it is writable, and so does the
    /// connection.
    fn flush(&mut self, hub: usize, id: ConnectionId) {
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let Some((connection, reader)) = roster.get(id) else { return };
        let (sink, mut took) = (&mut connection.sink, false);
        let stopped = loop {
            if sink.rest.is_empty() {
                // Not a slice of the batch, which would keep it alive.
                sink.rest = Bytes::new();
                break None;
            }
            match sink.descriptor.send(&sink.rest) {
                Sent::Some(sent) => {
                    took = true;
                    sink.rest = sink.rest.slice(sent..);
                }
                stopped => break Some(stopped),
            }
        };
        let was_blocked = connection.blocked;
        if took {
            reader.progress(&mut connection.subscriber);
        }
        match stopped {
            None if was_blocked => roster.unblock(id),
            None => {}
            Some(Sent::Gone) => self.lose(hub, id),
            Some(Sent::Later) => {
                roster.block(id);
                self.later.push((hub, id));
            }
            Some(_) => {
                roster.block(id);
                self.watch(hub, id);
            }
        }
    }
}

/// Accounts for a connection's own events: `arrived` bytes came in, and what no longer waits has left.
fn settle(roster: &mut Roster<Sink>, id: ConnectionId, arrived: usize) {
    let Some((connection, _)) = roster.get(id) else { return };
    let (now, sink) = (connection.subscriber.own_bytes(), &mut connection.sink);
    let left = sink.own_bytes + arrived - now;
    sink.own_bytes = now;
    let link = &sink.link;
    if link.own_bytes.fetch_sub(left, Ordering::SeqCst) == left && link.awaited.swap(false, Ordering::SeqCst)
    {
        link.host.drained(link.name);
    }
}
