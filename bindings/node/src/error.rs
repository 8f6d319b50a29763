use std::panic::{AssertUnwindSafe, catch_unwind};

use ssecast::{Error, ErrorKind, Language};

/// The `code` of a JavaScript error.
pub struct Code(&'static str);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

/// The result of an entry point.
pub type Result<T> = std::result::Result<T, napi::Error<Code>>;

/// Runs an entry point: its error becomes a JavaScript error.
pub(crate) fn entry<T>(call: impl FnOnce() -> std::result::Result<T, Error>) -> Result<T> {
    caught(call).map_err(|error| coded(&error))
}

/// An error as JavaScript gets it.
pub(crate) fn coded(error: &Error) -> napi::Error<Code> {
    napi::Error::new(Code(error.kind().code()), error.message_in(Language::JavaScript))
}

/// Turns a panic into an error: a panic must not unwind into Node. The state stays usable, because the engine's locks do
/// not poison.
pub(crate) fn caught<T>(
    call: impl FnOnce() -> std::result::Result<T, Error>,
) -> std::result::Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
}

/// An error of Node-API itself: the environment is going, or a value is not what its type says.
pub(crate) fn internal(error: napi::Error) -> Error {
    Error::new(ErrorKind::Internal, "Node-API", format!("failed: {}", error.reason))
}
