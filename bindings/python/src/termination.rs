use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pyo3::prelude::*;

/// How often this process was sent SIGTERM since it was first asked.
static TERMINATIONS: AtomicU32 = AtomicU32::new(0);

/// What the signal did before, of which there is always one once [`count`] is installed. Never freed: the signal may
/// come in any moment.
static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// How often this process was asked to end by SIGTERM, as far as it handles that signal. The handler is called as
/// before: this only counts. A process that leaves the signal to the system, or ignores it, goes on doing so.
#[pyfunction]
pub fn terminations() -> u32 {
    install();
    TERMINATIONS.load(Ordering::Relaxed)
}

/// Puts [`count`] in front of the process' own handler, or does so again when that was set anew. The interpreter, which
/// this thread is attached to, lets no other thread change a handler meanwhile.
fn install() {
    // SAFETY: an all-zero `sigaction` is a valid one.
    let mut current: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: the pointers are valid, and with no new action none is installed.
    if unsafe { libc::sigaction(libc::SIGTERM, ptr::null(), &raw mut current) } != 0 {
        return;
    }
    let handler = current.sa_sigaction;
    if handler == count as *const () as usize || handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        return;
    }
    // SAFETY: it is null or was leaked here, and is never changed.
    if let Some(previous) = unsafe { PREVIOUS.load(Ordering::Acquire).as_ref() }
        && previous.sa_sigaction != handler
    {
        // Another library's, set later, may call this one: calling it from here could go round for ever.
        return;
    }
    let mut action = current;
    action.sa_sigaction = count as *const () as usize;
    action.sa_flags |= libc::SA_SIGINFO;
    PREVIOUS.store(Box::leak(Box::new(current)), Ordering::Release);
    // SAFETY: `count` has the signature that SA_SIGINFO asks for, and does only what a signal handler may.
    unsafe { libc::sigaction(libc::SIGTERM, &raw const action, ptr::null_mut()) };
}

extern "C" fn count(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    TERMINATIONS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: it was leaked before this handler was installed, and is never changed.
    let Some(previous) = (unsafe { PREVIOUS.load(Ordering::Acquire).as_ref() }) else { return };
    if previous.sa_flags & libc::SA_SIGINFO == 0 {
        // SAFETY: a handler that is neither SIG_DFL nor SIG_IGN, installed without SA_SIGINFO, has this signature.
        let handler: extern "C" fn(libc::c_int) = unsafe { mem::transmute(previous.sa_sigaction) };
        handler(signal);
    } else {
        // SAFETY: with SA_SIGINFO it has this one.
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
            unsafe { mem::transmute(previous.sa_sigaction) };
        handler(signal, info, context);
    }
}
