use ssecast_client::{Cause, Loss};

use crate::error::{Failure, ssecast_result};
use crate::slice::ssecast_slice;
use crate::versioned::Versioned;

use ssecast_cause::*;
use ssecast_next::*;

/// What the program does next.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_next {
    /// Read the response's body, and feed it to the source.
    SSECAST_NEXT_READ = 1,
    /// Give the response up, and send the next request at once: it was redirected.
    SSECAST_NEXT_REDIRECT = 2,
    /// Give the response up, wait for `wait_ms`, and send the next request.
    SSECAST_NEXT_WAIT = 3,
    /// Give the response up: the source is closed, and there is no next request.
    SSECAST_NEXT_CLOSED = 4,
}

/// Why a source has no connection, or no longer one.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_cause {
    /// Nothing is lost; or the source was closed by the program.
    SSECAST_CAUSE_NONE = 0,
    /// The response's status is not 200.
    SSECAST_CAUSE_STATUS = 1,
    /// The response is not an event stream.
    SSECAST_CAUSE_CONTENT_TYPE = 2,
    /// The connection could not be made, or was cut.
    SSECAST_CAUSE_NETWORK = 3,
    /// The response came to its end.
    SSECAST_CAUSE_ENDED = 4,
    /// An event was larger than `max_event_bytes`.
    SSECAST_CAUSE_TOO_LARGE = 5,
    /// Nothing came for `idle_ms`.
    SSECAST_CAUSE_IDLE = 6,
}

/// What is next, and why.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_source_step {
    /// `sizeof(ssecast_source_step)`: set it before the call.
    pub size: usize,
    /// An `ssecast_next`.
    pub next: u32,
    /// An `ssecast_cause`: why the connection is lost.
    pub cause: u32,
    /// How long to wait before the next request, in milliseconds.
    pub wait_ms: u64,
    /// The cause as a sentence; left out if there is none. Valid until the next call for the source.
    pub message: ssecast_slice,
}

// SAFETY: integers and a slice, none of them with a gap before it.
unsafe impl Versioned for ssecast_source_step {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            next: SSECAST_NEXT_READ as u32,
            cause: SSECAST_CAUSE_NONE as u32,
            wait_ms: 0,
            message: ssecast_slice::NONE,
        }
    }
}

impl ssecast_source_step {
    pub(crate) fn to(next: ssecast_next) -> Self {
        Self { next: next as u32, ..Self::defaults() }
    }

    /// The message must outlive the step.
    pub(crate) fn lost(loss: &Loss, message: &str) -> Self {
        let cause = match loss.cause {
            Cause::Status(_) => SSECAST_CAUSE_STATUS,
            Cause::ContentType(_) => SSECAST_CAUSE_CONTENT_TYPE,
            Cause::Ended => SSECAST_CAUSE_ENDED,
            Cause::TooLarge => SSECAST_CAUSE_TOO_LARGE,
            Cause::Idle => SSECAST_CAUSE_IDLE,
            _ => SSECAST_CAUSE_NETWORK,
        };
        // Rounded up: a request must not be too early.
        let wait = loss.retry_in.map(|wait| wait.as_nanos().div_ceil(1_000_000));
        Self {
            cause: cause as u32,
            wait_ms: wait.unwrap_or_default().try_into().unwrap_or(u64::MAX),
            message: ssecast_slice::new(message.as_bytes()),
            ..Self::to(if wait.is_some() { SSECAST_NEXT_WAIT } else { SSECAST_NEXT_CLOSED })
        }
    }
}

/// The cause that a program gives for a loss, which the others say by themselves.
pub(crate) fn cause(number: u32, problem: &str) -> Result<Cause, Failure> {
    let is = |cause: ssecast_cause| number == cause as u32;
    if is(SSECAST_CAUSE_NETWORK) {
        let known = if problem.is_empty() { "it could not be made, or was cut" } else { problem };
        return Ok(Cause::Network(known.into()));
    }
    if is(SSECAST_CAUSE_ENDED) {
        return Ok(Cause::Ended);
    }
    if is(SSECAST_CAUSE_IDLE) {
        return Ok(Cause::Idle);
    }
    let problem =
        format!("must be SSECAST_CAUSE_NETWORK, SSECAST_CAUSE_ENDED or SSECAST_CAUSE_IDLE, not {number}");
    Err(Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "cause", problem))
}
