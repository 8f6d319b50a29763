//! How a thread sleeps on a word that processes share.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use futex::Sleep;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use pipe::Sleep;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod futex {
    use std::path::Path;
    use std::sync::atomic::AtomicU32;

    use rustix::thread::futex::{self, Flags};

    /// By the system call that is made for it.
    #[derive(Debug)]
    pub(crate) struct Sleep;

    #[allow(clippy::unused_self, reason = "pipes need it")]
    impl Sleep {
        pub(crate) fn new(_folder: &Path) -> Self {
            Self
        }

        /// Sleeps while the word has this value; it may return before.
        pub(crate) fn until_not(&self, _slot: u32, word: &AtomicU32, value: u32) {
            // Another value and a signal are no errors: the caller looks again.
            let _ = futex::wait(word, Flags::empty(), value, None);
        }

        pub(crate) fn wake(&self, _slot: u32, word: &AtomicU32) {
            let _ = futex::wake(word, Flags::empty(), 1);
        }
    }
}

/// For systems whose sleep on a word stays inside one process. It is built and tested on Linux too.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
#[cfg_attr(any(target_os = "linux", target_os = "android"), allow(dead_code))]
mod pipe {
    use std::collections::HashMap;
    use std::ffi::CString;
    use std::fs::{File, OpenOptions};
    use std::io::{Read, Write};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;

    /// By one named pipe for each process: who wakes it writes a byte.
    #[derive(Debug)]
    pub(crate) struct Sleep {
        folder: PathBuf,
        open: Mutex<HashMap<u32, Arc<File>>>,
    }

    impl Sleep {
        pub(crate) fn new(folder: &Path) -> Self {
            Self { folder: folder.into(), open: Mutex::default() }
        }

        /// The pipe of a slot. It is open in both directions: neither opening nor writing ever waits for another process.
        #[allow(unsafe_code)]
        fn pipe(&self, slot: u32) -> Option<Arc<File>> {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(pipe) = open.get(&slot) {
                return Some(Arc::clone(pipe));
            }
            let path = self.folder.join(format!("wake.{slot}"));
            let name = CString::new(path.as_os_str().as_bytes()).ok()?;
            // SAFETY: the path ends with a zero byte. A pipe that is there already is the one to take.
            unsafe { libc::mkfifo(name.as_ptr(), 0o660) };
            let pipe =
                OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
            let pipe = Arc::new(pipe);
            open.insert(slot, Arc::clone(&pipe));
            Some(pipe)
        }

        #[allow(unsafe_code)]
        pub(crate) fn until_not(&self, slot: u32, word: &AtomicU32, value: u32) {
            use std::os::fd::AsRawFd;
            let Some(pipe) = self.pipe(slot) else {
                // Late, but not never.
                return std::thread::sleep(Duration::from_millis(100));
            };
            if word.load(Ordering::SeqCst) != value {
                return;
            }
            let mut ready = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one descriptor, which is open during the call.
            unsafe { libc::poll(&raw mut ready, 1, -1) };
            let _ = (&*pipe).read(&mut [0; 64]);
        }

        pub(crate) fn wake(&self, slot: u32, _word: &AtomicU32) {
            if let Some(pipe) = self.pipe(slot) {
                // A full pipe wakes as well.
                let _ = (&*pipe).write(&[0]);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_thread_that_sleeps_at_a_pipe_is_woken_through_another_descriptor_of_it() {
            let folder = tempfile::tempdir().unwrap();
            let (sleeper, waker) = (Sleep::new(folder.path()), Sleep::new(folder.path()));
            let word = AtomicU32::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while word.load(Ordering::SeqCst) == 2 {
                        sleeper.until_not(7, &word, 2);
                    }
                });
                word.store(3, Ordering::SeqCst);
                waker.wake(7, &word);
            });
        }
    }
}
