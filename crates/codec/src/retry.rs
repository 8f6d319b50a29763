use alloc::format;
use core::fmt;

use crate::{Error, ErrorKind};

/// The largest reconnection time that every language holds exactly: 2^53 − 1 ms.
const MAX_RETRY: u64 = (1 << 53) - 1;

/// Reads a reconnection time in milliseconds from a floating-point number, for languages that have no other
/// (SPEC 30).
///
/// ```
/// use ssecast_codec::retry_from_f64;
/// assert_eq!(retry_from_f64(2000.0)?, 2000);
/// let error = retry_from_f64(-1.5).unwrap_err();
/// assert_eq!(error.to_string(), "retry must be a whole number of milliseconds from 0 to 9007199254740991, not -1.5");
/// # Ok::<(), ssecast_codec::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::InvalidRetry`] for NaN, infinities, fractions, negative numbers and numbers above 2^53 − 1.
#[expect(clippy::cast_precision_loss, reason = "the limit is exact as f64")]
#[expect(clippy::cast_sign_loss, reason = "the range is checked")]
pub fn retry_from_f64(milliseconds: f64) -> Result<u64, Error> {
    // `%` and comparisons are false for NaN and for infinities.
    let whole = milliseconds % 1.0 == 0.0;
    if whole && (0.0..=MAX_RETRY as f64).contains(&milliseconds) {
        Ok(milliseconds as u64)
    } else {
        Err(invalid(format_args!("{milliseconds}")))
    }
}

/// Reads a reconnection time in milliseconds from decimal digits and nothing else: no sign, no space, no line end
/// (SPEC 30).
///
/// ```
/// use ssecast_codec::retry_from_str;
/// assert_eq!(retry_from_str("2000")?, 2000);
/// assert!(retry_from_str("0\r\nevent: admin").is_err());
/// # Ok::<(), ssecast_codec::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::InvalidRetry`] for anything but ASCII digits, and for numbers above 2^53 − 1.
pub fn retry_from_str(milliseconds: &str) -> Result<u64, Error> {
    match saturating_digits(milliseconds) {
        Some(number) if number <= MAX_RETRY => Ok(number),
        _ => {
            // A hostile value may be long; its beginning is enough to find it.
            let start: alloc::string::String = milliseconds.chars().take(40).collect();
            Err(invalid(format_args!("{start:?}")))
        }
    }
}

/// Reads ASCII digits, saturating at the largest number (SPEC 11). `None` for anything else, and for no
/// digits at all.
pub(crate) fn saturating_digits(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

fn invalid(value: fmt::Arguments<'_>) -> Error {
    let problem = format!("must be a whole number of milliseconds from 0 to {MAX_RETRY}, not {value}");
    Error::new(ErrorKind::InvalidRetry, "retry", problem)
}
