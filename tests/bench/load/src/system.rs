use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::process::{Resource, Rlimit};
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the clock that every process of the machine shares.
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The processor time of this process.
#[must_use]
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Allows as many descriptors as the system lets this process have.
pub fn raise_descriptor_limit() {
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    // Without it some clients can't connect, which is told.
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Listens on a port of its own, with room for as many connections that wait as Node has.
///
/// # Errors
/// Those of the system.
pub fn listen() -> io::Result<TcpListener> {
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    rustix::net::listen(&listener, 511)?;
    Ok(listener.into())
}
