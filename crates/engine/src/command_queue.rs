use std::collections::HashMap;
use std::sync::Arc;

use mio::Token;
use ssecast_hub::{PrivateEvent, Reader, Reason, Registrar, Subscriber, TopicChange};

use crate::attachment::Attachment;
use crate::connection_state::ConnectionState;
use crate::parker::Parker;
use crate::socket_buffer::SocketBuffer;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Waker, lock};

/// The token of a worker's own waker; connections have those below.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// Where others leave what they have for the thread.
pub(crate) struct CommandQueue {
    contents: Mutex<Contents>,
    /// The hubs that something was published in since the thread looked. A publisher takes this lock alone, and waits for
    /// nothing that the thread does under the other one.
    woken: Mutex<Vec<usize>>,
    pub(crate) parker: Parker,
    /// How many connections the thread has, those on the way to it among them.
    pub(crate) connections: AtomicUsize,
}

#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) commands: Vec<Command>,
    /// The thread's readers by hub: a subscriber is registered with one before the thread sees it.
    pub(crate) readers: HashMap<usize, Registrar>,
    /// Readers that the thread has not seen yet.
    pub(crate) fresh: Vec<(usize, Reader)>,
    /// There is no handle of the thread any more.
    pub(crate) over: bool,
}

/// What a thread is asked to do. The commands of one connection are carried out in their order.
pub(crate) enum Command {
    Attach(Attachment, Box<(Subscriber, SocketBuffer)>),
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
            Self::Attach(Attachment { state, .. }, _)
            | Self::Send(state, _)
            | Self::ChangeTopics(state, _)
            | Self::Detach(state, ..)
            | Self::Abandon(state, _) => state.hub,
        }
    }
}

impl CommandQueue {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            contents: Mutex::default(),
            woken: Mutex::default(),
            parker: Parker::new(waker),
            connections: AtomicUsize::new(0),
        }
    }

    /// Leaves a command, and wakes the thread.
    pub(crate) fn push(&self, command: Command) {
        self.contents().commands.push(command);
        self.parker.unpark();
    }

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
            Command::Attach(to, connection) if to.state.hub == hub => Some(connection.0.cursor()),
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
