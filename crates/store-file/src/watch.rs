use std::fmt;
use std::sync::Arc;

use ssecast_hub::{Error, Wake, Watch};

use crate::failure::unavailable;
use crate::registry::Use;

/// Has its owner told of what others append. The first one of a process starts a thread, which ends with the last.
pub(crate) struct FileWatch {
    used: Use,
    number: u64,
}

impl FileWatch {
    pub(crate) fn new(used: &Use, handle: u64, wake: Arc<dyn Wake>) -> Result<Self, Error> {
        let mut state = used.watchers.state();
        if !state.has_thread {
            let used = used.again();
            used.file.slots.set_watched(used.file.slot, true);
            let thread = ssecast_hub::spawn("ssecast-store", move || run(&used));
            thread.map_err(|error| {
                unavailable(format!("could not start the thread that watches it: {error}"))
            })?;
            state.has_thread = true;
        }
        let number = state.add(handle, wake);
        drop(state);
        Ok(Self { used: used.again(), number })
    }
}

/// Sleeps until the process is told, then tells the watchers.
fn run(used: &Use) {
    loop {
        used.file.slots.wait(used.file.slot);
        if !used.watchers.tell() {
            return;
        }
    }
}

impl Watch for FileWatch {}

impl Drop for FileWatch {
    fn drop(&mut self) {
        if self.used.is_here() && self.used.watchers.remove(self.number) {
            self.used.file.slots.tell(self.used.file.slot);
        }
    }
}

impl fmt::Debug for FileWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWatch").field("number", &self.number).finish_non_exhaustive()
    }
}
