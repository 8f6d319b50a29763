use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use pyo3::prelude::*;
use rustix::fs::fstat;
use rustix::net::{Shutdown, SocketAddrAny, getpeername, getsockname, shutdown};

use crate::error::{Result, entry};

/// The sockets that this process listens on: of each the descriptor, the number of the socket, and the port or the
/// path.
#[pyfunction]
pub fn listening_sockets(py: Python<'_>) -> Result<Vec<(RawFd, u64, Py<PyAny>)>> {
    entry(|| {
        let mut found = Vec::new();
        for descriptor in descriptors() {
            let Some(socket) = borrow(descriptor) else { continue };
            if !is_listening(socket) {
                continue;
            }
            if let (Ok(address), Ok(number)) = (getsockname(socket), inode(descriptor)) {
                found.push((descriptor, number, place(py, address)?));
            }
        }
        Ok(found)
    })
}

#[cfg(not(target_vendor = "apple"))]
fn is_listening(socket: BorrowedFd<'_>) -> bool {
    rustix::net::sockopt::socket_acceptconn(socket).unwrap_or(false)
}

/// Apple's systems have the question, and no answer to it. A stream that has a place and no peer is one that listens, or
/// is about to.
#[cfg(target_vendor = "apple")]
fn is_listening(socket: BorrowedFd<'_>) -> bool {
    let is_stream = matches!(rustix::net::sockopt::socket_type(socket), Ok(rustix::net::SocketType::STREAM));
    let has_no_peer = matches!(getpeername(socket), Err(rustix::io::Errno::NOTCONN));
    is_stream && has_no_peer && getsockname(socket).is_ok_and(|address| has_place(address))
}

/// Whether a socket was bound.
#[cfg(target_vendor = "apple")]
fn has_place(address: SocketAddrAny) -> bool {
    match std::net::SocketAddr::try_from(address.clone()) {
        Ok(address) => address.port() != 0,
        Err(_) => rustix::net::SocketAddrUnix::try_from(address).is_ok_and(|unix| unix.path().is_some()),
    }
}

/// The number of the socket, or file, that a descriptor is of; None if it is closed.
#[pyfunction]
pub fn inode_of(descriptor: RawFd) -> Option<u64> {
    inode(descriptor).ok()
}

/// Ends the connection of this process between a local port and a peer, whichever server holds it. Returns whether there is one.
#[pyfunction]
pub fn shut_down_connection(py: Python<'_>, port: u16, peer: (String, u16)) -> bool {
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
