use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};
use ssecast::codec::retry_from_f64;
use ssecast::{Error, ErrorKind, Event};

use crate::call;
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
    /// A string goes as it is, and bytes as UTF-8. `ssecast/_json.py` makes one of them of anything else; where that
    /// is known before, it has been asked already.
    pub(crate) fn read(value: &Bound<'_, PyAny>) -> Result<Self> {
        if value.is_instance_of::<PyString>() {
            return text(value, "data", ErrorKind::InvalidData).map(Self::Text);
        }
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Self::of_bytes(bytes);
        }
        let value = call::text(value)?;
        match value.cast::<PyBytes>() {
            Ok(bytes) => Self::of_bytes(bytes),
            Err(_) => text(&value, "data", ErrorKind::InvalidData).map(Self::Text),
        }
    }

    fn of_bytes(bytes: &Bound<'_, PyBytes>) -> Result<Self> {
        String::from_utf8(bytes.as_bytes().to_vec()).map(Self::Owned).map_err(|error| {
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

/// The strings of a tuple.
pub(crate) fn texts(
    values: &Bound<'_, PyTuple>,
    name: &'static str,
    kind: ErrorKind,
) -> Result<Vec<PyBackedStr>> {
    // One by one: an iterator is the collector's, and a class derived from tuple may have one of its own.
    (0..values.len()).map(|index| text(&values.get_item(index)?, name, kind)).collect()
}

fn id(value: &Bound<'_, PyAny>) -> Result<Id> {
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return digits(value).map(Id::Number).map_err(|_| {
            Error::new(ErrorKind::InvalidId, "id", "is a number of too many digits; write a str").into()
        });
    }
    if !value.is_instance_of::<PyString>() {
        return Err(wrong_type("id", "a str or an int", value));
    }
    text(value, "id", ErrorKind::InvalidId).map(Id::Text)
}

pub(crate) fn retry(value: &Bound<'_, PyAny>) -> Result<u64> {
    match number(value) {
        Some(number) => Ok(retry_from_f64(number)?),
        None => Err(wrong_type("retry", "an int, in milliseconds", value)),
    }
}

/// A number as it is, whatever methods its class has. What is too large for a float is infinite.
pub(crate) fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    if value.is_instance_of::<PyBool>() {
        return None;
    }
    let number = if value.is_instance_of::<PyFloat>() {
        // SAFETY: the thread is attached, and it is a float.
        unsafe { ffi::PyFloat_AsDouble(value.as_ptr()) }
    } else if value.is_instance_of::<PyInt>() {
        // SAFETY: the thread is attached, and it is an int.
        unsafe { ffi::PyLong_AsDouble(value.as_ptr()) }
    } else {
        return None;
    };
    // Minus one says that there may be an error.
    let failed = number.to_bits() == (-1f64).to_bits() && PyErr::take(value.py()).is_some();
    Some(if failed { f64::INFINITY } else { number })
}

/// The digits of an int, whatever methods its class has.
pub(crate) fn digits(value: &Bound<'_, PyAny>) -> PyResult<String> {
    // SAFETY: the thread is attached. The result is a new reference, or null and an exception is raised.
    let digits =
        unsafe { Bound::from_owned_ptr_or_err(value.py(), ffi::PyNumber_ToBase(value.as_ptr(), 10)) };
    digits?.extract()
}
