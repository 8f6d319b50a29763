use std::fs;
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ssecast_hub::{Epoch, Error, ErrorKind, Replica};

use crate::disk::{self, Disk};
use crate::failure::{of_lmdb, unavailable};
use crate::folder::Folder;
use crate::lmdb::{Env, Failure, Mode, Transaction};
use crate::lock_file::{LockFile, timed_out};
use crate::meta::Meta;
use crate::options::Durability;
use crate::sleep::Sleep;
use crate::slots::Slots;
use crate::tables::{self, Problem};
use crate::turn::{Taken, Turn};

/// The file begins with this length and is doubled when it is full, up to steps of `MAX_STEP`.
const MIN_SIZE: usize = 1 << 20;
const MAX_STEP: usize = 256 << 20;

/// After so many entries or bytes were appended, what has expired is removed.
const SWEEP_ENTRIES: usize = 64;
const SWEEP_BYTES: usize = 256 << 10;

/// How long the end of a process's use may wait for others.
const CLOSING: Duration = Duration::from_secs(1);

/// A store's files, as one process has them open.
#[derive(Debug)]
pub(crate) struct LogFile {
    pub(crate) folder: Folder,
    lock: LockFile,
    pub(crate) slots: Slots,
    pub(crate) slot: u32,
    turn: Turn,
    /// Locked by who has the turn alone.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    durability: Durability,
    through_map: bool,
    env: Option<Env>,
    /// What this process appended last. Read anew if anything came between.
    known: Option<Known>,
    /// This process has noted that the disk may lack something.
    is_marked: bool,
    /// What was appended since the last sweep.
    entries: usize,
    bytes: usize,
    /// Where the look at the states of topics goes on.
    next_topic: Vec<u8>,
}

/// A state of the log, by its number, with what it has to be known for.
#[derive(Clone, Copy, Debug)]
struct Known {
    state: usize,
    meta: Meta,
    head: u64,
}

/// The log is this process's until it is dropped.
struct Locked<'a> {
    files: &'a LogFile,
    state: MutexGuard<'a, State>,
    /// The last to go: before the lock is free, no other thread may ask for it.
    _turn: Taken<'a>,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.files.lock.unlock();
    }
}

impl LogFile {
    pub(crate) fn open(folder: Folder, durability: Durability, deadline: Instant) -> Result<Self, Error> {
        let disk = folder.disk()?;
        let lock = LockFile::open(&folder)?;
        lock.wait(&folder, deadline)?;
        let wake = folder.file("wake")?;
        let slots = Slots::open(&wake, Sleep::new(folder.path()));
        let slots = slots.map_err(|error| folder.refused(&error, "share memory in"))?;
        let slot = lock.claim(&slots, &folder)?;
        let state = State {
            durability,
            through_map: disk == Disk::Allocates,
            env: None,
            known: None,
            is_marked: false,
            entries: 0,
            bytes: 0,
            next_topic: Vec::new(),
        };
        let this = Self { folder, lock, slots, slot, turn: Turn::default(), state: Mutex::new(state) };
        // The lock that is held already is the process's.
        let mut locked = this.lock(deadline)?;
        this.prepare(&mut locked.state)?;
        drop(locked);
        Ok(this)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the files were removed, so that other processes have other ones.
    pub(crate) fn is_removed(&self) -> bool {
        self.lock.is_removed()
    }

    /// Takes the log for this thread alone.
    fn lock(&self, deadline: Instant) -> Result<Locked<'_>, Error> {
        let turn = self.turn.take(deadline).ok_or_else(|| {
            timed_out(
                &self.folder,
                "another thread of this process has had it, which may wait for another process",
            )
        })?;
        self.lock.wait(&self.folder, deadline)?;
        Ok(Locked { files: self, state: self.state(), _turn: turn })
    }

