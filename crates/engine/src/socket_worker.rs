use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll};
use slab::Slab;
use ssecast_hub::{Batch, Reason, Subscriber};

use crate::attachment::Attachment;
use crate::command_queue::{Command, CommandQueue, WAKE};
use crate::connection::ConnectionId;
use crate::connection_set::{ConnectionSet, Work};
use crate::connection_state::ConnectionState;
use crate::descriptor::Sent;
use crate::socket_buffer::{Peer, SocketBuffer};
use crate::sync::Ordering;

/// How many connections are written to before the thread looks at its command queue and at writable sockets again.
const TURN: usize = 1024;

/// How long to wait when the system has no memory for a socket's bytes.
const LATER: Duration = Duration::from_millis(20);

/// How long a released connection may take to have room for the end of its body.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// An engine thread: it owns its connections, and nobody else writes to their sockets.
pub(crate) struct SocketWorker {
    pub(crate) queue: Arc<CommandQueue>,
    poll: Poll,
    /// The connections, by hub.
    hubs: HashMap<usize, Served>,
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
    draining: Vec<Draining>,
    /// The hubs that have more to write.
    more: Vec<usize>,
    /// Nobody can give this thread any more to do.
    over: bool,
}

/// A hub's connections on this thread.
struct Served {
    connections: ConnectionSet<SocketBuffer>,
    /// Its entry in the deadlines.
    due: Option<Instant>,
}

struct Draining {
    buffer: SocketBuffer,
    reason: Reason,
    until: Instant,
}

impl SocketWorker {
    pub(crate) fn new(queue: Arc<CommandQueue>, poll: Poll) -> Self {
        Self {
            queue,
            poll,
            hubs: HashMap::new(),
            deadlines: BTreeSet::new(),
            turn: Vec::new(),
            polled: Slab::new(),
            later: Vec::new(),
            draining: Vec::new(),
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
        self.more.is_empty() && self.queue.parker.try_park()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over && self.hubs.is_empty() && self.draining.is_empty()
    }

    /// When the next turn is due even if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let due = self.deadlines.first().map(|(due, _)| due.saturating_duration_since(Instant::now()));
        // The poll counts in whole milliseconds: a deadline is reached at the next one.
        let due = due.map(|due| if due.is_zero() { due } else { due + Duration::from_millis(1) });
        let later = !self.later.is_empty() || !self.draining.is_empty();
        due.into_iter().chain(later.then_some(LATER)).min()
    }

