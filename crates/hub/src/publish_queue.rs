use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::PoisonError;

use ssecast_codec::{Error, ErrorKind, OptionKey};

use crate::sync::{Condvar, Mutex, MutexGuard, lock};

/// So many entries, or so many bytes of them, are appended in one step at most: others wait for the store meanwhile.
const MOST_ENTRIES: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// What waits to be appended by one thread for all, in the order in which it was asked for. A thread that waits for the outcome
/// of its own appends what the others wait for too, so that a store's cost, such as that of a disk, is shared; those that don't
/// wait have a thread of the hub do it.
#[derive(Debug)]
pub(crate) struct PublishQueue<T: Queued> {
    state: Mutex<State<T>>,
    /// Told when what waits, or who leads, has changed.
    changed: Condvar,
}

#[derive(Debug)]
struct State<T: Queued> {
    waiting: VecDeque<T>,
    bytes: usize,
    /// Outcomes, in their order, that the thread of the hub is to tell.
    untold: VecDeque<T::Outcome>,
    /// A thread is appending.
    is_led: bool,
    /// There is a thread of the hub, or was one: it ends with the hub.
    has_thread: bool,
    /// The hub is gone.
    is_over: bool,
    /// How many threads wait. To tell none costs a system call.
    waiters: usize,
}

/// What the queue has to know of what waits.
pub(crate) trait Queued {
    /// What became of one whose publisher does not wait for it.
    type Outcome: fmt::Debug;

    /// How many bytes it has.
    fn len(&self) -> usize;
}

impl<T: Queued> PublishQueue<T> {
    pub(crate) fn new() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            untold: VecDeque::new(),
            is_led: false,
            has_thread: false,
            is_over: false,
            waiters: 0,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds one, unless so many bytes wait already that there is no room up to the limit.
    pub(crate) fn push(&self, item: T, limit: usize) -> Result<(), Error> {
        let mut state = lock(&self.state);
        if !state.waiting.is_empty() && state.bytes.saturating_add(item.len()) > limit {
            let problem = format!(
                "can't be taken now: {} bytes wait for the store; wait until some of them are published",
                state.bytes
            );
            let error = Error::new(ErrorKind::BacklogFull, "event", problem);
            return Err(error.with_limit(OptionKey::MaxBacklogBytes, limit as u64));
        }
        state.bytes += item.len();
        state.waiting.push_back(item);
        // While a thread appends, it tells when it is done.
        if !state.is_led {
            self.tell(&state);
        }
        Ok(())
    }

    /// Appends what waits, batch after batch, until `is_done`; while another thread does, it waits for that. `append` takes
    /// from the front of what it is given; what it leaves is for the next batch. It returns what the thread of the hub is to tell.
    pub(crate) fn lead_until(
        &self,
        is_done: impl Fn() -> bool,
        mut append: impl FnMut(&mut VecDeque<T>) -> Vec<T::Outcome>,
    ) {
        let mut state = lock(&self.state);
        while !is_done() {
            state = if state.is_led || state.waiting.is_empty() {
                self.wait(state)
            } else {
                self.lead(state, &mut append)
            };
        }
    }

    /// Appends one batch, unless nothing waits, or another thread appends.
    pub(crate) fn lead_once(&self, mut append: impl FnMut(&mut VecDeque<T>) -> Vec<T::Outcome>) {
        let state = lock(&self.state);
        if !state.is_led && !state.waiting.is_empty() {
            drop(self.lead(state, &mut append));
        }
    }

    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<T>>,
        append: &mut impl FnMut(&mut VecDeque<T>) -> Vec<T::Outcome>,
    ) -> MutexGuard<'a, State<T>> {
        let mut bytes = 0;
        let fits = |item: &&T| {
            let has_room = bytes == 0 || bytes + item.len() <= MOST_BYTES;
            bytes += if has_room { item.len() } else { 0 };
            has_room
        };
        let count = state.waiting.iter().take(MOST_ENTRIES).take_while(fits).count();
        let mut batch: VecDeque<T> = state.waiting.drain(..count).collect();
        state.is_led = true;
        drop(state);
        let outcomes = append(&mut batch);
        let mut state = lock(&self.state);
        state.is_led = false;
        state.bytes -= bytes;
        for item in batch.into_iter().rev() {
            state.bytes += item.len();
            state.waiting.push_front(item);
        }
        state.untold.extend(outcomes);
        self.tell(&state);
        state
    }

    /// Whether the hub has to start its thread: the first time that it is asked.
    pub(crate) fn needs_thread(&self) -> bool {
        !mem::replace(&mut lock(&self.state).has_thread, true)
    }

    /// Notes that it could not be started.
    pub(crate) fn has_no_thread(&self) {
        lock(&self.state).has_thread = false;
    }

    /// For the hub's thread: waits until there is something to append or to tell, and returns what is to be told; `None` once
    /// the hub is gone, and all that waited.
    pub(crate) fn wait_for_more(&self) -> Option<VecDeque<T::Outcome>> {
        let mut state = lock(&self.state);
        while state.untold.is_empty() && (state.waiting.is_empty() || state.is_led) {
            if state.is_over && state.waiting.is_empty() && !state.is_led {
                return None;
            }
            state = self.wait(state);
        }
        Some(mem::take(&mut state.untold))
    }

    /// Notes that the hub is gone.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.state);
        state.is_over = true;
        self.tell(&state);
    }

    /// Takes all that waits, whose hub is gone.
    pub(crate) fn take_all(&self) -> VecDeque<T> {
        let mut state = lock(&self.state);
        state.bytes = 0;
        mem::take(&mut state.waiting)
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        state.waiters += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiters -= 1;
        state
    }

    fn tell(&self, state: &State<T>) {
        if state.waiters > 0 {
            self.changed.notify_all();
        }
    }
}
