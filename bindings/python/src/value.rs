use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};
use ssecast::codec::retry_from_f64;
use ssecast::{Error, ErrorKind, Event};

use crate::error::{Failure, Result, wrong_type};

/// The fields of an event as Python gave them. They stay what they are while the interpreter runs other code.
pub(crate) struct Fields {
    pub(crate) event: Option<PyBackedStr>,
    pub(crate) id: Option<Id>,
    pub(crate) retry: Option<u64>,
    pub(crate) data: Option<Data>,
    pub(crate) comment: Option<PyBackedStr>,
}

/// A string, or the digits of a whole number.
pub(crate) enum Id {
    Text(PyBackedStr),
    Number(String),
}

/// A string of Python's, or what was made of something else.
pub(crate) enum Data {
    Text(PyBackedStr),
    Owned(String),
}

/// An event's fields as arguments: everything but the data, all optional.
pub(crate) struct Arguments<'a, 'py> {
    pub(crate) event: Option<&'a Bound<'py, PyAny>>,
    pub(crate) id: Option<&'a Bound<'py, PyAny>>,
    pub(crate) retry: Option<&'a Bound<'py, PyAny>>,
    pub(crate) comment: Option<&'a Bound<'py, PyAny>>,
}

impl Fields {
    /// Reads the fields; `data` is `None` for an event that has none, such as a comment.
    pub(crate) fn read(data: Option<&Bound<'_, PyAny>>, arguments: &Arguments<'_, '_>) -> Result<Self> {
        let text = |value: Option<&Bound<'_, PyAny>>, name, kind| {
            value.map(|value| text(value, name, kind)).transpose()
        };
        Ok(Self {
            event: text(arguments.event, "event", ErrorKind::InvalidEvent)?,
            id: arguments.id.map(id).transpose()?,
            retry: arguments.retry.map(retry).transpose()?,
            data: data.map(Data::read).transpose()?,
            comment: text(arguments.comment, "comment", ErrorKind::InvalidData)?,
        })
    }

    pub(crate) fn event(&self) -> Event<'_> {
        Event {
            event: self.event.as_deref(),
            id: self.id.as_ref().map(|id| match id {
                Id::Text(text) => &**text,
                Id::Number(digits) => digits,
            }),
            retry: self.retry,
            data: self.data.as_ref().map(Data::as_str),
            comment: self.comment.as_deref(),
        }
    }

    /// Whether encoding takes longer than a few microseconds, so that the interpreter is worth releasing.
    pub(crate) fn is_large(&self) -> bool {
        const LARGE: usize = 32 << 10;
        self.data.as_ref().is_some_and(|data| data.as_str().len() > LARGE)
    }
}

impl Data {
    /// A string goes as it is, bytes as UTF-8, anything else as JSON.
    pub(crate) fn read(value: &Bound<'_, PyAny>) -> Result<Self> {
        if value.is_instance_of::<PyString>() {
            return text(value, "data", ErrorKind::InvalidData).map(Self::Text);
        }
        let bytes = match value.cast::<PyBytes>() {
            Ok(bytes) => bytes.as_bytes().to_vec(),
            Err(_) => match PyBuffer::<u8>::get(value) {
                Ok(buffer) => buffer.to_vec(value.py())?,
                Err(_) => return serialise(value).map(Self::Text),
            },
        };
        String::from_utf8(bytes).map(Self::Owned).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let problem = format!("must be UTF-8, and is not at byte {at}");
            Error::new(ErrorKind::InvalidData, "data", problem).into()
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Owned(text) => text,
        }
    }
}

/// A string. One with lone surrogates has no UTF-8.
pub(crate) fn text(value: &Bound<'_, PyAny>, name: &'static str, kind: ErrorKind) -> Result<PyBackedStr> {
    let Ok(text) = value.cast::<PyString>() else { return Err(wrong_type(name, "a str", value)) };
    PyBackedStr::try_from(text.clone()).map_err(|error| {
        if !error.is_instance_of::<PyUnicodeEncodeError>(value.py()) {
            return Failure::Python(error);
        }
        Error::new(kind, name, "has a lone surrogate, which is no text; decode it with errors='replace'")
            .into()
    })
}

fn id(value: &Bound<'_, PyAny>) -> Result<Id> {
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return Ok(Id::Number(value.str()?.to_string()));
    }
    if !value.is_instance_of::<PyString>() {
        return Err(wrong_type("id", "a str or an int", value));
    }
    text(value, "id", ErrorKind::InvalidId).map(Id::Text)
}

pub(crate) fn retry(value: &Bound<'_, PyAny>) -> Result<u64> {
    let number = value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>();
    if !number || value.is_instance_of::<PyBool>() {
        return Err(wrong_type("retry", "an int, in milliseconds", value));
    }
    // What is too large for a float is infinite as far as the rule goes.
    Ok(retry_from_f64(value.extract().unwrap_or(f64::INFINITY))?)
}

/// JSON, by the rules of `ssecast/_json.py`.
fn serialise(value: &Bound<'_, PyAny>) -> Result<PyBackedStr> {
    static SERIALISE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let serialise = SERIALISE.import(py, "ssecast._json", "serialise")?;
    let json = serialise.call1((value,)).map_err(|cause| {
        let problem = format!("can't be serialised: {}", cause.value(py));
        let error = PyErr::from(Failure::from(Error::new(ErrorKind::InvalidData, "data", problem)));
        error.set_cause(py, Some(cause));
        Failure::Python(error)
    })?;
    Ok(json.extract::<PyBackedStr>()?)
}
