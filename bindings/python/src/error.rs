use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use ssecast::{Error, Language};

use crate::call;

/// What went wrong in an entry point: an error of the core, or one of Python's own.
pub(crate) enum Failure {
    Core(Error),
    Python(PyErr),
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Core(error) => Python::attach(|py| raise(py, &error)),
            Failure::Python(error) => error,
        }
    }
}

/// The exception of the core's error: one class for each kind, in `ssecast.errors`.
fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let (field, problem) = (error.field_in(Language::Python), error.problem_in(Language::Python));
    let number = error.kind().number();
    let exception = call::uncollected(py, || call::exception(py, number, field, &problem));
    exception.map_or_else(|error| error, PyErr::from_value)
}

/// A value of the wrong type, with the argument's name.
pub(crate) fn wrong_type(argument: &str, expected: &str, value: &Bound<'_, PyAny>) -> Failure {
    let given = value.get_type();
    let given = given.name().map_or_else(|_| "another type".to_owned(), |name| name.to_string());
    Failure::Python(PyTypeError::new_err(format!("{argument} must be {expected}, not {given}")))
}

/// The panic of the core as an exception that `except Exception` sees. State behind it stays usable: the engine's
/// locks don't poison.
pub(crate) fn entry<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    let call = std::panic::AssertUnwindSafe(call);
    std::panic::catch_unwind(call).unwrap_or_else(|panic| Err(Error::from_panic(&*panic).into()))
}
