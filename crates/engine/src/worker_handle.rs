use std::io;
use std::sync::Arc;

use mio::Poll;
use ssecast_hub::process::Process;
use ssecast_hub::{Error, ErrorKind, Hub, PrivateEvent, Reason, Subscriber};

use crate::attachment::{Attachment, Worker};
use crate::command_queue::{Command, CommandQueue, Contents, WAKE};
use crate::connection_state::ConnectionState;
use crate::os_error::os_error;
use crate::socket_buffer::SocketBuffer;
use crate::socket_worker::SocketWorker;
use crate::sync::{Ordering, Waker};
use crate::system;

/// One engine thread, as others see it: they leave commands, and wake it once for any number of them. The thread
/// ends when there is no handle any more.
pub struct WorkerHandle {
    pub(crate) queue: Arc<CommandQueue>,
    process: Process,
}

impl WorkerHandle {
    /// Starts a thread.
    pub(crate) fn start(number: usize) -> Result<Arc<Self>, Error> {
        let (worker_handle, socket_worker) = Self::new()?;
        ssecast_hub::spawn(format!("ssecast-{number}"), move || {
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
        let queue = Arc::new(CommandQueue::new(waker));
        let socket_worker = SocketWorker::new(Arc::clone(&queue), poll);
        Ok((Arc::new(Self { queue, process: Process::current() }), socket_worker))
    }

    /// How many connections the thread has, those on the way to it among them.
    pub(crate) fn connections(&self) -> usize {
        self.queue.connections.load(Ordering::Relaxed)
    }

    /// Leaves a command. In a child of the thread's process there is no thread to take it.
    fn command(&self, command: Command) {
        if self.is_here() {
            self.queue.push(command);
        }
    }

    /// Registers a subscriber with this thread's reader of its hub, and hands it over.
    ///
    /// Both happen under the queue's lock, and the thread notes its progress under the same one: frames that the
    /// subscriber still needs are never let go of in between.
    pub(crate) fn attach(
        self: &Arc<Self>,
        hub: &Hub,
        mut subscriber: Subscriber,
        buffer: SocketBuffer,
    ) -> Attachment {
        let state = Arc::clone(&buffer.state);
        let worker: Arc<dyn Worker> = Arc::clone(self) as Arc<dyn Worker>;
        let attachment = Attachment { state, worker, hub: hub.clone() };
        let (key, process) = (hub.key(), self.process);
        self.queue.connections.fetch_add(1, Ordering::Relaxed);
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
        commands.push(Command::Attach(attachment.clone(), Box::new((subscriber, buffer))));
        drop(contents);
        self.queue.parker.unpark();
        attachment
    }
}

impl Worker for WorkerHandle {
    fn is_here(&self) -> bool {
        self.process.is_current()
    }

    fn send(&self, state: &Arc<ConnectionState>, event: PrivateEvent) {
        self.command(Command::Send(Arc::clone(state), event));
    }

    fn detach(&self, state: &Arc<ConnectionState>, reason: Reason, last: u64) {
        self.command(Command::Detach(Arc::clone(state), reason, last));
    }

    fn abandon(&self, state: &Arc<ConnectionState>, reason: Reason) {
        self.command(Command::Abandon(Arc::clone(state), reason));
    }

    // The queue's lock is held meanwhile for the same reason as when a connection is attached.
    fn change_topics(
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

fn failed(error: &io::Error) -> Error {
    os_error(error, ErrorKind::Internal, "engine", "could not start its thread")
}
