use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ssecast_hub::{Entry, Error, ErrorKind, Replica};

use crate::address::Address;
use crate::connection::Attempt;
use crate::failure::{timed_out, unavailable};
use crate::known::Known;
use crate::marks::{Mark, mark};
use crate::pack::{Batch, Pack};
use crate::page::{Page, Status};
use crate::script::APPEND;
use crate::server::{Place, Server, sweeps};
use crate::stored::Sweep;
use crate::tail;
use crate::turn::{Taken, Turn};

static LAST_SESSION: AtomicU64 = AtomicU64::new(0);

/// How long before its deadline an append is no longer carried out, at most: the answer has to come back.
const MARGIN: Duration = Duration::from_millis(50);
/// How long the record of an append is kept after its deadline.
const RECORD: Duration = Duration::from_secs(60);
/// How long a process may keep the others from appending, at least and at most.
const TURN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));
/// The most entries of one append: far fewer than there are marks.
const MAX_ENTRIES: u64 = 4096;
/// What may be so when an append was sent and no answer came.
const UNKNOWN: &str = "it is not known whether what was to be published is in the log";
/// How often a process looks whether its turn has come.
const WAIT: Duration = Duration::from_micros(200);

/// One store's use of a server in one process.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) server: Arc<Server>,
    pub(crate) number: u64,
    /// Its name as a writer, which no other one has.
    writer: String,
    /// Taken while a replica is brought up to date. Never waited for by the tail.
    turn: Turn<Known>,
    /// The tail had something while the turn was taken.
    is_awaited: AtomicBool,
    /// How often the tail had connected when the log was looked at last.
    connections: AtomicU64,
}

impl Session {
    pub(crate) fn new(address: &Address) -> Self {
        let number = LAST_SESSION.fetch_add(1, Ordering::Relaxed);
        // Without randomness, the process and the time have to do.
        let random = getrandom::u64().unwrap_or_else(|_| {
            let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            since.as_nanos() as u64 ^ u64::from(std::process::id()) << 32
        });
        Self {
            server: Server::of(address),
            number,
            writer: format!("writer:{random:016x}{number:x}"),
            turn: Turn::new(Known::default()),
            is_awaited: AtomicBool::new(false),
            connections: AtomicU64::new(0),
        }
    }

    /// Brings a replica up to date: with the log, or, when the tail tells of something, with what that has read.
    pub(crate) fn catch_up(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        if tail::is_telling(&self.server) {
            return self.follow_tail(replica, deadline).map_err(|error| {
                self.server.is_behind.store(true, Ordering::Relaxed);
                // The tail has no time to be asked again at once.
                match error.kind() {
                    ErrorKind::StoreTimedOut => unavailable(error.problem().into_owned()),
                    _ => error,
                }
            });
        }
        let mut known = self.take(deadline)?;
        let outcome = self.follow(&mut known, replica, u64::MAX, deadline);
        self.give_back(known);
        outcome
    }

