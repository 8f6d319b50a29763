//! The files that this process has open, each once: LMDB and the locks can't bear a second time. A child that was forked
//! begins with none.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ssecast_hub::process::{PerProcess, Process};
use ssecast_hub::{Error, ErrorKind};

use crate::file::LogFile;
use crate::folder::Folder;
use crate::lock_file::timed_out;
use crate::options::Durability;
use crate::turn::{Taken, Turn};
use crate::watchers::Watchers;

static FILES: PerProcess<Files> = PerProcess::new();

#[derive(Debug, Default)]
struct Files {
    /// Of the thread that opens or closes a file: no file is opened twice, nor while it is closed. That may wait for other
    /// processes, so that others wait for it no longer than they may.
    turn: Turn,
    open: Mutex<Vec<Place>>,
}

#[derive(Debug)]
struct Place {
    identity: (u64, u64),
    durability: Durability,
    open: Arc<Open>,
    uses: usize,
}

#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) file: LogFile,
    pub(crate) watchers: Watchers,
}

/// A use of an open file. The last one closes it.
#[derive(Debug)]
pub(crate) struct Use {
    process: Process,
    open: Arc<Open>,
    /// Taken while the last use goes, until the file is closed: fields go in their order.
    turn: Option<Taken<'static>>,
}

fn files() -> &'static Files {
    FILES.get_or_init(Files::default)
}

fn places() -> MutexGuard<'static, Vec<Place>> {
    files().open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Use {
    /// Opens the store in a folder, or uses what is open.
    pub(crate) fn new(path: &Path, durability: Durability, deadline: Instant) -> Result<Self, Error> {
        let folder = Folder::open(path)?;
        let identity = folder.identity()?;
        let Some(_turn) = files().turn.take(deadline) else {
            return Err(timed_out(&folder, "another thread of this process opens a store"));
        };
        if let Some(open) = Self::find(identity, durability)? {
            return Ok(open);
        }
        let file = LogFile::open(folder, durability, deadline)?;
        let open = Arc::new(Open { file, watchers: Watchers::default() });
        places().push(Place { identity, durability, open: Arc::clone(&open), uses: 1 });
        Ok(Self { process: Process::current(), open, turn: None })
    }

    /// A use of what is open.
    fn find(identity: (u64, u64), durability: Durability) -> Result<Option<Self>, Error> {
        let mut places = places();
        let found =
            places.iter_mut().find(|place| place.identity == identity && !place.open.file.is_removed());
        let Some(place) = found else { return Ok(None) };
        if place.durability != durability {
            let problem =
                format!("is another one than that of a hub in this process: {:?}", place.durability);
            return Err(Error::new(ErrorKind::InvalidOption, "durability", problem));
        }
        place.uses += 1;
        Ok(Some(Self { process: Process::current(), open: Arc::clone(&place.open), turn: None }))
    }

    /// Gives this use back, unless it is the last one. Returns whether it did.
    fn give_back(&self) -> bool {
        let mut places = places();
        let place = places.iter_mut().find(|place| Arc::ptr_eq(&place.open, &self.open));
        match place {
            Some(place) if place.uses == 1 => false,
            Some(place) => {
                place.uses -= 1;
                true
            }
            None => true,
        }
    }

    /// Another use of the same file.
    pub(crate) fn again(&self) -> Self {
        if let Some(place) = places().iter_mut().find(|place| Arc::ptr_eq(&place.open, &self.open)) {
            place.uses += 1;
        }
        Self { process: self.process, open: Arc::clone(&self.open), turn: None }
    }

    pub(crate) fn is_here(&self) -> bool {
        self.process.is_current()
    }
}

impl Deref for Use {
    type Target = Open;

    fn deref(&self) -> &Open {
        &self.open
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        if !self.is_here() {
            // The parent's: nothing of it is taken apart. Closing a file would even undo this process's locks.
            std::mem::forget(Arc::clone(&self.open));
            return;
        }
        if self.give_back() {
            return;
        }
        // Closing the file gives this process's locks on it back, also those of a second opening.
        self.turn = Some(files().turn.wait());
        if !self.give_back() {
            places().retain(|place| !Arc::ptr_eq(&place.open, &self.open));
            self.open.file.close();
            // A use that another thread gives back at this moment may still have it for an instant.
            while Arc::strong_count(&self.open) > 1 {
                std::thread::yield_now();
            }
        }
    }
}
