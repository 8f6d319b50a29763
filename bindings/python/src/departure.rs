use std::fs;
use std::io;
use std::mem;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pyo3::prelude::*;
use rustix::fs::fstat;
use rustix::net::sockopt::socket_acceptconn;
use rustix::net::{Shutdown, SocketAddrAny, getpeername, getsockname, shutdown};

use crate::error::{Result, entry};

/// How often this process was sent SIGTERM since it was first asked.
static TERMINATIONS: AtomicU32 = AtomicU32::new(0);

/// What the signal did before, of which there is always one once [`hear`] is installed. Never freed: the signal may
/// come in any moment.
static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// How often this process was asked to end by SIGTERM, as far as it handles that signal. The handler is called as
/// before: this only counts. A process that leaves the signal to the system, or ignores it, goes on doing so.
#[pyfunction]
pub fn terminations() -> u32 {
    listen();
    TERMINATIONS.load(Ordering::Relaxed)
}

/// Puts [`hear`] in front of the process' own handler, or does so again when that was set anew. The interpreter, which
/// this thread is attached to, lets nobody else change a handler meanwhile.
fn listen() {
    // SAFETY: an all-zero `sigaction` is a valid one.
    let mut current: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: the pointers are valid, and with no new action none is installed.
    if unsafe { libc::sigaction(libc::SIGTERM, ptr::null(), &raw mut current) } != 0 {
        return;
    }
    let handler = current.sa_sigaction;
    if handler == hear as *const () as usize || handler == libc::SIG_DFL || handler == libc::SIG_IGN {
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
    action.sa_sigaction = hear as *const () as usize;
    action.sa_flags |= libc::SA_SIGINFO;
    PREVIOUS.store(Box::leak(Box::new(current)), Ordering::Release);
    // SAFETY: `hear` has the signature that SA_SIGINFO asks for, and does only what a signal handler may.
    unsafe { libc::sigaction(libc::SIGTERM, &raw const action, ptr::null_mut()) };
}

extern "C" fn hear(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
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

/// The sockets that this process listens at: of each the descriptor, the number of the socket, and the port or the
/// path.
#[pyfunction]
pub fn listening_sockets(py: Python<'_>) -> Result<Vec<(RawFd, u64, Py<PyAny>)>> {
    entry(|| {
        let mut found = Vec::new();
        for descriptor in descriptors() {
            let Some(socket) = borrow(descriptor) else { continue };
            if !socket_acceptconn(socket).unwrap_or(false) {
                continue;
            }
            if let (Ok(address), Ok(number)) = (getsockname(socket), inode(descriptor)) {
                found.push((descriptor, number, place(py, address)?));
            }
        }
        Ok(found)
    })
}

/// The number of the socket, or file, that a descriptor is of; None if it is closed.
#[pyfunction]
pub fn inode_of(descriptor: RawFd) -> Option<u64> {
    inode(descriptor).ok()
}

/// Ends the connection of this process between a local port and a peer, whoever has it. Returns whether there is one.
#[pyfunction]
pub fn shut_down(py: Python<'_>, port: u16, peer: (String, u16)) -> bool {
    let Ok(ip) = peer.0.parse() else { return false };
    let peer = std::net::SocketAddr::new(ip, peer.1);
    py.detach(|| {
        descriptors().filter_map(borrow).any(|socket| {
            let is = |address: SocketAddrAny| std::net::SocketAddr::try_from(address).ok();
            getpeername(socket).ok().flatten().and_then(is) == Some(peer)
                && getsockname(socket).ok().and_then(is).is_some_and(|local| local.port() == port)
                && shutdown(socket, Shutdown::Both).is_ok()
        })
    })
}

/// This process' open descriptors.
fn descriptors() -> impl Iterator<Item = RawFd> {
    let entries = fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Borrows a descriptor for a question to the system, or for its end.
fn borrow<'a>(descriptor: RawFd) -> Option<BorrowedFd<'a>> {
    // SAFETY: the descriptor was open just now. If another thread has closed it since, the system says so, or answers
    // for the socket that has the number now, which is then checked like any other.
    (descriptor >= 0).then(|| unsafe { BorrowedFd::borrow_raw(descriptor) })
}

fn inode(descriptor: RawFd) -> io::Result<u64> {
    let descriptor = borrow(descriptor).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(fstat(descriptor)?.st_ino)
}

fn place(py: Python<'_>, address: SocketAddrAny) -> PyResult<Py<PyAny>> {
    if let Ok(address) = std::net::SocketAddr::try_from(address.clone()) {
        return Ok(address.port().into_pyobject(py)?.into_any().unbind());
    }
    let path = rustix::net::SocketAddrUnix::try_from(address).ok();
    let path = path.and_then(|address| Some(address.path()?.to_string_lossy().into_owned()));
    Ok(path.into_pyobject(py)?.into_any().unbind())
}
