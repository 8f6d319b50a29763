use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;
use ssecast_hub::{Config, Policy};

/// How often a silent peer is asked before its time is over.
const QUESTIONS: u32 = 3;

/// How much later than the hub the system gives up a peer: a client that takes nothing is ended, and counted, by the hub.
const MARGIN: Duration = Duration::from_secs(5);

/// How long a TCP peer that does not answer counts as connected, as the system enforces it: by the time of the slow
/// client. Without it a client whose network vanished takes a quarter of an hour: the system takes what is written to
/// it, and sends that again and again.
///
/// The options belong to the connection, and so to every descriptor of it: what they were is kept, for the host that
/// goes on with the connection. A socket that is not TCP's has none of them, and no peer that can vanish either.
#[derive(Clone, Copy, Debug)]
pub struct PeerTimeout {
    /// `TCP_USER_TIMEOUT` before, if it was changed.
    user_timeout: Option<u32>,
    keep_alive: Option<KeepAlive>,
}

#[derive(Clone, Copy, Debug)]
struct KeepAlive {
    on: bool,
    /// In seconds.
    idle: u32,
    interval: u32,
    count: u32,
}

impl PeerTimeout {
    /// Sets the options of a connection by a hub's, as far as the system has them.
    ///
    /// The system also gives up a peer that answers but has no room for so long. That is what the policy to disconnect
    /// says, too, and the hub must be the one that says it: so the system has some seconds more. One that skips keeps
    /// such a client: there the engine asks about the peer itself.
    pub fn set(socket: impl AsFd, config: &Config) -> Self {
        let time = config.slow_client.time;
        let socket = socket.as_fd();
        let user_timeout = match config.slow_client.policy {
            Policy::Disconnect => set_user_timeout(&socket, time.saturating_add(MARGIN)),
            _ => None,
        };
        // A heartbeat is a question as well: something waits for the peer's answer then.
        let asks = config.heartbeat.is_some_and(|heartbeat| heartbeat <= time);
        let keep_alive = if asks { None } else { KeepAlive::set(&socket, time) };
        Self { user_timeout, keep_alive }
    }

    /// Sets the options back to what they were.
    pub fn restore(self, socket: impl AsFd) {
        // The connection may be gone, and then so are its options.
        if let Some(before) = self.user_timeout {
            let _ = restore_user_timeout(&socket, before);
        }
        if let Some(before) = self.keep_alive {
            let _ = before.apply(&socket);
        }
    }
}

impl KeepAlive {
    fn set(socket: &impl AsFd, time: Duration) -> Option<Self> {
        let before = Self::of(socket).ok()?;
        let seconds =
            |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX).clamp(1, MOST_SECONDS);
        let mine = Self {
            on: true,
            idle: seconds(time / 2),
            interval: seconds(time / (2 * QUESTIONS)),
            count: QUESTIONS,
        };
        mine.apply(socket).ok()?;
        Some(before)
    }

    fn of(socket: &impl AsFd) -> rustix::io::Result<Self> {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(MOST_SECONDS);
        Ok(Self {
            on: sockopt::socket_keepalive(socket)?,
            idle: seconds(sockopt::tcp_keepidle(socket)?),
            interval: seconds(sockopt::tcp_keepintvl(socket)?),
            count: sockopt::tcp_keepcnt(socket)?,
        })
    }

    fn apply(self, socket: &impl AsFd) -> rustix::io::Result<()> {
        sockopt::set_tcp_keepidle(socket, Duration::from_secs(self.idle.into()))?;
        sockopt::set_tcp_keepintvl(socket, Duration::from_secs(self.interval.into()))?;
        sockopt::set_tcp_keepcnt(socket, self.count)?;
        sockopt::set_socket_keepalive(socket, self.on)
    }
}

/// The most that Linux takes for the times of keep-alive.
const MOST_SECONDS: u32 = 32_767;

/// Returns what it was, if it was changed.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_user_timeout(socket: &impl AsFd, time: Duration) -> Option<u32> {
    let before = sockopt::tcp_user_timeout(socket).ok()?;
    let time = u32::try_from(time.as_millis()).unwrap_or(u32::MAX).min(i32::MAX.cast_unsigned());
    // A host that is stricter stays so.
    if before != 0 && before <= time {
        return None;
    }
    sockopt::set_tcp_user_timeout(socket, time).ok()?;
    Some(before)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn restore_user_timeout(socket: &impl AsFd, before: u32) -> rustix::io::Result<()> {
    sockopt::set_tcp_user_timeout(socket, before)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_user_timeout(_: &impl AsFd, _: Duration) -> Option<u32> {
    None
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn restore_user_timeout(_: &impl AsFd, _: u32) -> rustix::io::Result<()> {
    Ok(())
}
