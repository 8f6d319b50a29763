use std::task::Waker;
use std::time::Duration;

use crate::log::Log;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError, lock};

/// Those who wait for a hub's end: threads, and tasks. They wait for what the log says, and are told after it was changed.
#[derive(Default)]
pub(crate) struct Ended {
    threads: Condvar,
    tasks: Mutex<Vec<Waker>>,
}

impl Ended {
    /// Tells all. No lock is held.
    pub(crate) fn notify_all(&self) {
        self.threads.notify_all();
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.into_iter().for_each(Waker::wake);
    }

    /// Waits with a thread.
    pub(crate) fn wait_timeout<'a>(
        &self,
        log: MutexGuard<'a, Log>,
        timeout: Duration,
    ) -> MutexGuard<'a, Log> {
        self.threads.wait_timeout(log, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Wakes a task once, under the log's lock.
    pub(crate) fn add(&self, task: &Waker) {
        let mut tasks = lock(&self.tasks);
        if !tasks.iter().any(|other| other.will_wake(task)) {
            tasks.push(task.clone());
        }
    }
}
