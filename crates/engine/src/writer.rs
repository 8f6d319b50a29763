use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll};
use slab::Slab;
use ssecast_hub::{Batch, Hub, Reason, Subscriber};

use crate::attachment::{Attachment, Link};
use crate::connection::ConnectionId;
use crate::descriptor::Sent;
use crate::roster::{Roster, Work};
use crate::shard::{Command, Desk, WAKE};
use crate::sink::{Peer, Sink};
use crate::sync::Ordering;

/// How many connections are written to before the thread looks at its inbox and at writable sockets again.
const TURN: usize = 1024;

/// How long to wait when the system has no memory for a socket's bytes.
const LATER: Duration = Duration::from_millis(20);

/// How long a released connection may take to have room for the end of its body.
const PARTING: Duration = Duration::from_secs(5);

/// An engine thread: it owns its connections, and nobody else writes to their sockets.
pub(crate) struct Writer {
    pub(crate) desk: Arc<Desk>,
    poll: Poll,
    /// The connections, by hub.
    rosters: HashMap<usize, Roster<Sink>>,
    /// The connections that the poll knows: those that were full once, and those that were released.
    polled: Slab<(usize, ConnectionId)>,
    /// Connections that the system had no memory for.
    later: Vec<(usize, ConnectionId)>,
    /// Released connections that are over but for the end of the body. They are few, for their sockets were full
    /// just when the stream was out: all of them are looked at in every turn.
    parting: Vec<Parting>,
    /// There is more to write.
    more: bool,
    /// Nobody can give this thread any more to do.
    over: bool,
}

struct Parting {
    sink: Sink,
    reason: Reason,
    until: Instant,
}

impl Writer {
    pub(crate) fn new(desk: Arc<Desk>, poll: Poll) -> Self {
        Self {
            desk,
            poll,
            rosters: HashMap::new(),
            polled: Slab::new(),
            later: Vec::new(),
            parting: Vec::new(),
            more: false,
            over: false,
        }
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while !self.is_over() {
            let timeout = if self.may_sleep() { self.timeout() } else { Some(Duration::ZERO) };
            // It fails only when a signal interrupts it, and then there are no events.
            let _ = self.poll.poll(&mut events, timeout);
            self.work(&events);
        }
    }

    /// Whether there is nothing to do before somebody rings, a socket is writable, or time has passed.
    pub(crate) fn may_sleep(&self) -> bool {
        !self.more && self.desk.bell.lie_down()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over && self.rosters.is_empty() && self.parting.is_empty()
    }

