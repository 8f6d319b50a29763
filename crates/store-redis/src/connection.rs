use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use redis::{Cmd, Value};
use ssecast_hub::Error;

use crate::address::Address;
use crate::failure::{Refusal, timed_out, unavailable};
use crate::open::{Failure, Open, Outcome};

/// How long one attempt to connect may last.
pub(crate) const CONNECTING: Duration = Duration::from_secs(2);
/// How long a failed attempt keeps the next one waiting.
pub(crate) const PAUSE: Duration = Duration::from_millis(30);
/// When so little time is left, nothing is tried again.
const TOO_LATE: Duration = Duration::from_millis(80);
/// What a server that is connected has at least to answer in, so that a caller without patience finds it again.
const MIN_PATIENCE: Duration = Duration::from_millis(20);

/// The connection of this process for everything but the tail. One thread uses it at a time. A lost one is made anew by a
/// thread of its own: looking up a name has no time limit.
#[derive(Debug)]
pub(crate) struct Connection {
    address: Address,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    is_taken: bool,
    is_connecting: bool,
    /// The node of a cluster that has the keys, if it is another one than that of the address.
    node: Option<(String, u16)>,
    failure: Option<Failure>,
}

/// A request that is made for each attempt: what it may depend on.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) open: &'a Open,
    /// The server has to be told the whole script.
    pub(crate) whole: bool,
}

impl Connection {
    pub(crate) fn new(address: Address) -> Self {
        Self { address, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects once, to the node that has the keys.
    pub(crate) fn connect(&self) -> Result<Open, Failure> {
        let node = self.state().node.clone();
        let made = Open::connect(&self.address, node.as_ref(), CONNECTING);
        if made.is_err() && node.is_some() {
            // The address may know of another one.
            self.state().node = None;
        }
        made
    }

    /// The keys are on another node.
    pub(crate) fn move_to(&self, host: String, port: u16) {
        self.state().node = Some((host, port));
    }

    /// Makes a request and waits for the answer, over as many connections as it takes until the deadline. `note` takes the
    /// answer. `unknown` is what may be so, if the request was sent and no answer came.
    pub(crate) fn request(
        self: &Arc<Self>,
        deadline: Instant,
        unknown: Option<&str>,
        mut make: impl FnMut(&Attempt<'_>) -> Result<Cmd, Error>,
        note: impl FnOnce(&mut Open, Value),
    ) -> Result<(), Error> {
        let (mut whole, mut was_sent, mut last) = (false, false, None);
        let explain = |error: Error, was_sent: bool| match unknown.filter(|_| was_sent) {
            Some(unknown) => unavailable(format!("{}; {unknown}", error.problem())),
            None => error,
        };
        loop {
            // What went wrong says more than that there was no time left.
            let mut open =
                self.take(deadline).map_err(|error| explain(last.take().unwrap_or(error), was_sent))?;
            let request = match make(&Attempt { open: &open, whole }) {
                Ok(request) => request,
                Err(error) => {
                    self.give_back(Some(open));
                    return Err(error);
                }
            };
            let patience = deadline.saturating_duration_since(Instant::now()).max(MIN_PATIENCE);
            let error = match open.exchange(&request, patience, &self.address) {
                Outcome::Answer(answer) => {
                    note(&mut open, answer);
                    self.give_back(Some(open));
                    return Ok(());
                }
                Outcome::Refused(Refusal::NoScript) => {
                    self.give_back(Some(open));
                    whole = true;
                    continue;
                }
                Outcome::Refused(Refusal::Final(error)) => {
                    self.give_back(Some(open));
                    return Err(explain(error, was_sent));
                }
                Outcome::Refused(Refusal::Moved(host, port)) => {
                    let problem = format!("can't be used: its keys move between nodes of {}", self.address);
                    self.move_to(host, port);
                    unavailable(problem)
                }
                // A name may lead to another server by now.
                Outcome::Refused(Refusal::NotNow(error)) => error,
                Outcome::Lost(error) => {
                    was_sent = true;
                    error
                }
            };
            drop(open);
            self.give_back(None);
            let left = deadline.saturating_duration_since(Instant::now());
            if left <= TOO_LATE {
                return Err(explain(error, was_sent));
            }
            if !was_sent {
                thread::sleep(PAUSE);
            }
            last = Some(error);
        }
    }

    /// Takes the connection, when there is one and it is free.
    fn take(self: &Arc<Self>, deadline: Instant) -> Result<Open, Error> {
        let mut state = self.state();
        let mut has_started = false;
        loop {
            if !state.is_taken {
                if let Some(open) = state.open.take() {
                    state.is_taken = true;
                    return Ok(open);
                }
                if !state.is_connecting {
                    if let Some(failure) =
                        state.failure.as_ref().filter(|failure| has_started && failure.is_final)
                    {
                        return Err(failure.error.clone());
                    }
                    self.start_connecting(&mut state)?;
                    has_started = true;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(match &state.failure {
                    Some(failure) => failure.error.clone(),
                    None if state.is_taken => {
                        timed_out("was not free in time: other threads of this process wait for its answers")
                    }
                    None => timed_out(format!("did not answer in time: {}", self.address)),
                });
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn give_back(&self, open: Option<Open>) {
        let mut state = self.state();
        (state.open, state.is_taken) = (open, false);
        drop(state);
        self.changed.notify_all();
    }

    fn start_connecting(self: &Arc<Self>, state: &mut State) -> Result<(), Error> {
        let here = Arc::clone(self);
        let connect = move || {
            let made = here.connect();
            let mut state = here.state();
            match made {
                Ok(open) => (state.open, state.failure) = (Some(open), None),
                Err(failure) => {
                    state.failure = Some(failure);
                    drop(state);
                    thread::sleep(PAUSE);
                    state = here.state();
                }
            }
            state.is_connecting = false;
            drop(state);
            here.changed.notify_all();
        };
        let thread = ssecast_hub::spawn("ssecast-connect", connect);
        thread.map_err(|error| {
            unavailable(format!("can't be reached: no thread could be started that connects: {error}"))
        })?;
        state.is_connecting = true;
        Ok(())
    }
}
