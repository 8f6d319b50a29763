//! The system calls that no safe crate has: the only unsafe code of this crate.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
use std::mem::MaybeUninit;

/// Makes the calling thread one that the system counts as working in the background: it gets its share of the
/// processor as before, but waking it does not interrupt the thread that woke it.
///
/// Otherwise `publish()` on a busy machine returns only after the engine's thread has had its turn: measured on two
/// cores with a thousand connections, 178 µs on average, and 3 µs with this.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn work_in_the_background() {
    let priority: libc::c_int = 0;
    // The system call itself: musl's function of that name answers ENOSYS and does nothing.
    // SAFETY: the system reads the one number that its `sched_param` is, from a local variable. Zero names the calling
    // thread. A system that refuses leaves everything as it was, and so it costs time and nothing else.
    unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_BATCH, &raw const priority);
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn work_in_the_background() {}

/// Whether this side of a TCP connection has said its last, by a `shutdown` of any descriptor of it.
#[cfg(target_os = "linux")]
pub(crate) fn is_shut_down(socket: std::os::fd::BorrowedFd<'_>) -> bool {
    // FIN_WAIT1, FIN_WAIT2, LAST_ACK and CLOSING.
    tcp_info(socket).is_some_and(|info| matches!(info.tcpi_state, 4 | 5 | 9 | 11))
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn is_shut_down(_: std::os::fd::BorrowedFd<'_>) -> bool {
    false
}

/// How long the peer of a TCP connection has not answered, while the system asks it again and again: what it was sent
/// is not acknowledged, nor are the questions whether it has room. `None` for one that answers.
#[cfg(target_os = "linux")]
pub(crate) fn unanswered(socket: std::os::fd::BorrowedFd<'_>) -> Option<std::time::Duration> {
    let info = tcp_info(socket)?;
    // One question may be on its way to a peer that answers.
    let asked = info.tcpi_probes > 1 || info.tcpi_retransmits > 1;
    asked.then(|| std::time::Duration::from_millis(info.tcpi_last_ack_recv.into()))
}

#[cfg(target_os = "linux")]
fn tcp_info(socket: std::os::fd::BorrowedFd<'_>) -> Option<libc::tcp_info> {
    use std::os::fd::AsRawFd;
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the system writes at most `length` bytes, which are there; what it does not write is zero, which every
    // field may be.
    unsafe {
        let done = libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        );
        (done == 0).then(|| info.assume_init())
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn unanswered(_: std::os::fd::BorrowedFd<'_>) -> Option<std::time::Duration> {
    None
}

/// How many bytes that have not left yet the system takes for a TCP connection; zero is its own limit. `None` where sending
/// heeds no such limit.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn unsent_limit(socket: std::os::fd::BorrowedFd<'_>) -> Option<u32> {
    use std::os::fd::AsRawFd;
    let mut bytes: u32 = 0;
    let mut length = size_of::<u32>() as libc::socklen_t;
    // SAFETY: the system writes at most `length` bytes, which are those of a number that may have any value.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NOTSENT_LOWAT,
            (&raw mut bytes).cast(),
            &raw mut length,
        )
    };
    (done == 0).then_some(bytes)
}

/// Sets what [`unsent_limit`] says. Returns whether that was done.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set_unsent_limit(socket: std::os::fd::BorrowedFd<'_>, bytes: u32) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: the system reads the number, from a local variable of the length that it is told.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NOTSENT_LOWAT,
            (&raw const bytes).cast(),
            size_of::<u32>() as libc::socklen_t,
        )
    };
    done == 0
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn unsent_limit(_: std::os::fd::BorrowedFd<'_>) -> Option<u32> {
    None
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn set_unsent_limit(_: std::os::fd::BorrowedFd<'_>, _: u32) -> bool {
    false
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    #[test]
    fn a_thread_that_works_in_the_background_is_one_for_the_system() {
        let policy = std::thread::spawn(|| {
            super::work_in_the_background();
            // SAFETY: the call reads no memory; zero names the calling thread.
            unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) }
        });
        assert_eq!(policy.join().expect("it does not panic"), libc::SCHED_BATCH.into());
    }
}