    /// Looks at what there is, and makes what there is not.
    fn prepare(&self, state: &mut State) -> Result<(), Error> {
        let is_current = |since: &str| disk::boot().is_ok_and(|boot| boot == since);
        if let Some(since) = self.folder.unsynced_since()?
            && !is_current(&since)
        {
            // The machine went down: some pages of the log may be older than others.
            let remove = || {
                fs::remove_file(self.folder.log()).or_else(ignore_missing)?;
                fs::remove_file(self.folder.path().join("unsynced"))?;
                self.folder.sync()
            };
            remove().map_err(|error| self.folder.refused(&error, "remove the old log of"))?;
        }
        self.open_env(state)?;
        let (durability, others) =
            (state.durability, self.lock.has_others(&self.slots, self.slot, &self.folder)?);
        let inode = self.inode()?;
        let (meta, is_new) = self.change(state, |transaction| {
            let found = tables::meta(transaction)?;
            let mut meta = match found {
                Some(meta) => meta,
                None => Meta::new(Epoch::random()?, durability, inode),
            };
            if meta.durability != durability && others {
                let problem = format!(
                    "is another one than that of the processes that have the store open: {:?}; give all the same, and \
                     restart them together",
                    meta.durability
                );
                return Err(Error::new(ErrorKind::InvalidOption, "durability", problem).into());
            }
            if meta.inode != inode {
                // A copy, or a backup that was put back: the numbers after these may have been given before.
                meta.epoch = Epoch::random()?;
            }
            (meta.durability, meta.inode) = (durability, inode);
            if found != Some(meta) {
                tables::put_meta(transaction, &meta)?;
            }
            Ok((meta, found.is_none()))
        })?;
        if meta.durability == Durability::Machine && (is_new || self.folder.unsynced_since()?.is_some()) {
            let sync = || {
                if is_new { self.folder.sync() } else { self.folder.mark_synced() }
            };
            sync().map_err(|error| self.folder.refused(&error, "sync"))?;
        }
        Ok(())
    }

    fn inode(&self) -> Result<u64, Error> {
        let metadata = fs::metadata(self.folder.log());
        metadata
            .map(|metadata| metadata.ino())
            .map_err(|error| self.folder.refused(&error, "look at the log of"))
    }

