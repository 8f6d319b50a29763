use ssecast::Reason;

use crate::error::{Failure, ssecast_result};

use ssecast_reason::*;

/// Why a connection ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_reason {
    /// The client went away.
    SSECAST_REASON_CLIENT = 0,
    /// The server ended this one connection.
    SSECAST_REASON_SERVER = 1,
    /// The hub was closed.
    SSECAST_REASON_SHUTDOWN = 2,
    /// The client was too slow, and the policy is to disconnect.
    SSECAST_REASON_LAGGED = 3,
    /// Something on the server failed.
    SSECAST_REASON_ERROR = 4,
}

impl From<Reason> for ssecast_reason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Client => SSECAST_REASON_CLIENT,
            Reason::Server => SSECAST_REASON_SERVER,
            Reason::Shutdown => SSECAST_REASON_SHUTDOWN,
            Reason::Lagged => SSECAST_REASON_LAGGED,
            _ => SSECAST_REASON_ERROR,
        }
    }
}

/// A reason that a caller may end a connection for.
pub(crate) fn host_reason(number: u32) -> Result<Reason, Failure> {
    [Reason::Client, Reason::Server, Reason::Error]
        .into_iter()
        .find(|reason| ssecast_reason::from(*reason) as u32 == number)
        .ok_or_else(|| {
            let problem = format!("must be that of the client, the server or an error, and is {number}");
            Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "reason", problem)
        })
}
