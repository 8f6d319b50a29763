use std::fmt;
use std::io;

use rustix::io::Errno;
use ssecast_hub::{Error, ErrorField, ErrorKind};

/// The error for one of the operating system's: [`TooManyDescriptors`](ErrorKind::TooManyDescriptors) if there is no
/// descriptor left, and otherwise of the given kind. `problem` says what failed, such as "could not start its thread".
///
/// ```
/// use ssecast_engine::{ErrorKind, os_error};
/// let error = std::io::Error::from_raw_os_error(24);
/// let error = os_error(&error, ErrorKind::Internal, "descriptor", "can't be made");
/// assert_eq!(error.kind(), ErrorKind::TooManyDescriptors);
/// assert_eq!(error.os_error(), Some(24));
/// ```
#[must_use]
pub fn os_error(
    error: &io::Error,
    kind: ErrorKind,
    field: impl Into<ErrorField>,
    problem: impl fmt::Display,
) -> Error {
    let error_of = |kind, cause: &dyn fmt::Display| {
        Error::new(kind, field, format!("{problem}: {cause}")).with_os_error(error.raw_os_error())
    };
    if is_out_of_descriptors(error) {
        let cause = "the process has no descriptor left (raise RLIMIT_NOFILE)";
        return error_of(ErrorKind::TooManyDescriptors, &cause);
    }
    error_of(kind, error)
}

/// Whether the process, or the whole system, has no descriptor left.
#[must_use]
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_has_a_kind_of_its_own_and_everything_else_the_callers() {
        for (errno, kind, message) in [
            (
                Errno::MFILE,
                ErrorKind::TooManyDescriptors,
                "socket failed: the process has no descriptor left",
            ),
            (
                Errno::NFILE,
                ErrorKind::TooManyDescriptors,
                "socket failed: the process has no descriptor left",
            ),
            (Errno::ADDRINUSE, ErrorKind::InvalidOption, "socket failed: "),
        ] {
            let error = os_error(&errno.into(), ErrorKind::InvalidOption, "socket", "failed");
            assert_eq!((error.kind(), error.os_error()), (kind, Some(errno.raw_os_error())));
            assert!(error.message().starts_with(message), "{error}");
        }
    }
}
