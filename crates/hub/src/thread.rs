//! The threads of the library.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
#[cfg(unix)]
use std::mem::MaybeUninit;
#[cfg(unix)]
use std::ptr;
use std::thread::{Builder, JoinHandle};

thread_local! {
    static OF_THE_LIBRARY: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one of the library's: then this is a call into the host, and what waits for the library
/// would wait for itself.
#[must_use]
pub fn is_engine_thread() -> bool {
    OF_THE_LIBRARY.get()
}

fn of_the_library(run: impl FnOnce()) -> impl FnOnce() {
    || {
        OF_THE_LIBRARY.set(true);
        run();
    }
}

/// The signals of a thread's own faults. They are never blocked: a host's callback that runs on the thread may need them,
/// as a virtual machine does, and a fault that is blocked ends the process without a word.
#[cfg(unix)]
const FAULTS: [libc::c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];

/// Starts a thread of the library's. No signal of the process is ever delivered to it: they are the host's, whose own
/// threads take them. So a handler never runs on a thread that the host knows nothing of, and a host that waits for a
/// signal in a thread of its own gets it.
///
/// # Errors
/// The system has no room for a thread.
#[cfg(unix)]
pub fn spawn(name: impl Into<String>, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointers are those of local variables, of which the first is filled in before it is read. A thread is
    // born with the mask of the one that starts it: so no signal can be delivered to it before its own first step.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for fault in FAULTS {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let thread = Builder::new().name(name.into()).spawn(of_the_library(run));
    if blocked {
        // SAFETY: the mask was filled in by the call from above; it is the calling thread's own again.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
    thread
}

/// Starts a thread of the library's.
///
/// # Errors
/// The system has no room for a thread.
#[cfg(not(unix))]
pub fn spawn(name: impl Into<String>, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.into()).spawn(of_the_library(run))
}