    fn take(&self, deadline: Instant) -> Result<Taken<'_, Known>, Error> {
        self.turn.take(deadline).ok_or_else(|| {
            timed_out("was not free in time: another thread of this process waits for its answer")
        })
    }

    /// Ends a turn. What the tail had in the meantime is told by this thread.
    fn give_back(&self, known: Taken<'_, Known>) {
        drop(known);
        if self.is_awaited.swap(false, Ordering::SeqCst) {
            tail::tell(&self.server, Some(self.number));
        }
    }

    fn follow_tail(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        let recent = self.server.recent();
        if let Some(failure) = &recent.failure {
            return Err(failure.clone());
        }
        let connections = recent.connections;
        drop(recent);
        self.is_awaited.store(true, Ordering::SeqCst);
        // Who has the turn sees that it is awaited, when it ends.
        let Some(mut known) = self.turn.take(Instant::now()) else { return Ok(()) };
        self.is_awaited.store(false, Ordering::SeqCst);
        let is_verified = self.connections.load(Ordering::Relaxed) == connections;
        let position = replica.position().filter(|_| is_verified);
        let packs =
            position.and_then(|position| self.server.recent().after(position.epoch, position.sequence));
        let outcome = if let (Some(position), Some(packs)) = (position, packs) {
            known.apply(packs.iter().map(|pack| &**pack), position.sequence, u64::MAX, replica)
        } else {
            self.follow(&mut known, replica, u64::MAX, deadline)
        };
        if outcome.is_ok() {
            self.connections.store(connections, Ordering::Relaxed);
        }
        self.give_back(known);
        outcome
    }

    fn place(known: &Known, replica: &dyn Replica) -> Place {
        let position = replica.position();
        Place { position, mark: position.and_then(|position| known.marks.get(position.sequence)) }
    }

    /// Has a replica apply everything that is in the log, up to a number.
    fn follow(
        &self,
        known: &mut Known,
        replica: &mut dyn Replica,
        below: u64,
        deadline: Instant,
    ) -> Result<(), Error> {
        let mut states = None;
        loop {
            let page = self.server.follow(Self::place(known, replica), states, deadline)?;
            if take_page(known, replica, &page, below, &mut states)? {
                return Ok(());
            }
        }
    }

    /// Appends what a replica has pending.
    pub(crate) fn append(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        let mut known = self.take(deadline)?;
        known.appends += 1;
        let outcome = self.append_in_turn(&mut known, replica, deadline);
        self.give_back(known);
        outcome
    }

    fn append_in_turn(
        &self,
        known: &mut Known,
        replica: &mut dyn Replica,
        deadline: Instant,
    ) -> Result<(), Error> {
        let mut states = None;
        // The replica may lack what others appended. That is seen when it is appended to; what is refused is not appended.
        if replica.position().is_none() || replica.would_refuse() {
            self.follow(known, replica, u64::MAX, deadline)?;
        }
        loop {
            let (mut batch, mut is_conditional) = (Batch::default(), false);
            while batch.count < MAX_ENTRIES
                && let Some(pending) = replica.pending(batch.count as usize)
            {
                batch.push(pending.bytes);
                is_conditional |= pending.is_conditional;
            }
            if batch.count == 0 {
                return Ok(());
            }
            let at = replica.position().map_or(0, |position| position.sequence);
            known.stored.sweep(batch.count as usize, batch.bytes, replica, at);
            let page = self.send(known, replica, &batch, is_conditional, states, deadline)?;
            match page.status {
                Status::Appended(last) => {
                    known.stored.note_removed();
                    let first = last + 1 - batch.count;
                    let is_whole = take_page(known, replica, &page, first, &mut states)?;
                    if !is_whole && replica.position().is_some_and(|position| position.sequence + 1 < first) {
                        self.follow(known, replica, first, deadline)?;
                    }
                    batch.renumber(first - 1);
                    return appended(known, replica, &batch, first);
                }
                Status::Late if Instant::now() >= deadline => {
                    return Err(timed_out("did not answer in time"));
                }
                Status::Late => {}
                Status::Behind | Status::Busy | Status::Page => {
                    if !take_page(known, replica, &page, u64::MAX, &mut states)? {
                        self.follow(known, replica, u64::MAX, deadline)?;
                    }
                    if page.status == Status::Busy {
                        if Instant::now() + WAIT >= deadline {
                            return Err(timed_out("was not free in time: other processes append to it"));
                        }
                        thread::sleep(WAIT);
                    }
                }
            }
        }
    }

    fn send(
        &self,
        known: &Known,
        replica: &dyn Replica,
        batch: &Batch,
        is_conditional: bool,
        states: Option<u64>,
        deadline: Instant,
    ) -> Result<Page, Error> {
        let entries = batch.packs.iter().flat_map(Pack::entries);
        let marks: Vec<u8> = entries.flat_map(|(_, entry)| mark_of(entry)).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        let until = deadline.checked_sub(MARGIN.min(left / 10)).unwrap_or(deadline);
        self.server.request(deadline, Some(UNKNOWN), |attempt: &Attempt<'_>| {
            let place = Self::place(known, replica);
            let mut call = self.server.call(&APPEND, attempt.whole, place, &self.writer)?;
            call.arg(sweeps(states)).arg(attempt.open.time_at(until));
            call.arg(known.appends).arg((RECORD + left).as_micros() as u64);
            call.arg((attempt.open.trip * 3).clamp(TURN.0, TURN.1).as_micros() as u64);
            call.arg(u8::from(!is_conditional)).arg(&marks).arg(batch.packs.len());
            for pack in &batch.packs {
                call.arg(pack.count).arg(&pack.bytes);
            }
            add(&mut call, known.stored.due());
            Ok(call)
        })
    }
}

/// Has a replica apply what it appended.
fn appended(known: &mut Known, replica: &mut dyn Replica, batch: &Batch, first: u64) -> Result<(), Error> {
    for pack in &batch.packs {
        for (number, bytes) in pack.entries() {
            known.note(number, bytes, pack)?;
            replica.appended((number - first) as usize, number)?;
        }
    }
    Ok(())
}

/// Has a replica apply a page, up to a number. Returns whether that was all.
fn take_page(
    known: &mut Known,
    replica: &mut dyn Replica,
    page: &Page,
    below: u64,
    states: &mut Option<u64>,
) -> Result<bool, Error> {
    let before = known.apply_page(page, replica, below)?;
    if page.states.is_some() {
        *states = Some(page.sweeps);
    }
    let is_far = page.packs.last().is_some_and(|pack| pack.last + 1 >= below);
    Ok(is_far || page.is_whole(before))
}

fn mark_of(entry: &[u8]) -> Mark {
    Entry::decode(entry).map_or([0; 4], |entry| mark(&entry))
}

/// Adds what is to be removed.
fn add(call: &mut redis::Cmd, sweep: &Sweep) {
    let packs = sweep.packs();
    call.arg(packs.len()).arg(&packs).arg(sweep.removed);
    call.arg(sweep.states.len());
    for (topic, (last, state)) in &sweep.states {
        call.arg(&**topic).arg(*last).arg(state);
    }
    call.arg(sweep.forgotten.len());
    for (topic, last) in &sweep.forgotten {
        call.arg(&**topic).arg(*last);
    }
}
