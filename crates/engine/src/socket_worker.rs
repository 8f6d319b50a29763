use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::command_queue::{Command, CommandQueue};
use crate::hub_sockets::HubSockets;
use crate::polled_sockets::{Place, PolledSockets};

/// An engine thread: it owns its connections, and nothing else writes to their sockets.
pub(crate) struct SocketWorker {
    pub(crate) queue: Arc<CommandQueue>,
    sockets: PolledSockets,
    /// The connections, by the key of their hub.
    hubs: HashMap<usize, HubSockets>,
    /// The hubs by the moment at which they are due even if nothing happens.
    deadlines: BTreeSet<(Instant, usize)>,
    /// The hubs of this turn: what a turn costs does not depend on how many others there are.
    turn: Vec<usize>,
    /// The hubs that have more to write.
    more: Vec<usize>,
    /// There is no handle by which this thread could be given more to do.
    over: bool,
}

impl SocketWorker {
    pub(crate) fn new(queue: Arc<CommandQueue>, poll: Poll) -> Self {
        Self {
            sockets: PolledSockets::new(poll, Arc::clone(&queue)),
            queue,
            hubs: HashMap::new(),
            deadlines: BTreeSet::new(),
            turn: Vec::new(),
            more: Vec::new(),
            over: false,
        }
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while !self.is_over() {
            let timeout = if self.may_sleep() { self.timeout() } else { Some(Duration::ZERO) };
            self.sockets.poll(&mut events, timeout);
            self.work(&events);
        }
    }

    /// Whether there is nothing to do before the thread is unparked, a socket is writable, or time has passed.
    pub(crate) fn may_sleep(&self) -> bool {
        self.more.is_empty() && self.queue.parker.try_park()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over && self.hubs.is_empty() && !self.sockets.is_draining()
    }

    /// When the next turn is due even if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let due = self.deadlines.first().map(|(due, _)| due.saturating_duration_since(Instant::now()));
        // The poll counts in whole milliseconds: a deadline is reached at the next one.
        let due = due.map(|due| if due.is_zero() { due } else { due + Duration::from_millis(1) });
        due.into_iter().chain(self.sockets.timeout()).min()
    }

    /// A turn: does all that there is to do, except for connections that have very much to send.
    pub(crate) fn work(&mut self, events: &Events) {
        self.queue.parker.begin();
        let later = self.sockets.take_later();
        self.plan(events, &later);
        let commands = self.look();
        let Self { hubs, sockets, .. } = self;
        for command in commands {
            if let Some(hub) = hubs.get_mut(&command.hub()) {
                hub.execute(command, sockets);
            }
        }
        for event in events {
            if let Some((hub, id)) = sockets.place(event)
                && let Some(hub) = hubs.get_mut(&hub)
            {
                hub.take_event(id, event, sockets);
            }
        }
        for (hub, id) in later {
            if let Some(hub) = hubs.get_mut(&hub) {
                hub.retry(id, sockets);
            }
        }
        sockets.drain();
        self.write();
    }

    /// Begins the list of this turn's hubs: those with more to write, with a socket that has become writable, and those
    /// whose time has come. The others were woken or have a command, which [`look`](Self::look) finds.
    fn plan(&mut self, events: &Events, later: &[Place]) {
        self.turn.clear();
        self.turn.append(&mut self.more);
        let polled = events.iter().filter_map(|event| self.sockets.place(event));
        self.turn.extend(polled.chain(later.iter().copied()).map(|(hub, _)| hub));
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
            self.hubs.insert(hub, HubSockets::new(hub, reader));
        }
        let commands = mem::take(&mut contents.commands);
        self.turn.extend(commands.iter().map(Command::hub));
        self.turn.append(&mut queue.woken());
        self.turn.sort_unstable();
        self.turn.dedup();
        for hub in &self.turn {
            if let Some(hub) = self.hubs.get_mut(hub) {
                hub.connections.look();
            }
        }
        commands
    }

    /// Writes what there is, a turn's worth for each hub.
    fn write(&mut self) {
        let turn = mem::take(&mut self.turn);
        for &key in &turn {
            let Some(hub) = self.hubs.get_mut(&key) else { continue };
            if hub.write(&self.queue, &mut self.sockets) {
                self.more.push(key);
            } else if hub.connections.is_empty() && self.release(key) {
                continue;
            }
            self.set_deadline(key);
        }
        self.turn = turn;
    }

    /// Notes when a hub is due next.
    fn set_deadline(&mut self, key: usize) {
        let Some(hub) = self.hubs.get_mut(&key) else { return };
        let due = hub.next_due();
        let before = mem::replace(&mut hub.due, due);
        if before != due {
            before.map(|before| self.deadlines.remove(&(before, key)));
            self.deadlines.extend(due.map(|due| (due, key)));
        }
    }

    /// Lets go of a hub that has no connection here, unless one is on its way.
    fn release(&mut self, key: usize) -> bool {
        let registrar = self.queue.contents().release(key);
        if registrar.is_none() {
            return false;
        }
        if let Some(HubSockets { due: Some(due), .. }) = self.hubs.remove(&key) {
            self.deadlines.remove(&(due, key));
        }
        true
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use ssecast_hub::{Config, Event, Hub, Reader, Reason, Subscription};

    use super::*;
    use crate::attachment::Attachment;
    use crate::connection::ConnectionId;
    use crate::connection_state::ConnectionState;
    use crate::descriptor::Descriptor;
    use crate::framing::Framing;
    use crate::host::Host;
    use crate::socket_buffer::SocketBuffer;
    use crate::socket_options::SocketOptions;
    use crate::worker_handle::WorkerHandle;

    struct Silent;

    impl Host for Silent {
        fn ended(&self, _: ConnectionId, _: Reason, _: bool) {}

        fn drained(&self, _: ConnectionId) {}
    }

    fn connect(worker_handle: &Arc<WorkerHandle>, hub: &Hub) -> (Attachment, Reader, [UnixStream; 2]) {
        let mut reader = hub.reader(Arc::new(|| ()));
        let subscription = Subscription { topics: &["t"], ..Subscription::default() };
        let subscriber = reader.subscribe(&subscription).unwrap();
        let (host, client) = UnixStream::pair().unwrap();
        let state = Arc::new(ConnectionState::new(ConnectionId::NOWHERE, hub.key(), 0));
        let descriptor = Descriptor::duplicate(host.as_fd()).unwrap();
        let options = SocketOptions::set(&descriptor, hub.config());
        let hold = subscriber.hold();
        let buffer =
            SocketBuffer::new(descriptor, Framing::Raw, false, options, hold, state, Arc::new(Silent));
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