    /// A turn: does all that there is to do, except for connections that have very much to send.
    pub(crate) fn work(&mut self, events: &Events) {
        self.queue.parker.begin();
        let later = mem::take(&mut self.later);
        self.plan(events, &later);
        let commands = self.look();
        commands.into_iter().for_each(|command| self.execute(command));
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
            if let Some(connection) = self.connections(hub).and_then(|connections| connections.get(id)) {
                connection.buffer.later = false;
                self.flush(hub, id);
            }
        }
        for draining in mem::take(&mut self.draining) {
            self.drain(draining);
        }
        self.write();
    }

    fn connections(&mut self, hub: usize) -> Option<&mut ConnectionSet<SocketBuffer>> {
        self.hubs.get_mut(&hub).map(|served| &mut served.connections)
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
        let queue = Arc::clone(&self.queue);
        let mut contents = queue.contents();
        self.over = contents.over;
        for (hub, reader) in contents.fresh.drain(..) {
            self.hubs.insert(hub, Served { connections: ConnectionSet::new(reader), due: None });
        }
        let commands = mem::take(&mut contents.commands);
        self.turn.extend(commands.iter().map(Command::hub));
        self.turn.append(&mut queue.woken());
        self.turn.sort_unstable();
        self.turn.dedup();
        for hub in &self.turn {
            if let Some(served) = self.hubs.get_mut(hub) {
                served.connections.look();
            }
        }
        commands
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Attach(attachment, connection) => self.attach(&attachment, *connection),
            Command::Send(state, event) => {
                let length = event.len();
                if let Some((connections, id)) = self.find(&state) {
                    connections.send(id, event);
                    if let Some(connection) = connections.get(id) {
                        connection.buffer.expect(length);
                        connection.buffer.settle(connection.subscriber.private_bytes());
                    }
                }
            }
            Command::ChangeTopics(state, change) => {
                if let Some((connections, id)) = self.find(&state) {
                    connections.apply(id, change);
                }
            }
            Command::Detach(state, reason, last) => {
                if let Some((connections, id)) = self.find(&state) {
                    connections.finish(id, reason, last);
                }
            }
            Command::Abandon(state, reason) => {
                if let Some((connections, id)) = self.find(&state)
                    && let Some(buffer) = connections.remove(id, reason)
                {
                    self.end(buffer, reason, true);
                }
            }
        }
    }

    fn find(&mut self, state: &ConnectionState) -> Option<(&mut ConnectionSet<SocketBuffer>, ConnectionId)> {
        let id = ConnectionId::from_number(state.slot.load(Ordering::Relaxed));
        let connections = self.connections(state.hub)?;
        connections.get(id)?;
        Some((connections, id))
    }

    fn attach(&mut self, attachment: &Attachment, (subscriber, buffer): (Subscriber, SocketBuffer)) {
        let (hub, host) = (attachment.state.hub, Arc::clone(&buffer.host));
        let (released, has_head) = (buffer.released, !buffer.is_empty());
        let Some(connections) = self.connections(hub) else { return };
        let id = connections.insert(subscriber, buffer);
        attachment.state.put(id);
        host.opened(attachment);
        if released {
            self.watch(hub, id);
        }
        if has_head {
            self.flush(hub, id);
        }
    }

    /// Lets the poll tell of a connection. Without it the connection could hang, so it is given up then.
    fn watch(&mut self, hub: usize, id: ConnectionId) {
        let Some(connection) = self.hubs.get_mut(&hub).and_then(|served| served.connections.get(id)) else {
            return;
        };
        if connection.buffer.polled.is_some() {
            return;
        }
        let slot = self.polled.insert((hub, id));
        if !connection.buffer.register(self.poll.registry(), slot) {
            self.polled.remove(slot);
            self.lose(hub, id);
        }
    }

    /// Takes a connection that is over out of all indexes but the set of connections.
    fn forget(&mut self, buffer: &mut SocketBuffer) {
        if let Some(slot) = buffer.deregister(self.poll.registry()) {
            self.polled.remove(slot);
        }
        buffer.state.put(ConnectionId::NOWHERE);
        self.queue.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// The peer may have closed a released connection. One that closed answers the next bytes with a reset; one that
    /// only said all it had to say takes them: so it is sent some at once.
    fn listen(&mut self, hub: usize, id: ConnectionId) {
        let Some(Served { connections, .. }) = self.hubs.get_mut(&hub) else { return };
        let Some(connection) = connections.get(id) else { return };
        match connection.buffer.listen(self.poll.registry()) {
            Peer::Listens => {}
            Peer::HalfClosed => connections.probe(id),
            Peer::Gone => self.lose(hub, id),
        }
    }

    /// The peer is gone.
    fn lose(&mut self, hub: usize, id: ConnectionId) {
        let Some(connections) = self.connections(hub) else { return };
        let Some(reason) = connections.get(id).map(|connection| connection.buffer.loss()) else {
            return;
        };
        if let Some(buffer) = connections.remove(id, reason) {
            self.end(buffer, reason, true);
        }
    }

    /// Ends a connection that is gone from its set of connections.
    fn end(&mut self, mut buffer: SocketBuffer, reason: Reason, cut: bool) {
        let cut = cut || !buffer.is_empty();
        if buffer.released && !cut {
            buffer.state.put(ConnectionId::NOWHERE);
            // A client must be able to tell a stream that failed from one that was complete.
            if reason != Reason::Error {
                buffer.load_end();
            }
            self.drain(Draining { buffer, reason, until: Instant::now() + DRAIN_TIME });
        } else {
            self.forget(&mut buffer);
            buffer.end(reason, cut);
        }
    }

    /// Sends what is left of a released connection's body, and ends it when that is out.
    fn drain(&mut self, mut draining: Draining) {
        let (_, stopped) = draining.buffer.flush();
        if matches!(stopped, Some(Sent::Full | Sent::Later)) && Instant::now() < draining.until {
            self.draining.push(draining);
            return;
        }
        let Draining { mut buffer, reason, .. } = draining;
        self.forget(&mut buffer);
        buffer.end(reason, stopped.is_some());
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
        let Some(Served { connections, .. }) = self.hubs.get_mut(&hub) else { return };
        if connections.is_check_due() {
            let patience = connections.patience();
            connections.check_lag(|buffer| buffer.is_unanswered(patience));
            // Under the lock no connection is between registering with this reader and being on the way to it.
            let contents = self.queue.contents();
            connections.note_progress(contents.on_the_way(hub));
        }
        connections.keep_time();
        for _ in 0..TURN {
            match self.connections(hub).and_then(ConnectionSet::next) {
                None => break,
                Some((id, Work::Send(batch))) => self.send(hub, id, &batch),
                Some((_, Work::End { reason, cut, buffer })) => self.end(buffer, reason, cut),
            }
        }
        let Some(connections) = self.connections(hub) else { return };
        if connections.has_ready() {
            self.more.push(hub);
        } else if connections.is_empty() && self.release(hub) {
            return;
        }
        self.set_deadline(hub);
    }

    /// Notes when a hub is due next.
    fn set_deadline(&mut self, hub: usize) {
        let Some(served) = self.hubs.get_mut(&hub) else { return };
        let wait = served.connections.deadline().map(|at| at.saturating_sub(served.connections.now()));
        let due = wait.and_then(|wait| Instant::now().checked_add(wait));
        let before = mem::replace(&mut served.due, due);
        if before != due {
            before.map(|before| self.deadlines.remove(&(before, hub)));
            self.deadlines.extend(due.map(|due| (due, hub)));
        }
    }

    /// Lets go of a hub that has no connection here, unless one is on its way.
    fn release(&mut self, hub: usize) -> bool {
        let registrar = self.queue.contents().release(hub);
        if registrar.is_none() {
            return false;
        }
        if let Some(Served { due: Some(due), .. }) = self.hubs.remove(&hub) {
            self.deadlines.remove(&(due, hub));
        }
        true
    }

    fn send(&mut self, hub: usize, id: ConnectionId, batch: &Batch) {
        let Some(connections) = self.connections(hub) else { return };
        let patience = (batch.events() == 0 && connections.skips()).then(|| connections.patience());
        let Some(connection) = connections.get(id) else { return };
        // The system gives up the peer of a client that is to be disconnected. For one that skips it is asked here,
        // before it is sent a heartbeat.
        if patience.is_some_and(|patience| connection.buffer.is_unanswered(patience)) {
            return self.lose(hub, id);
        }
        connection.buffer.load(batch, connection.subscriber.private_bytes());
        self.flush(hub, id);
    }

    /// Sends what a connection's socket takes of its batch; the rest waits until it is writable, and so does the
    /// connection.
    fn flush(&mut self, hub: usize, id: ConnectionId) {
        let Some(connections) = self.connections(hub) else { return };
        let Some(connection) = connections.get(id) else { return };
        let was_blocked = connection.blocked;
        let (took, stopped) = connection.buffer.flush();
        if took {
            connection.subscriber.progress();
        }
        match stopped {
            None => {
                connection.buffer.settle(connection.subscriber.private_bytes());
                if was_blocked {
                    connections.unblock(id);
                }
            }
            Some(Sent::Gone) => self.lose(hub, id),
            Some(Sent::Later) => {
                connections.block(id);
                if let Some(connection) = connections.get(id)
                    && !mem::replace(&mut connection.buffer.later, true)
                {
                    self.later.push((hub, id));
                }
            }
            Some(_) => {
                connections.block(id);
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

    use ssecast_hub::{Config, Event, Hub, Reader, Subscription};

    use super::*;
    use crate::descriptor::Descriptor;
    use crate::framing::Framing;
    use crate::host::Host;
    use crate::peer_timeout::PeerTimeout;
    use crate::worker_handle::WorkerHandle;

    struct Silent;

    impl Host for Silent {
        fn ended(&self, _: ConnectionId, _: Reason, _: bool) {}

        fn drained(&self, _: ConnectionId) {}
    }

    fn connect(worker_handle: &Arc<WorkerHandle>, hub: &Hub) -> (Attachment, Reader, [UnixStream; 2]) {
        let mut reader = hub.reader(Arc::new(|| ()));
        let subscription = Subscription { topics: &["t"], last_event_id: None };
        let subscriber = reader.subscribe(&subscription).unwrap();
        let (host, client) = UnixStream::pair().unwrap();
        let state = Arc::new(ConnectionState::new(ConnectionId::NOWHERE, hub.key(), 0));
        let descriptor = Descriptor::duplicate(host.as_fd()).unwrap();
        let peer_timeout = PeerTimeout::set(&descriptor, hub.config());
        let hold = subscriber.hold();
        let buffer =
            SocketBuffer::new(descriptor, Framing::Raw, false, peer_timeout, hold, state, Arc::new(Silent));
        (worker_handle.attach(hub, subscriber, buffer), reader, [host, client])
    }

    #[test]
    fn a_turn_looks_at_the_hubs_that_have_something_and_at_no_other() {
        let none = Events::with_capacity(1);
        let (worker_handle, mut socket_worker) = WorkerHandle::new().unwrap();
        let event = Event { data: Some("1"), ..Event::default() };
        let hubs: Vec<Hub> = (0..500).map(|_| Hub::new(Config::default()).unwrap()).collect();
        let mut kept: Vec<_> = hubs.iter().map(|hub| connect(&worker_handle, hub)).collect();
        socket_worker.work(&none);
        assert_eq!(socket_worker.turn.len(), hubs.len());
        // Each has a heartbeat to come.
        assert_eq!(socket_worker.deadlines.len(), hubs.len());
        socket_worker.work(&none);
        assert!(socket_worker.turn.is_empty());
        hubs[7].publish("t", &event).unwrap();
        hubs[8].publish("t", &event).unwrap();
        socket_worker.work(&none);
        let mut published = [hubs[7].key(), hubs[8].key()];
        published.sort_unstable();
        assert_eq!(socket_worker.turn, published);
        assert_eq!(hubs[7].stats().delivered, 1);
        assert!(kept[9].0.send(&event).unwrap());
        socket_worker.work(&none);
        assert_eq!(socket_worker.turn, [hubs[9].key()]);
        hubs[9].close(&ssecast_hub::Close::default()).unwrap();
        socket_worker.work(&none);
        assert_eq!(socket_worker.turn, [hubs[9].key()]);
        assert_eq!(hubs[9].stats().connections, 0);
        // Hubs whose connections are gone leave nothing.
        kept.drain(..).for_each(|(attachment, ..)| attachment.abandon(Reason::Client));
        socket_worker.work(&none);
        assert!(socket_worker.hubs.is_empty() && socket_worker.deadlines.is_empty());
    }
}