    /// When the next turn is due even if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let deadlines =
            self.rosters.values().filter_map(|roster| Some(roster.deadline()?.saturating_sub(roster.now())));
        // A deadline is reached at its millisecond, not before.
        let deadlines = deadlines.map(|deadline| deadline + Duration::from_millis(1));
        let later = !self.later.is_empty() || !self.parting.is_empty();
        deadlines.chain(later.then_some(LATER)).min()
    }

    /// A turn: does all that there is to do, but for those who have very much to send.
    pub(crate) fn work(&mut self, events: &Events) {
        self.desk.bell.get_up();
        let commands = self.look();
        commands.into_iter().for_each(|command| self.obey(command));
        for event in events {
            if event.token() != WAKE
                && let Some(&(hub, id)) = self.polled.get(event.token().0)
            {
                if event.is_write_closed() || event.is_error() {
                    self.lose(hub, id);
                    continue;
                }
                if event.is_readable() || event.is_read_closed() {
                    self.listen(hub, id);
                }
                if event.is_writable() {
                    self.flush(hub, id);
                }
            }
        }
        for (hub, id) in mem::take(&mut self.later) {
            if let Some((connection, _)) = self.rosters.get_mut(&hub).and_then(|roster| roster.get(id)) {
                connection.sink.later = false;
                self.flush(hub, id);
            }
        }
        for parting in mem::take(&mut self.parting) {
            self.part(parting);
        }
        self.write();
    }

    /// Takes the commands, and looks at what was published: under one lock, so that no command can come in between
    /// which was given before something that is seen here was published.
    fn look(&mut self) -> Vec<Command> {
        let mut inbox = self.desk.inbox();
        self.over = inbox.over;
        for (hub, reader) in inbox.fresh.drain(..) {
            self.rosters.insert(hub, Roster::new(reader));
        }
        let commands = mem::take(&mut inbox.commands);
        self.rosters.values_mut().for_each(Roster::look);
        commands
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Attach(hub, connection) => self.attach(&hub, *connection),
            Command::Send(link, event) => {
                let length = event.len();
                if let Some((roster, id)) = self.find(&link) {
                    roster.send(id, event);
                    if let Some((connection, _)) = roster.get(id) {
                        connection.sink.expect(length);
                        connection.sink.settle(connection.subscriber.own_bytes());
                    }
                }
            }
            Command::ChangeTopics(link, change) => {
                if let Some((roster, id)) = self.find(&link) {
                    roster.apply(id, change);
                }
            }
            Command::Detach(link, reason, last) => {
                if let Some((roster, id)) = self.find(&link) {
                    roster.finish(id, reason, last);
                }
            }
            Command::Abandon(link, reason) => {
                if let Some((roster, id)) = self.find(&link)
                    && let Some(sink) = roster.remove(id, reason)
                {
                    self.end(sink, reason, true);
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

    fn attach(&mut self, to: &Hub, (subscriber, sink): (Subscriber, Sink)) {
        let (hub, link) = (to.key(), Arc::clone(&sink.link));
        let (released, has_head) = (sink.released, !sink.is_empty());
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let id = roster.insert(subscriber, sink);
        link.put(id);
        let host = Arc::clone(&link.host);
        host.opened(&Attachment { link, hub: to.clone() });
        if released {
            self.watch(hub, id);
        }
        if has_head {
            self.flush(hub, id);
        }
    }

    /// Lets the poll tell of a connection. Without it the connection could hang, so it is given up then.
    fn watch(&mut self, hub: usize, id: ConnectionId) {
        let Some((connection, _)) = self.rosters.get_mut(&hub).and_then(|roster| roster.get(id)) else {
            return;
        };
        if connection.sink.polled.is_some() {
            return;
        }
        let place = self.polled.insert((hub, id));
        if !connection.sink.register(self.poll.registry(), place) {
            self.polled.remove(place);
            self.lose(hub, id);
        }
    }

    /// Takes a connection that is over out of all indexes but the roster.
    fn forget(&mut self, sink: &mut Sink) {
        if let Some(place) = sink.deregister(self.poll.registry()) {
            self.polled.remove(place);
        }
        sink.link.put(ConnectionId::NOWHERE);
        sink.link.shard.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// The peer may have closed a released connection. One that closed answers the next bytes with a reset; one that
    /// only said all it had to say takes them: so it is sent some at once.
    fn listen(&mut self, hub: usize, id: ConnectionId) {
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let Some((connection, _)) = roster.get(id) else { return };
        match connection.sink.listen(self.poll.registry()) {
            Peer::Listens => {}
            Peer::HalfClosed => roster.probe(id),
            Peer::Gone => self.lose(hub, id),
        }
    }

    /// The peer is gone.
    fn lose(&mut self, hub: usize, id: ConnectionId) {
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let Some(reason) = roster.get(id).map(|(connection, _)| connection.sink.loss()) else { return };
        if let Some(sink) = roster.remove(id, reason) {
            self.end(sink, reason, true);
        }
    }

    /// Ends a connection that is gone from its roster.
    fn end(&mut self, mut sink: Sink, reason: Reason, cut: bool) {
        let cut = cut || !sink.is_empty();
        if sink.released && !cut {
            sink.link.put(ConnectionId::NOWHERE);
            // A client must be able to tell a stream that failed from one that was complete.
            if reason != Reason::Error {
                sink.load_end();
            }
            self.part(Parting { sink, reason, until: Instant::now() + PARTING });
        } else {
            self.forget(&mut sink);
            sink.end(reason, cut);
        }
    }

    /// Sends what is left of a released connection's body, and ends it when that is out.
    fn part(&mut self, mut parting: Parting) {
        let (_, stopped) = parting.sink.flush();
        if matches!(stopped, Some(Sent::Full | Sent::Later)) && Instant::now() < parting.until {
            self.parting.push(parting);
            return;
        }
        let Parting { mut sink, reason, .. } = parting;
        self.forget(&mut sink);
        sink.end(reason, stopped.is_some());
    }

    /// Writes what there is, a turn's worth for each hub.
    fn write(&mut self) {
        self.more = false;
        let hubs: Vec<usize> = self.rosters.keys().copied().collect();
        for hub in hubs {
            let Some(roster) = self.rosters.get_mut(&hub) else { continue };
            if roster.is_check_due() {
                let patience = roster.patience();
                roster.check_lag(|sink| sink.is_unanswered(patience));
                // Under the lock nobody is between registering with this reader and being on the way to it.
                let inbox = self.desk.inbox();
                roster.note_progress(inbox.on_the_way(hub));
            }
            roster.keep_time();
            for _ in 0..TURN {
                let Some(roster) = self.rosters.get_mut(&hub) else { break };
                match roster.next() {
                    None => break,
                    Some((id, Work::Send(batch))) => self.send(hub, id, &batch),
                    Some((_, Work::End { reason, cut, sink })) => self.end(sink, reason, cut),
                }
            }
            let Some(roster) = self.rosters.get_mut(&hub) else { continue };
            self.more |= roster.has_ready();
            if roster.is_empty() && !roster.has_ready() {
                self.release(hub);
            }
        }
    }

    /// Lets go of a hub that has no connection here, unless one is on its way.
    fn release(&mut self, hub: usize) {
        let registrar = self.desk.inbox().release(hub);
        if registrar.is_some() {
            self.rosters.remove(&hub);
        }
    }

    fn send(&mut self, hub: usize, id: ConnectionId, batch: &Batch) {
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let patience = (batch.events() == 0 && roster.skips()).then(|| roster.patience());
        let Some((connection, _)) = roster.get(id) else { return };
        // The system gives up the peer of a client that is to be disconnected. For one that skips it is asked here,
        // before it is sent a heartbeat.
        if patience.is_some_and(|patience| connection.sink.is_unanswered(patience)) {
            return self.lose(hub, id);
        }
        connection.sink.load(batch, connection.subscriber.own_bytes());
        self.flush(hub, id);
    }

    /// Sends what a connection's socket takes of its batch; the rest waits until it is writable, and so does the
    /// connection.
    fn flush(&mut self, hub: usize, id: ConnectionId) {
        let Some(roster) = self.rosters.get_mut(&hub) else { return };
        let Some((connection, reader)) = roster.get(id) else { return };
        let was_blocked = connection.blocked;
        let (took, stopped) = connection.sink.flush();
        if took {
            reader.progress(&mut connection.subscriber);
        }
        match stopped {
            None => {
                connection.sink.settle(connection.subscriber.own_bytes());
                if was_blocked {
                    roster.unblock(id);
                }
            }
            Some(Sent::Gone) => self.lose(hub, id),
            Some(Sent::Later) => {
                roster.block(id);
                if let Some((connection, _)) = roster.get(id)
                    && !mem::replace(&mut connection.sink.later, true)
                {
                    self.later.push((hub, id));
                }
            }
            Some(_) => {
                roster.block(id);
                self.watch(hub, id);
            }
        }
    }
}
