//! Locks on single bytes of a file, which a process has, and which the system takes back when it ends.
//!
//! Of the locks that a file can have, these alone are right here: a child does not inherit them, so that one which outlives
//! its parent keeps nothing locked. They have two traps. Threads of one process don't exclude each other, which is
//! what [`Turn`](crate::turn::Turn) is for; and closing any descriptor of the file gives all of them back, so that a process
//! opens the file once ([`registry`](crate::registry)).
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Locks a byte, unless another process has it. Returns whether it did.
pub(crate) fn try_lock(file: &File, byte: u32) -> io::Result<bool> {
    match call(file, libc::F_SETLK, libc::F_WRLCK as _, byte) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::EACCES | libc::EAGAIN | libc::EINTR) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Unlocks a byte.
pub(crate) fn unlock(file: &File, byte: u32) {
    // It can't fail for a lock of this process's; if it did, the lock would end with the process.
    let _ = call(file, libc::F_SETLK, libc::F_UNLCK as _, byte);
}

/// Whether another process has a byte locked.
pub(crate) fn is_locked(file: &File, byte: u32) -> io::Result<bool> {
    Ok(call(file, libc::F_GETLK, libc::F_WRLCK as _, byte)?.l_type != libc::F_UNLCK as libc::c_short)
}

/// The process that has a byte locked, by its number in this process's PID namespace, if it has one there.
pub(crate) fn owner(file: &File, byte: u32) -> Option<i32> {
    let lock = call(file, libc::F_GETLK, libc::F_WRLCK as _, byte).ok()?;
    (lock.l_type != libc::F_UNLCK as libc::c_short && lock.l_pid > 0).then_some(lock.l_pid)
}

fn call(file: &File, command: libc::c_int, kind: libc::c_short, byte: u32) -> io::Result<libc::flock> {
    // SAFETY: a structure of numbers, which may all be zero.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind;
    lock.l_whence = libc::SEEK_SET as _;
    lock.l_start = byte.into();
    lock.l_len = 1;
    // SAFETY: the descriptor is open, and the structure is read and written during the call.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(lock),
    }
}
