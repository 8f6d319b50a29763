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
use crate::options::Durability;
use crate::watchers::Watchers;

static OPEN: PerProcess<Mutex<Vec<Place>>> = PerProcess::new();

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
}

fn places() -> MutexGuard<'static, Vec<Place>> {
    OPEN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Use {
    /// Opens the store in a folder, or uses what is open.
    pub(crate) fn new(path: &Path, durability: Durability, deadline: Instant) -> Result<Self, Error> {
        // Locked while it is opened, so that it is opened once.
        let mut places = places();
        let folder = Folder::open(path)?;
        let identity = folder.identity()?;
        let found =
            places.iter_mut().find(|place| place.identity == identity && !place.open.file.is_removed());
        if let Some(place) = found {
            if place.durability != durability {
                let problem =
                    format!("is another one than that of a hub in this process: {:?}", place.durability);
                return Err(Error::new(ErrorKind::InvalidOption, "durability", problem));
            }
            place.uses += 1;
            return Ok(Self { process: Process::current(), open: Arc::clone(&place.open) });
        }
        let file = LogFile::open(folder, durability, deadline)?;
        let open = Arc::new(Open { file, watchers: Watchers::default() });
        places.push(Place { identity, durability, open: Arc::clone(&open), uses: 1 });
        Ok(Self { process: Process::current(), open })
    }

    /// Another use of the same file.
    pub(crate) fn again(&self) -> Self {
        if let Some(place) = places().iter_mut().find(|place| Arc::ptr_eq(&place.open, &self.open)) {
            place.uses += 1;
        }
        Self { process: self.process, open: Arc::clone(&self.open) }
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
        // Locked while it is closed: closing the file gives this process's locks on it back, also those of a second opening.
        let mut places = places();
        let Some(index) = places.iter().position(|place| Arc::ptr_eq(&place.open, &self.open)) else {
            return;
        };
        places[index].uses -= 1;
        if places[index].uses == 0 {
            let place = places.swap_remove(index);
            place.open.file.close();
        }
    }
}
