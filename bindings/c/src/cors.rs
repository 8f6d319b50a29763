use std::ffi::c_char;
use std::time::Duration;

use ssecast::{Cors, Error, ErrorKind, OptionKey, Origins};

use crate::entry::{entry, write_text};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::number::{milliseconds, or_default};
use crate::slice::{self, ssecast_slice};
use crate::versioned::{self, Versioned};

/// Which pages of other origins may read the answers of a server that writes its responses itself.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_cors {
    /// `sizeof(ssecast_cors)`; `ssecast_cors_init` sets it.
    pub size: usize,
    /// The origins, as browsers spell them, such as `https://app.example`; a single `*` stands for all.
    pub origins: *const ssecast_slice,
    /// How many there are.
    pub origins_len: usize,
    /// How long a browser may remember the answer to a preflight. Default a day.
    pub max_age_ms: u64,
    /// Not 0: pages of these origins may send cookies. They must be named then, not `*`.
    pub credentials: u32,
    /// Not 0: the caller has decided on the origin of this request, and `origins` are not looked at. 1 allows it, 2 does not.
    pub decision: u32,
}

// SAFETY: integers and a pointer, none of them with a gap before it.
unsafe impl Versioned for ssecast_cors {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            origins: std::ptr::null(),
            origins_len: 0,
            max_age_ms: milliseconds(Cors::default().max_age),
            credentials: 0,
            decision: 0,
        }
    }
}

/// Fills the rules in with the defaults. `size` is `sizeof(ssecast_cors)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_cors_init(cors: *mut ssecast_cors, size: usize) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(cors, "cors", size) }
}

/// Writes the headers that CORS asks for, as lines of an HTTP/1.1 head, each with CRLF at its end. Every response has them, refusals
/// too. `origin` is the request's header `Origin`, left out if there is none. A preflight, which is a request with the method
/// `OPTIONS` and the header `Access-Control-Request-Method`, is answered 204 with them: `methods` are then those that a page may use,
/// such as `GET, HEAD`, and otherwise it is left out.
///
/// Writes how many bytes it has to `*length`; there is no zero byte behind them. With `buffer` NULL and `capacity` 0 only
/// the length is written. Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit; with `SSECAST_INVALID_OPTION` for rules that
/// would allow no page, or more than they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_cors_headers(
    cors: *const ssecast_cors,
    origin: ssecast_slice,
    methods: ssecast_slice,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: rules that are as their size says, whose texts are there until the call returns.
        let given = unsafe { versioned::read(cors, "cors", "cors.size") }?;
        // SAFETY: the same.
        let (origin, methods) =
            unsafe { (origin.bytes("origin")?, methods.text("methods", ErrorKind::InvalidOption)?) };
        let (origins, allowed) = match given.decision {
            // SAFETY: the same.
            0 => (unsafe { read(given.origins, given.origins_len) }?.ok_or_else(none)?, None),
            1 => (Origins::Decided, Some(true)),
            2 => (Origins::Decided, Some(false)),
            other => return Err(unknown(other)),
        };
        let max_age =
            Duration::from_millis(or_default(given.max_age_ms, ssecast_cors::defaults().max_age_ms));
        let cors = Cors { origins, credentials: given.credentials != 0, max_age };
        cors.validate()?;
        let mut fields = match allowed {
            Some(allowed) => cors.decided(origin, |_| allowed),
            None => cors.headers(origin),
        };
        fields.extend(methods.into_iter().flat_map(|methods| cors.preflight(methods)));
        let lines: Vec<_> = fields.into_iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        // SAFETY: the caller has `capacity` bytes there.
        unsafe { write_text(lines.concat().as_bytes(), buffer, capacity, length) }
    })
}

/// Reads a choice of origins; `None` if there are none.
///
/// # Safety
/// They are there.
pub(crate) unsafe fn read(origins: *const ssecast_slice, len: usize) -> Result<Option<Origins>, Failure> {
    // SAFETY: the caller's promise.
    let origins = unsafe { slice::texts(origins, len, "cors_origins", ErrorKind::InvalidOption) }?;
    Ok(match origins[..] {
        [] => None,
        ["*"] => Some(Origins::Any),
        _ => Some(Origins::List(origins.into_iter().map(str::to_owned).collect())),
    })
}

fn none() -> Failure {
    let problem = "must not be empty, which allows no page";
    Error::new(ErrorKind::InvalidOption, OptionKey::CorsOrigins, problem).into()
}

fn unknown(decision: u32) -> Failure {
    let problem = format!("must be 0, 1 to allow the origin or 2 to refuse it, not {decision}");
    Failure::new(ssecast_result::SSECAST_INVALID_OPTION, "decision", problem)
}
