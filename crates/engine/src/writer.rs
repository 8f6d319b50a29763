use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
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
    rosters: HashMap<usize, Served>,
    /// The hubs by the moment at which they are due even if nothing happens.
    deadlines: BTreeSet<(Instant, usize)>,
    /// The hubs of this turn: what a turn costs does not depend on how many others there are.
    turn: Vec<usize>,
    /// The connections that the poll knows: those that were full once, and those that were released.
    polled: Slab<(usize, ConnectionId)>,
    /// Connections that the system had no memory for.
    later: Vec<(usize, ConnectionId)>,
    /// Released connections that are over but for the end of the body. They are few, for their sockets were full
    /// just when the stream was out: all of them are looked at in every turn.
    parting: Vec<Parting>,
    /// The hubs that have more to write.
    more: Vec<usize>,
    /// Nobody can give this thread any more to do.
    over: bool,
}

/// A hub's connections on this thread.
struct Served {
    roster: Roster<Sink>,
    /// Its entry in the deadlines.
    due: Option<Instant>,
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
            deadlines: BTreeSet::new(),
            turn: Vec::new(),
            polled: Slab::new(),
            later: Vec::new(),
            parting: Vec::new(),
            more: Vec::new(),
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
        self.more.is_empty() && self.desk.bell.lie_down()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over && self.rosters.is_empty() && self.parting.is_empty()
    }

    /// When the next turn is due even if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let due = self.deadlines.first().map(|(due, _)| due.saturating_duration_since(Instant::now()));
        // The poll counts in whole milliseconds: a deadline is reached at the next one.
        let due = due.map(|due| if due.is_zero() { due } else { due + Duration::from_millis(1) });
        let later = !self.later.is_empty() || !self.parting.is_empty();
        due.into_iter().chain(later.then_some(LATER)).min()
    }

    /// A turn: does all that there is to do, except for connections that have very much to send.
    pub(crate) fn work(&mut self, events: &Events) {
        self.desk.bell.get_up();
        let later = mem::take(&mut self.later);
        self.plan(events, &later);
        let commands = self.look();
        commands.into_iter().for_each(|command| self.obey(command));
        for event in events {
            if let Some((hub, id)) = self.polled(event) {
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
        for (hub, id) in later {
            if let Some((connection, _)) = self.roster(hub).and_then(|roster| roster.get(id)) {
                connection.sink.later = false;
                self.flush(hub, id);
            }
        }
        for parting in mem::take(&mut self.parting) {
            self.part(parting);
        }
        self.write();
    }

    fn roster(&mut self, hub: usize) -> Option<&mut Roster<Sink>> {
        self.rosters.get_mut(&hub).map(|served| &mut served.roster)
    }

    /// The connection that an event of the poll is about.
    fn polled(&self, event: &Event) -> Option<(usize, ConnectionId)> {
        if event.token() == WAKE { None } else { self.polled.get(event.token().0).copied() }
    }

    /// Begins the list of this turn's hubs: those with more to write, with a socket that has become writable, and those
    /// whose time has come. The others were woken or have a command, which [`look`](Self::look) finds.
    fn plan(&mut self, events: &Events, later: &[(usize, ConnectionId)]) {
        self.turn.clear();
        self.turn.append(&mut self.more);
        let polled = events.iter().filter_map(|event| self.polled(event));
        let hubs: Vec<usize> = polled.chain(later.iter().copied()).map(|(hub, _)| hub).collect();
        self.turn.extend(hubs);
        let now = Instant::now();
        self.turn.extend(self.deadlines.iter().take_while(|(due, _)| *due <= now).map(|(_, hub)| hub));
    }

    /// Takes the commands, and looks at what was published: under one lock, so that no command can come in between
    /// which was given before something that is seen here was published. A hub that has a command is looked at even if
    /// it did not wake the thread: it has perhaps not come to that yet.
    fn look(&mut self) -> Vec<Command> {
        let desk = Arc::clone(&self.desk);
        let mut inbox = desk.inbox();
        self.over = inbox.over;
        for (hub, reader) in inbox.fresh.drain(..) {
            self.rosters.insert(hub, Served { roster: Roster::new(reader), due: None });
        }
        let commands = mem::take(&mut inbox.commands);
        self.turn.extend(commands.iter().map(Command::hub));
        self.turn.append(&mut desk.woken());
        self.turn.sort_unstable();
        self.turn.dedup();
        for hub in &self.turn {
            if let Some(served) = self.rosters.get_mut(hub) {
                served.roster.look();
            }
        }
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
        let roster = self.roster(link.hub)?;
        roster.get(id)?;
        Some((roster, id))
    }

    fn attach(&mut self, to: &Hub, (subscriber, sink): (Subscriber, Sink)) {
        let (hub, link) = (to.key(), Arc::clone(&sink.link));
        let (released, has_head) = (sink.released, !sink.is_empty());
        let Some(roster) = self.roster(hub) else { return };
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
        let Some((connection, _)) = self.rosters.get_mut(&hub).and_then(|served| served.roster.get(id))
        else {
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
        let Some(Served { roster, .. }) = self.rosters.get_mut(&hub) else { return };
        let Some((connection, _)) = roster.get(id) else { return };
        match connection.sink.listen(self.poll.registry()) {
            Peer::Listens => {}
            Peer::HalfClosed => roster.probe(id),
            Peer::Gone => self.lose(hub, id),
        }
    }

    /// The peer is gone.
    fn lose(&mut self, hub: usize, id: ConnectionId) {
        let Some(roster) = self.roster(hub) else { return };
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
        let turn = mem::take(&mut self.turn);
        for &hub in &turn {
            self.write_hub(hub);
        }
        self.turn = turn;
    }

    fn write_hub(&mut self, hub: usize) {
        let Some(Served { roster, .. }) = self.rosters.get_mut(&hub) else { return };
        if roster.is_check_due() {
            let patience = roster.patience();
            roster.check_lag(|sink| sink.is_unanswered(patience));
            // Under the lock no connection is between registering with this reader and being on the way to it.
            let inbox = self.desk.inbox();
            roster.note_progress(inbox.on_the_way(hub));
        }
        roster.keep_time();
        for _ in 0..TURN {
            match self.roster(hub).and_then(Roster::next) {
                None => break,
                Some((id, Work::Send(batch))) => self.send(hub, id, &batch),
                Some((_, Work::End { reason, cut, sink })) => self.end(sink, reason, cut),
            }
        }
        let Some(roster) = self.roster(hub) else { return };
        if roster.has_ready() {
            self.more.push(hub);
        } else if roster.is_empty() && self.release(hub) {
            return;
        }
        self.set_deadline(hub);
    }

    /// Notes when a hub is due next.
    fn set_deadline(&mut self, hub: usize) {
        let Some(served) = self.rosters.get_mut(&hub) else { return };
        let wait = served.roster.deadline().map(|at| at.saturating_sub(served.roster.now()));
        let due = wait.and_then(|wait| Instant::now().checked_add(wait));
        let before = mem::replace(&mut served.due, due);
        if before != due {
            before.map(|before| self.deadlines.remove(&(before, hub)));
            self.deadlines.extend(due.map(|due| (due, hub)));
        }
    }

    /// Lets go of a hub that has no connection here, unless one is on its way.
    fn release(&mut self, hub: usize) -> bool {
        let registrar = self.desk.inbox().release(hub);
        if registrar.is_none() {
            return false;
        }
        if let Some(Served { due: Some(due), .. }) = self.rosters.remove(&hub) {
            self.deadlines.remove(&(due, hub));
        }
        true
    }

    fn send(&mut self, hub: usize, id: ConnectionId, batch: &Batch) {
        let Some(roster) = self.roster(hub) else { return };
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
        let Some(roster) = self.roster(hub) else { return };
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

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use ssecast_hub::{Config, Event, Reader, Subscription};

    use super::*;
    use crate::attachment::Host;
    use crate::descriptor::Descriptor;
    use crate::peer_timeout::PeerTimeout;
    use crate::shard::Shard;
    use crate::sockets::Framing;

    struct Silent;

    impl Host for Silent {
        fn ended(&self, _: ConnectionId, _: Reason, _: bool) {}

        fn drained(&self, _: ConnectionId) {}
    }

    fn connect(shard: &Arc<Shard>, hub: &Hub) -> (Attachment, Reader, [UnixStream; 2]) {
        let mut reader = hub.reader(Arc::new(|| ()));
        let subscription = Subscription { topics: &["t"], last_event_id: None };
        let subscriber = reader.subscribe(&subscription).unwrap();
        let (host, client) = UnixStream::pair().unwrap();
        let link =
            Arc::new(Link::new(Arc::clone(shard), ConnectionId::NOWHERE, hub.key(), Arc::new(Silent), 0));
        let descriptor = Descriptor::duplicate(host.as_fd()).unwrap();
        let peer_timeout = PeerTimeout::set(&descriptor, hub.config());
        let hold = subscriber.hold();
        let sink = Sink::new(descriptor, Framing::Raw, false, peer_timeout, hold, Arc::clone(&link), 0);
        shard.attach(hub, subscriber, sink);
        (Attachment { link, hub: hub.clone() }, reader, [host, client])
    }

    #[test]
    fn a_turn_looks_at_the_hubs_that_have_something_and_at_no_other() {
        let none = Events::with_capacity(1);
        let (shard, mut writer) = Shard::new().unwrap();
        let event = Event { data: Some("1"), ..Event::default() };
        let hubs: Vec<Hub> = (0..500).map(|_| Hub::new(Config::default()).unwrap()).collect();
        let mut kept: Vec<_> = hubs.iter().map(|hub| connect(&shard, hub)).collect();
        writer.work(&none);
        assert_eq!(writer.turn.len(), hubs.len());
        // Each has a heartbeat to come.
        assert_eq!(writer.deadlines.len(), hubs.len());
        writer.work(&none);
        assert!(writer.turn.is_empty());
        hubs[7].publish("t", &event).unwrap();
        hubs[8].publish("t", &event).unwrap();
        writer.work(&none);
        let mut published = [hubs[7].key(), hubs[8].key()];
        published.sort_unstable();
        assert_eq!(writer.turn, published);
        assert_eq!(hubs[7].stats().delivered, 1);
        assert!(kept[9].0.send(&event).unwrap());
        writer.work(&none);
        assert_eq!(writer.turn, [hubs[9].key()]);
        hubs[9].close(&ssecast_hub::Close::default()).unwrap();
        writer.work(&none);
        assert_eq!(writer.turn, [hubs[9].key()]);
        assert_eq!(hubs[9].stats().connections, 0);
        // Hubs whose connections are gone leave nothing.
        kept.drain(..).for_each(|(attachment, ..)| attachment.abandon(Reason::Client));
        writer.work(&none);
        assert!(writer.rosters.is_empty() && writer.deadlines.is_empty());
    }
}
