use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ssecast_hub::process::PerProcess;
use ssecast_hub::{Error, Replica, Store, Wake, Watch};

use crate::options::Durability;
use crate::registry::Use;
use crate::watch::FileWatch;

static LAST_HANDLE: AtomicU64 = AtomicU64::new(0);

/// A [`Store`] in a folder. Nothing is opened before the first use, and each process opens it for itself.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    durability: Durability,
    handle: u64,
    here: PerProcess<Mutex<Option<Arc<Use>>>>,
}

impl FileStore {
    /// The store in a folder, which is made when it is not there.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let handle = LAST_HANDLE.fetch_add(1, Ordering::Relaxed);
        Self { path: path.into(), durability: Durability::default(), handle, here: PerProcess::new() }
    }

    /// The same with another durability. All processes have to give the same.
    #[must_use]
    pub fn with_durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    fn here(&self) -> MutexGuard<'_, Option<Arc<Use>>> {
        self.here.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open file of this process.
    fn used(&self, deadline: Instant) -> Result<Arc<Use>, Error> {
        if let Some(used) = &*self.here() {
            return Ok(Arc::clone(used));
        }
        let used = Arc::new(Use::new(&self.path, self.durability, deadline)?);
        // Another thread may have been faster.
        let first = Arc::clone(self.here().get_or_insert_with(|| Arc::clone(&used)));
        Ok(first)
    }

    /// Uses the file, or the one that is in its place if it was removed.
    fn using<T>(
        &self,
        deadline: Instant,
        mut body: impl FnMut(&Use) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let used = self.used(deadline)?;
        let result = body(&used);
        if result.is_ok() || !used.file.is_removed() {
            return result;
        }
        let stale = self.here().take_if(|open| Arc::ptr_eq(open, &used));
        drop((stale, used));
        body(&*self.used(deadline)?)
    }
}

impl Store for FileStore {
    fn append(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        self.using(deadline, |used| {
            if used.file.append(replica, deadline)? == 0 {
                return Ok(());
            }
            used.file.slots.tell_others(used.file.slot);
            if used.watchers.has_others(self.handle) {
                used.file.slots.tell(used.file.slot);
            }
            Ok(())
        })
    }

    fn catch_up(&self, replica: &mut dyn Replica, deadline: Instant) -> Result<(), Error> {
        self.using(deadline, |used| used.file.catch_up(replica, deadline))
    }

    fn watch(&self, wake: Arc<dyn Wake>, deadline: Instant) -> Result<Box<dyn Watch>, Error> {
        self.using(deadline, |used| {
            Ok(Box::new(FileWatch::new(used, self.handle, Arc::clone(&wake))?) as Box<dyn Watch>)
        })
    }
}
