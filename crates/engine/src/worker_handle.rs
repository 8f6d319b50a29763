use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use mio::{Poll, Token};
use ssecast_hub::process::Process;
use ssecast_hub::{Error, ErrorKind, Hub, PrivateEvent, Reader, Reason, Registrar, Subscriber, TopicChange};

use crate::attachment::ConnectionState;
use crate::os_error::os_error;
use crate::parker::Parker;
use crate::socket_buffer::SocketBuffer;
use crate::socket_worker::SocketWorker;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, Waker, lock};
use crate::system;

/// The token of the worker's own waker; connections have those below.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// One engine thread, as others see it: they leave commands, and wake it once for any number of them. The thread
/// ends when nobody has a handle any more.
pub struct WorkerHandle {
    pub(crate) queue: Arc<CommandQueue>,
    process: Process,
    pub(crate) connections: AtomicUsize,
}

/// Where others leave what they have for the thread.
pub(crate) struct CommandQueue {
    contents: Mutex<Contents>,
    /// The hubs that something was published in since the thread looked. A publisher takes this lock alone, and waits for
    /// nothing that the thread does under the other one.
    woken: Mutex<Vec<usize>>,
    pub(crate) parker: Parker,
}

#[derive(Default)]
pub(crate) struct Contents {
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
    Attach(Hub, Box<(Subscriber, SocketBuffer)>),
    Send(Arc<ConnectionState>, PrivateEvent),
    ChangeTopics(Arc<ConnectionState>, TopicChange),
    /// What was published up to this sequence number goes out before.
    Detach(Arc<ConnectionState>, Reason, u64),
    Abandon(Arc<ConnectionState>, Reason),
}

impl Command {
    /// The key of the hub whose connection it is for.
    pub(crate) fn hub(&self) -> usize {
        match self {
            Self::Attach(hub, _) => hub.key(),
            Self::Send(state, _)
            | Self::ChangeTopics(state, _)
            | Self::Detach(state, ..)
            | Self::Abandon(state, _) => state.hub,
        }
    }
}

impl WorkerHandle {
    /// Starts a thread.
    pub(crate) fn start(number: usize) -> Result<Arc<Self>, Error> {
        let (worker_handle, socket_worker) = Self::new()?;
        system::spawn(format!("ssecast-{number}"), move || {
            system::work_in_the_background();
            socket_worker.run();
        })
        .map_err(|error| failed(&error))?;
        Ok(worker_handle)
    }

    /// Makes the two sides of a thread.
    pub(crate) fn new() -> Result<(Arc<Self>, SocketWorker), Error> {
        let poll = Poll::new().map_err(|error| failed(&error))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(|error| failed(&error))?;
        let queue = Arc::new(CommandQueue {
            contents: Mutex::default(),
            woken: Mutex::default(),
            parker: Parker::new(waker),
        });
        let socket_worker = SocketWorker::new(Arc::clone(&queue), poll);
        Ok((
            Arc::new(Self { queue, process: Process::current(), connections: AtomicUsize::new(0) }),
            socket_worker,
        ))
    }

    /// Whether this is the process that has the thread.
    pub(crate) fn is_here(&self) -> bool {
        self.process.is_current()
    }

    /// Leaves a command. In a child of the thread's process nobody is there to take it.
    pub(crate) fn command(&self, command: Command) {
        if self.is_here() {
            self.queue.contents().commands.push(command);
            self.queue.parker.unpark();
        }
    }

    /// Registers a subscriber with this thread's reader of its hub, and hands it over.
    ///
    /// Both happen under the queue's lock, and the thread notes its progress under the same one: frames that the
    /// subscriber still needs are never let go of in between.
    pub(crate) fn attach(&self, hub: &Hub, mut subscriber: Subscriber, buffer: SocketBuffer) {
        let key = hub.key();
        let process = self.process;
        self.connections.fetch_add(1, Ordering::Relaxed);
        let mut contents = self.queue.contents();
        let Contents { commands, readers, fresh, .. } = &mut *contents;
        let registrar = readers.entry(key).or_insert_with(|| {
            let queue = Arc::clone(&self.queue);
            let wake = move || {
                if process.is_current() {
                    queue.woken().push(key);
                    queue.parker.unpark();
                }
            };
            let reader = hub.reader(Arc::new(wake));
            let registrar = reader.registrar();
            fresh.push((key, reader));
            registrar
        });
        registrar.adopt(&mut subscriber);
        commands.push(Command::Attach(hub.clone(), Box::new((subscriber, buffer))));
        drop(contents);
        self.queue.parker.unpark();
    }

    /// Asks for a change of a connection's topics, which holds for all that is published from here on. Returns
    /// whether its hub still has connections here.
    ///
    /// The queue's lock is held meanwhile for the same reason as when it is attached.
    pub(crate) fn change_topics(
        &self,
        state: &Arc<ConnectionState>,
        add: &[&str],
        remove: &[&str],
    ) -> Result<bool, Error> {
        if !self.is_here() {
            return Ok(false);
        }
        let mut contents = self.queue.contents();
        let Some(registrar) = contents.readers.get(&state.hub) else { return Ok(false) };
        let change = registrar.change_topics(add, remove)?;
        contents.commands.push(Command::ChangeTopics(Arc::clone(state), change));
        drop(contents);
        self.queue.parker.unpark();
        Ok(true)
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        if self.is_here() {
            self.queue.contents().over = true;
            self.queue.parker.unpark();
        }
    }
}

impl CommandQueue {
    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        lock(&self.contents)
    }

    pub(crate) fn woken(&self) -> MutexGuard<'_, Vec<usize>> {
        lock(&self.woken)
    }
}

impl Contents {
    /// The sequence numbers after which something is wanted by what is still on the way to a hub's connections.
    pub(crate) fn on_the_way(&self, hub: usize) -> impl Iterator<Item = u64> {
        self.commands.iter().filter_map(move |command| match command {
            Command::Attach(to, connection) if to.key() == hub => Some(connection.0.cursor()),
            Command::ChangeTopics(state, change) if state.hub == hub => Some(change.cursor()),
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
    os_error(error, ErrorKind::Internal, "engine", "could not start its thread")
}
