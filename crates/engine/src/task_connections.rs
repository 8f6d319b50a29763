use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};
use std::task::Waker;

use ssecast_hub::process::PerProcess;
use ssecast_hub::{Error, ErrorKind, Hub, Subscription};

use crate::batch_queue::{BatchQueue, End};
use crate::connection::ConnectionId;
use crate::delivery::{Content, Delivery};
use crate::loop_connections::LoopConnections;
use crate::sync::{Condvar, Mutex, lock};

/// How many bytes may wait for a task before its connection is paused. What waits is shared with the other connections.
const QUEUE_BYTES: usize = 64 << 10;

/// How many connections are served before their tasks are woken.
const TURN: usize = 256;

/// Pull delivery to tasks: of one hub, to all streams that tasks of any runtime poll.
///
/// A publication wakes one thread, however many streams there are. The thread takes what the hub has, puts it into the
/// queues of the streams, and wakes their tasks. It starts with the first stream and ends with the last one.
pub(crate) struct TaskConnections {
    pub(crate) connections: LoopConnections,
    queues: Mutex<HashMap<ConnectionId, Arc<BatchQueue>>>,
    signal: Arc<Signal>,
}

/// Those of each hub, by its key.
static HUBS: PerProcess<Mutex<HashMap<usize, Weak<TaskConnections>>>> = PerProcess::new();

/// Wakes the thread.
#[derive(Default)]
pub(crate) struct Signal {
    state: Mutex<Awaited>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Awaited {
    #[default]
    Nothing,
    Work,
    /// The last stream is gone.
    Over,
}

impl Signal {
    fn set(&self, awaited: Awaited) {
        let mut state = lock(&self.state);
        if *state != Awaited::Over {
            *state = awaited;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for work. Returns false when it is over.
    fn wait(&self) -> bool {
        let mut state = lock(&self.state);
        while *state == Awaited::Nothing {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let works = *state == Awaited::Work;
        if works {
            *state = Awaited::Nothing;
        }
        works
    }
}

impl TaskConnections {
    /// Those of a hub in this process.
    pub(crate) fn of(hub: &Hub) -> Result<Arc<Self>, Error> {
        let mut hubs = lock(HUBS.get_or_init(Mutex::default));
        if let Some(known) = hubs.get(&hub.key()).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let (made, signal) = Self::new(hub);
        let target = Arc::downgrade(&made);
        ssecast_hub::spawn("ssecast-streams", move || run(&target, &signal)).map_err(|error| {
            Error::new(ErrorKind::Internal, "streams", format!("could not start their thread: {error}"))
        })?;
        // The key of a hub that is gone may be that of another one.
        hubs.retain(|_, other| other.strong_count() > 0);
        hubs.insert(hub.key(), Arc::downgrade(&made));
        Ok(made)
    }

    /// Makes them, and what their thread waits for.
    pub(crate) fn new(hub: &Hub) -> (Arc<Self>, Arc<Signal>) {
        let signal = Arc::new(Signal::default());
        let waker = Arc::clone(&signal);
        let connections = LoopConnections::new(hub, move || waker.set(Awaited::Work));
        (Arc::new(Self { connections, queues: Mutex::default(), signal: Arc::clone(&signal) }), signal)
    }

    /// Registers a connection, and has its first bytes put into its queue.
    pub(crate) fn open(
        &self,
        subscription: &Subscription<'_>,
    ) -> Result<(ConnectionId, Arc<BatchQueue>), Error> {
        let queue = Arc::<BatchQueue>::default();
        // The thread finds no connection before its queue is there: also a paused one can end.
        let mut queues = lock(&self.queues);
        let id = self.connections.open_paused(subscription)?;
        queues.insert(id, Arc::clone(&queue));
        drop(queues);
        self.connections.resume(id);
        Ok((id, queue))
    }

    /// Forgets a connection whose task is done with it.
    pub(crate) fn forget(&self, id: ConnectionId) {
        // A queue may own the waker of the task that drops it.
        let queue = lock(&self.queues).remove(&id);
        drop(queue);
    }

    /// Serves up to [`TURN`] connections. Returns whether there is more.
    fn turn(&self, deliveries: &mut Vec<Delivery>, wakers: &mut Vec<Waker>) -> bool {
        let more = self.connections.take(TURN, deliveries);
        // A stream of a hub that closes has ended only when its task has taken everything: so each batch is waited for.
        let limit = if self.connections.hub.is_closed() { 0 } else { QUEUE_BYTES };
        let queues = lock(&self.queues);
        for Delivery { connection, content } in deliveries.drain(..) {
            let Some(queue) = queues.get(&connection) else { continue };
            wakers.extend(match content {
                Content::Batch(batch) => queue.push(&batch, limit, || self.connections.pause(connection)),
                Content::End(_) => queue.end(End::Complete),
                Content::Cut(reason) => queue.end(End::Cut(reason)),
                Content::Drained => None,
            });
        }
        drop(queues);
        wakers.drain(..).for_each(Waker::wake);
        more
    }
}

/// The thread.
pub(crate) fn run(target: &Weak<TaskConnections>, signal: &Signal) {
    #[cfg(all(unix, not(loom)))]
    crate::system::work_in_the_background();
    let (mut deliveries, mut wakers) = (Vec::new(), Vec::new());
    while signal.wait() {
        let Some(connections) = target.upgrade() else { return };
        while connections.turn(&mut deliveries, &mut wakers) {}
    }
}

impl Drop for TaskConnections {
    fn drop(&mut self) {
        self.signal.set(Awaited::Over);
    }
}
