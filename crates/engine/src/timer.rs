use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use ssecast_hub::process::PerProcess;
use ssecast_hub::{Error, ErrorKind, Wake};

/// One thread that wakes deliveries when their time has come. It starts with the first alarm, so with the first
/// connection, and serves all hubs of the process.
#[derive(Default)]
struct Timer {
    alarms: Mutex<Alarms>,
    changed: Condvar,
}

#[derive(Default)]
struct Alarms {
    /// By time, then by order of arrival.
    pending: BTreeMap<(Instant, u64), Weak<dyn Wake>>,
    next: u64,
}

/// The timer of this process. A fork leaves its thread behind, so a child starts its own.
static CURRENT: PerProcess<Mutex<Option<Arc<Timer>>>> = PerProcess::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls a wake function once after a delay, if it still exists then.
pub(crate) fn wake_after(delay: Duration, target: Weak<dyn Wake>) -> Result<(), Error> {
    let timer = Timer::current()?;
    let Some(at) = Instant::now().checked_add(delay) else { return Ok(()) };
    let mut alarms = lock(&timer.alarms);
    let key = (at, alarms.next);
    alarms.next += 1;
    alarms.pending.insert(key, target);
    if alarms.pending.first_key_value().is_some_and(|(first, _)| *first == key) {
        timer.changed.notify_one();
    }
    Ok(())
}

impl Timer {
    fn current() -> Result<Arc<Self>, Error> {
        let mut current = lock(CURRENT.get_or_init(Mutex::default));
        if let Some(timer) = &*current {
            return Ok(Arc::clone(timer));
        }
        let timer = Arc::new(Self::default());
        let runner = Arc::clone(&timer);
        ssecast_hub::spawn("ssecast-timer", move || runner.run()).map_err(|error| {
            Error::new(ErrorKind::Internal, "timer", format!("could not start its thread: {error}"))
        })?;
        Ok(Arc::clone(current.insert(timer)))
    }

    fn run(&self) {
        let mut alarms = lock(&self.alarms);
        loop {
            let now = Instant::now();
            let Some((&key, _)) = alarms.pending.first_key_value() else {
                alarms = self.changed.wait(alarms).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Some(delay) = key.0.checked_duration_since(now).filter(|delay| !delay.is_zero()) {
                alarms = self.changed.wait_timeout(alarms, delay).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let target = alarms.pending.remove(&key);
            drop(alarms);
            if let Some(target) = target.and_then(|target| target.upgrade()) {
                target.wake();
            }
            alarms = lock(&self.alarms);
        }
    }
}
