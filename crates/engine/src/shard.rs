use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use mio::{Poll, Token};
use ssecast_hub::process::Process;
use ssecast_hub::{Error, ErrorKind, Hub, PrivateEvent, Reader, Reason, Registrar, Subscriber, TopicChange};

use crate::attachment::Link;
use crate::bell::Bell;
use crate::sink::Sink;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, Waker, lock};
use crate::system;
use crate::writer::Writer;

/// The token of the shard's own waker; connections have those below.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// One engine thread, as others see it: they leave commands, and wake it once for any number of them. The thread
/// ends when nobody has a handle any more.
pub(crate) struct Shard {
    pub(crate) desk: Arc<Desk>,
    process: Process,
    pub(crate) connections: AtomicUsize,
}

/// Where others leave what they have for the thread.
pub(crate) struct Desk {
    inbox: Mutex<Inbox>,
    /// The hubs that something was published in since the thread looked. A publisher takes this lock alone, and waits for
    /// nothing that the thread does under the other one.
    woken: Mutex<Vec<usize>>,
    pub(crate) bell: Bell,
}

#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) commands: Vec<Command>,
    /// The thread's readers by hub: whoever attaches registers the subscriber with one, before the thread sees it.
    readers: HashMap<usize, Registrar>,
    /// Readers that the thread has not seen yet.
    pub(crate) fresh: Vec<(usize, Reader)>,
    /// Nobody has a handle of the thread any more.
    pub(crate) over: bool,
}

/// What a thread is asked to do. The commands of one connection are carried out in their order.
pub(crate) enum Command {
    Attach(Hub, Box<(Subscriber, Sink)>),
    Send(Arc<Link>, PrivateEvent),
    ChangeTopics(Arc<Link>, TopicChange),
    /// What was published up to this sequence number goes out before.
    Detach(Arc<Link>, Reason, u64),
    Abandon(Arc<Link>, Reason),
}

impl Command {
    /// The key of the hub whose connection it is for.
    pub(crate) fn hub(&self) -> usize {
        match self {
            Self::Attach(hub, _) => hub.key(),
            Self::Send(link, _)
            | Self::ChangeTopics(link, _)
            | Self::Detach(link, ..)
            | Self::Abandon(link, _) => link.hub,
        }
    }
}

impl Shard {
    /// Starts a thread.
    pub(crate) fn start(number: usize) -> Result<Arc<Self>, Error> {
        let (shard, writer) = Self::new()?;
        system::spawn(format!("ssecast-{number}"), move || {
            system::work_in_the_background();
            writer.run();
        })
        .map_err(|error| failed(&error))?;
        Ok(shard)
    }

    /// Makes the two sides of a thread.
    pub(crate) fn new() -> Result<(Arc<Self>, Writer), Error> {
        let poll = Poll::new().map_err(|error| failed(&error))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(|error| failed(&error))?;
        let desk =
            Arc::new(Desk { inbox: Mutex::default(), woken: Mutex::default(), bell: Bell::new(waker) });
        let writer = Writer::new(Arc::clone(&desk), poll);
        Ok((Arc::new(Self { desk, process: Process::current(), connections: AtomicUsize::new(0) }), writer))
    }

    /// Whether this is the process that has the thread.
    pub(crate) fn is_here(&self) -> bool {
        self.process.is_current()
    }

    /// Leaves a command. In a child of the thread's process nobody is there to take it.
    pub(crate) fn command(&self, command: Command) {
        if self.is_here() {
            self.desk.inbox().commands.push(command);
            self.desk.bell.ring();
        }
    }

    /// Registers a subscriber with this thread's reader of its hub, and hands it over.
    ///
    /// Both happen under the inbox's lock, and the thread notes its progress under the same one: frames that the
    /// subscriber still needs are never let go of in between.
    pub(crate) fn attach(&self, hub: &Hub, mut subscriber: Subscriber, sink: Sink) {
        let key = hub.key();
        let process = self.process;
        self.connections.fetch_add(1, Ordering::Relaxed);
        let mut inbox = self.desk.inbox();
        let Inbox { commands, readers, fresh, .. } = &mut *inbox;
        let registrar = readers.entry(key).or_insert_with(|| {
            let desk = Arc::clone(&self.desk);
            let wake = move || {
                if process.is_current() {
                    desk.woken().push(key);
                    desk.bell.ring();
                }
            };
            let reader = hub.reader(Arc::new(wake));
            let registrar = reader.registrar();
            fresh.push((key, reader));
            registrar
        });
        registrar.adopt(&mut subscriber);
        commands.push(Command::Attach(hub.clone(), Box::new((subscriber, sink))));
        drop(inbox);
        self.desk.bell.ring();
    }

    /// Asks for a change of a connection's topics, which holds for all that is published from here on. Returns
    /// whether its hub still has connections here.
    ///
    /// The inbox's lock is held meanwhile for the same reason as when it is attached.
    pub(crate) fn change_topics(
        &self,
        link: &Arc<Link>,
        add: &[&str],
        remove: &[&str],
    ) -> Result<bool, Error> {
        if !self.is_here() {
            return Ok(false);
        }
        let mut inbox = self.desk.inbox();
        let Some(registrar) = inbox.readers.get(&link.hub) else { return Ok(false) };
        let change = registrar.change_topics(add, remove)?;
        inbox.commands.push(Command::ChangeTopics(Arc::clone(link), change));
        drop(inbox);
        self.desk.bell.ring();
        Ok(true)
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        if self.is_here() {
            self.desk.inbox().over = true;
            self.desk.bell.ring();
        }
    }
}

impl Desk {
    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.inbox)
    }

    pub(crate) fn woken(&self) -> MutexGuard<'_, Vec<usize>> {
        lock(&self.woken)
    }
}

impl Inbox {
    /// The sequence numbers after which something is wanted by what is still on the way to a hub's connections.
    pub(crate) fn on_the_way(&self, hub: usize) -> impl Iterator<Item = u64> {
        self.commands.iter().filter_map(move |command| match command {
            Command::Attach(to, connection) if to.key() == hub => Some(connection.0.cursor()),
            Command::ChangeTopics(link, change) if link.hub == hub => Some(change.cursor()),
            _ => None,
        })
    }

    /// Forgets a hub that has no connection here, unless something is on its way to it. What is returned is to be
    /// dropped once the lock is free.
    pub(crate) fn release(&mut self, hub: usize) -> Option<Registrar> {
        let expected = self.on_the_way(hub).next().is_some();
        if expected { None } else { self.readers.remove(&hub) }
    }
}

fn failed(error: &io::Error) -> Error {
    let kind = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => ErrorKind::TooManyDescriptors,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, "engine", format!("could not start its thread: {error}"))
        .with_os_error(error.raw_os_error())
}