    /// Opens the log; the caller has it for itself.
    fn open_env<'s>(&self, state: &'s mut State) -> Result<&'s mut Env, Error> {
        let path = self.folder.log();
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(self.folder.refused(&error, "look at the log of")),
        };
        let mode = Mode { through_map: state.through_map, synced: state.durability == Durability::Machine };
        let open = || {
            let env = Env::open(&path, MIN_SIZE.max(length as usize), mode)
                .map_err(|failure| of_lmdb(failure, &path))?;
            if length > 0 && length < env.used() {
                return Err(crate::failure::format(format!(
                    "is damaged: {} was cut short; remove the folder to begin anew",
                    path.display()
                )));
            }
            if mode.through_map {
                self.allocate(env.size())?;
            }
            Ok(env)
        };
        match open() {
            Ok(env) => {
                state.known = None;
                Ok(state.env.insert(env))
            }
            Err(error) => {
                if length == 0 {
                    // Nothing was in it.
                    let _ = fs::remove_file(&path);
                }
                Err(error)
            }
        }
    }

    fn allocate(&self, length: usize) -> Result<(), Error> {
        let allocate =
            || disk::allocate(&fs::OpenOptions::new().write(true).open(self.folder.log())?, length as u64);
        allocate().map_err(|error| self.folder.refused(&error, "make the log larger in"))
    }

    /// Does something in a transaction, and commits it. It is done again when the map had to grow.
    fn change<T>(
        &self,
        state: &mut State,
        mut body: impl FnMut(&mut Transaction<'_>) -> Result<T, Problem>,
    ) -> Result<T, Error> {
        loop {
            let through_map = state.through_map;
            let env = match &mut state.env {
                Some(env) => env,
                None => self.open_env(state)?,
            };
            let mut run = || {
                let mut transaction = env.begin()?;
                let value = body(&mut transaction)?;
                transaction.commit()?;
                Ok(value)
            };
            let failure = match run() {
                Ok(value) => return Ok(value),
                Err(Problem::Error(error)) => return Err(error),
                Err(Problem::Lmdb(failure)) => failure,
            };
            let resized = match failure {
                Failure::MAP_RESIZED => {
                    let length = fs::metadata(self.folder.log()).map_or(0, |metadata| metadata.len());
                    env.resize(env.size().max(length as usize))
                }
                Failure::MAP_FULL => {
                    let size = env.size() + env.size().min(MAX_STEP);
                    if through_map {
                        self.allocate(size)?;
                    }
                    env.resize(size)
                }
                failure => Err(failure),
            };
            if let Err(failure) = resized {
                // What an environment is after a failure is not said: the next use opens another one.
                state.env = None;
                return Err(of_lmdb(failure, &self.folder.log()));
            }
        }
    }

    /// Brings a replica up to date, in several steps if it is far behind, so that others need not wait for all of it.
    pub(crate) fn catch_up(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        let mut states = None;
        loop {
            let mut locked = self.lock(deadline)?;
            self.refuse_if_removed()?;
            let follow = |transaction: &mut Transaction<'_>| {
                Ok(follow(transaction, None, replica, &mut states)?.is_some())
            };
            if self.change(&mut locked.state, follow)? {
                return Ok(());
            }
        }
    }

    /// Brings a replica up to date, and appends what it has pending in the same transaction as the last step. Returns how
    /// many entries that were.
    pub(crate) fn append(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<usize, Error> {
        let mut states = None;
        loop {
            let mut locked = self.lock(deadline)?;
            self.refuse_if_removed()?;
            let state = &mut *locked.state;
            self.mark_unsynced(state)?;
            let (before, known) = ((state.entries, state.bytes), state.known);
            let mut next_topic = mem::take(&mut state.next_topic);
            let appended = self.change(state, |transaction| {
                let Some((mut meta, head)) = follow(transaction, known, replica, &mut states)? else {
                    return Ok(None);
                };
                let (mut count, mut bytes) = (0, 0);
                while let Some(pending) = replica.pending(count) {
                    count += 1;
                    bytes += pending.bytes.len();
                    tables::append(transaction, head + count as u64, pending.bytes)?;
                }
                let newest = head + count as u64;
                let (mut entries, mut bytes) = (before.0 + count, before.1 + bytes);
                if entries >= SWEEP_ENTRIES || bytes >= SWEEP_BYTES {
                    let looks = tables::LOOKS * entries;
                    tables::sweep(transaction, &mut meta, newest, looks, replica, &mut next_topic)?;
                    (entries, bytes) = (0, 0);
                }
                let known = Known { state: transaction.number(), meta, head: newest };
                Ok(Some((head, count, (entries, bytes), known)))
            });
            state.next_topic = next_topic;
            let Some((head, count, since, known)) = appended? else { continue };
            (state.entries, state.bytes) = since;
            // Without an entry there may be no new state.
            state.known = (count > 0).then_some(known);
            for index in 0..count {
                replica.appended(index, head + 1 + index as u64)?;
            }
            return Ok(count);
        }
    }

    fn refuse_if_removed(&self) -> Result<(), Error> {
        if self.is_removed() { Err(unavailable("was removed while it was in use".into())) } else { Ok(()) }
    }

    /// Notes, before the first append, that the disk may lack something from now on.
    fn mark_unsynced(&self, state: &mut State) -> Result<(), Error> {
        if state.is_marked || state.durability == Durability::Machine {
            return Ok(());
        }
        let boot = disk::boot().map_err(|error| {
            unavailable(format!(
                "can't tell a restart of the machine ({error}); with the durability of the machine it need not"
            ))
        })?;
        if self.folder.unsynced_since()?.is_none() {
            self.folder.mark_unsynced(&boot)?;
        }
        state.is_marked = true;
        Ok(())
    }

    /// Ends this process's use: the last one has the disk take everything.
    pub(crate) fn close(&self) {
        let Ok(mut locked) = self.lock(Instant::now() + CLOSING) else { return };
        locked.state.env = None;
        if !self.is_removed()
            && self.lock.has_others(&self.slots, self.slot, &self.folder).is_ok_and(|others| !others)
        {
            // If it fails, the log begins anew after a restart of the machine.
            let _ = self.folder.mark_synced();
        }
    }
}

/// The log's description, which every log has once it is open.
fn described(transaction: &Transaction<'_>) -> Result<Meta, Problem> {
    tables::meta(transaction)?.ok_or_else(|| {
        Problem::Error(crate::failure::format(
            "is damaged: it has no description; remove the folder to begin anew".into(),
        ))
    })
}

/// Applies the next entries to a replica; what the log is need not be read if that is `known`. Returns what the log is, and its head, if that was all.
fn follow(
    transaction: &mut Transaction<'_>,
    known: Option<Known>,
    replica: &mut dyn Replica,
    states: &mut Option<u64>,
) -> Result<Option<(Meta, u64)>, Problem> {
    let (mut meta, head) = match known.filter(|known| known.state + 1 == transaction.number()) {
        Some(known) => (known.meta, known.head),
        None => (described(transaction)?, tables::head(transaction)?),
    };
    if tables::is_ahead(replica, meta.epoch, head) {
        // Numbers that were given are to be given again: only under another epoch.
        meta.epoch = Epoch::random()?;
        tables::put_meta(transaction, &meta)?;
    }
    Ok(tables::catch_up(transaction, &meta, head, replica, states)?.then_some((meta, head)))
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
