use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use mio::{Poll, Token, Waker};
use ssecast_hub::{Error, ErrorKind, Hub, PrivateEvent, Reader, Reason, Registrar, Subscriber};

use crate::attachment::Link;
use crate::writer::{Sink, Writer};

/// The token of the shard's own waker; connections have those below.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// One engine thread, as others see it: they leave commands, and wake it once for any number of them.
pub(crate) struct Shard {
    inbox: Mutex<Inbox>,
    waker: Waker,
    /// It was woken and has not looked yet.
    awake: AtomicBool,
    pub(crate) connections: AtomicUsize,
}

/// What others leave for the thread.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) commands: Vec<Command>,
    /// The thread's readers by hub: whoever attaches registers the subscriber with one, before the thread sees it.
    pub(crate) readers: HashMap<usize, Registrar>,
}

/// What a thread is asked to do. The commands of one connection are carried out in their order.
pub(crate) enum Command {
    /// A hub's first connection here brings the reader along.
    Read(usize, Reader),
    Attach(usize, Box<(Subscriber, Sink)>),
    Send(Arc<Link>, PrivateEvent),
    ChangeTopics(Arc<Link>, Vec<Box<str>>, Vec<Box<str>>),
    /// Ends the stream after everything up to a sequence number.
    Detach(Arc<Link>, Reason, u64),
    Abandon(Arc<Link>, Reason),
}

impl Shard {
    /// Starts a thread.
    pub(crate) fn start(number: usize) -> Result<Arc<Self>, Error> {
        let failed = |error: io::Error| {
            Error::new(ErrorKind::Internal, "engine", format!("could not start its thread: {error}"))
        };
        let poll = Poll::new().map_err(failed)?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(failed)?;
        let shard = Arc::new(Self {
            inbox: Mutex::default(),
            waker,
            awake: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
        });
        let writer = Writer::new(Arc::clone(&shard), poll);
        thread::Builder::new()
            .name(format!("ssecast-{number}"))
            .spawn(move || writer.run())
            .map_err(failed)?;
        Ok(shard)
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn command(&self, command: Command) {
        self.inbox().commands.push(command);
        self.wake();
    }

    pub(crate) fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel) {
            // It fails only when the descriptor is gone, and that lives as long as the thread.
            let _ = self.waker.wake();
        }
    }

    /// From here on the thread is woken again.
    pub(crate) fn look(&self) {
        self.awake.store(false, Ordering::Release);
    }

    /// Registers a subscriber with this thread's reader of its hub, and hands it over.
    ///
    /// Both happen under the inbox's lock, and the thread notes its progress under the same one: frames that the
    /// subscriber still needs are never let go of in between.
    pub(crate) fn attach(self: &Arc<Self>, hub: &Hub, mut subscriber: Subscriber, sink: Sink) {
        let key = hub.key();
        let mut inbox = self.inbox();
        let inbox_ = &mut *inbox;
        let registrar = inbox_.readers.entry(key).or_insert_with(|| {
            let shard = Arc::clone(self);
            let reader = hub.reader(Arc::new(move || shard.wake()));
            let registrar = reader.registrar();
            inbox_.commands.push(Command::Read(key, reader));
            registrar
        });
        registrar.adopt(&mut subscriber);
        inbox_.commands.push(Command::Attach(key, Box::new((subscriber, sink))));
        drop(inbox);
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.wake();
    }
}
