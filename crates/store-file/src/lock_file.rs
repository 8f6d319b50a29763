use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use ssecast_hub::{Error, ErrorKind};

use crate::failure::unavailable;
use crate::folder::Folder;
use crate::record_lock;
use crate::slots::{SLOTS, Slots};

/// The byte that is locked by the process that has the log. Behind it stand those of the processes' slots.
const LOG: u32 = 0;

/// How often a process asks for the lock before it sleeps between, and how long it sleeps at first and at most.
const ASKS: u32 = 40;
const NAP: Duration = Duration::from_micros(50);
const MAX_NAP: Duration = Duration::from_millis(1);

/// The file whose bytes processes lock.
#[derive(Debug)]
pub(crate) struct LockFile(File);

impl LockFile {
    pub(crate) fn open(folder: &Folder) -> Result<Self, Error> {
        folder.file("lock").map(Self)
    }

    /// Whether it was removed, so that other processes have another one.
    pub(crate) fn is_removed(&self) -> bool {
        rustix::fs::fstat(&self.0).map_or(true, |stat| stat.st_nlink == 0)
    }

    /// Waits until this process has the log.
    pub(crate) fn wait(&self, folder: &Folder, deadline: Instant) -> Result<(), Error> {
        let (mut asked, mut nap) = (0, NAP);
        while !record_lock::try_lock(&self.0, LOG)
            .map_err(|error| folder.refused(&error, "lock a file of"))?
        {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let owner = record_lock::owner(&self.0, LOG);
                let owner = owner.map_or("another process".into(), |process| format!("process {process}"));
                return Err(timed_out(folder, &format!("{owner} has had it; is that stopped?")));
            }
            asked += 1;
            if asked < ASKS {
                thread::yield_now();
                continue;
            }
            thread::sleep(nap.min(left));
            nap = (nap * 2).min(MAX_NAP);
        }
        Ok(())
    }

    /// Gives the log back.
    pub(crate) fn unlock(&self) {
        record_lock::unlock(&self.0, LOG);
    }

    /// Takes a slot for this process. It has it until it closes the file, or ends.
    pub(crate) fn claim(&self, slots: &Slots, folder: &Folder) -> Result<u32, Error> {
        for slot in 0..SLOTS {
            let locked = record_lock::try_lock(&self.0, slot + 1);
            if locked.map_err(|error| folder.refused(&error, "lock a file of"))? {
                slots.claim(slot);
                return Ok(slot);
            }
        }
        Err(unavailable(format!("is open in {SLOTS} processes, which is as many as can have it")))
    }

    /// Whether other processes have a slot.
    pub(crate) fn has_others(&self, slots: &Slots, own: u32, folder: &Folder) -> Result<bool, Error> {
        for slot in (0..slots.used()).filter(|slot| *slot != own) {
            let locked = record_lock::is_locked(&self.0, slot + 1);
            if locked.map_err(|error| folder.refused(&error, "look at the locks of"))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub(crate) fn timed_out(folder: &Folder, who: &str) -> Error {
    let problem = format!("was not free in time: {} is in use: {who}", folder.path().display());
    Error::new(ErrorKind::StoreTimedOut, "store", problem)
}
