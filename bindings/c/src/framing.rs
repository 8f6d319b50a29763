use ssecast::Framing;

use crate::error::{Failure, ssecast_result};

use ssecast_framing::*;

/// How a stream is framed on the wire.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ssecast_framing {
    /// What the configuration says is its default.
    SSECAST_FRAMING_DEFAULT = 0,
    /// HTTP/1.1's chunked transfer coding. The last chunk, `0\r\n\r\n`, is the caller's to write, after the end.
    SSECAST_FRAMING_CHUNKED = 1,
    /// As it is: the end of the connection ends the body, or the caller frames it.
    SSECAST_FRAMING_RAW = 2,
}

/// Reads a framing of the caller's.
pub(crate) fn framing(number: u32, default: Framing) -> Result<Framing, Failure> {
    match number {
        number if number == SSECAST_FRAMING_DEFAULT as u32 => Ok(default),
        number if number == SSECAST_FRAMING_CHUNKED as u32 => Ok(Framing::Chunked),
        number if number == SSECAST_FRAMING_RAW as u32 => Ok(Framing::Raw),
        other => {
            let problem = format!("must be an ssecast_framing, and is {other}");
            Err(Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "framing", problem))
        }
    }
}
