use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyTuple};
use ssecast::{Error, ErrorKind};

use crate::error::{Result, entry, wrong_type};
use crate::value::{Arguments, Data, Fields, Id};

/// An event: what is to be sent, or what a parser found.
///
/// `data`: a str goes as it is, bytes as UTF-8, anything else as JSON; `data` is a str afterwards. `retry` is in
/// milliseconds. What the protocol doesn't allow is refused when the event is encoded. Events are equal when all these
/// fields are.
///
/// >>> from ssecast import Event
/// >>> Event({"now": 1}, event="tick").data
/// '{"now":1}'
#[pyclass(frozen, module = "ssecast")]
#[allow(clippy::struct_field_names, reason = "the specification's word for its type")]
pub struct Event {
    /// The data, lines joined with LF; None in an event that has none.
    #[pyo3(get)]
    pub(crate) data: Option<Py<PyString>>,
    /// The event type. A parser says "message" where the stream has none.
    #[pyo3(get)]
    pub(crate) event: Option<Py<PyString>>,
    /// The id that this event itself carries.
    #[pyo3(get)]
    pub(crate) id: Option<Py<PyString>>,
    /// The reconnection time that it carries, in milliseconds.
    #[pyo3(get)]
    pub(crate) retry: Option<u64>,
    /// The comment that it carries.
    #[pyo3(get)]
    pub(crate) comment: Option<Py<PyString>>,
    /// That of the stream that it was found in.
    pub(crate) last_event_id: Option<Py<PyString>>,
}

#[pymethods]
impl Event {
    #[new]
    #[pyo3(signature = (data = None, *, event = None, id = None, retry = None, comment = None))]
    fn new(
        py: Python<'_>,
        data: Option<&Bound<'_, PyAny>>,
        event: Option<&Bound<'_, PyAny>>,
        id: Option<&Bound<'_, PyAny>>,
        retry: Option<&Bound<'_, PyAny>>,
        comment: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self> {
        entry(|| {
            let fields = Fields::read(data, &Arguments { event, id, retry, comment })?;
            let string = |text: Option<&str>| text.map(|text| PyString::new(py, text).unbind());
            let read = fields.event();
            Ok(Self {
                data: string(read.data),
                event: string(read.event),
                id: string(read.id),
                retry: read.retry,
                comment: string(read.comment),
                last_event_id: None,
            })
        })
    }

    /// The last event ID of the stream at this event: its own id, or that of an event before it. Empty if there is none.
    #[getter]
    fn last_event_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let known = self.last_event_id.as_ref().or(self.id.as_ref());
        known.map_or_else(|| intern!(py, "").clone(), |id| id.bind(py).clone())
    }

    /// Reads the data as JSON. Raises `InvalidDataError` if there is none, and `json.JSONDecodeError`, which is a
    /// `ValueError` too, if it is something else.
    fn json<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        entry(|| {
            let missing =
                || Error::new(ErrorKind::InvalidData, "data", "is not there, so it is no JSON either");
            let data = self.data.as_ref().ok_or_else(missing)?;
            Ok(LOADS.import(py, "json", "loads")?.call1((data,))?)
        })
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        self.fields(py)?.eq(other.fields(py)?)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.fields(py)?.hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut fields = Vec::new();
        if let Some(data) = &self.data {
            fields.push(data.bind(py).repr()?.to_string());
        }
        for (name, text) in [("event", &self.event), ("id", &self.id), ("comment", &self.comment)] {
            if let Some(text) = text {
                fields.push(format!("{name}={}", text.bind(py).repr()?));
            }
        }
        if let Some(retry) = self.retry {
            fields.push(format!("retry={retry}"));
        }
        Ok(format!("Event({})", fields.join(", ")))
    }
}

impl Event {
    /// What makes an event the one that it is.
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let Self { data, event, id, retry, comment, last_event_id: _ } = self;
        (data, event, id, retry, comment).into_pyobject(py)
    }
}

/// Encodes an event as it goes over the wire, ending with a blank line.
///
/// Raises `InvalidEventError` or `InvalidIdError` for a line end or NUL in the type or the id, which would forge other
/// fields; line ends in data and comments begin new lines of the same field.
///
/// >>> from ssecast import Event, encode
/// >>> encode(Event("one\ntwo", event="tick", id=7))
/// b'id: 7\nevent: tick\ndata: one\ndata: two\n\n'
#[pyfunction]
pub fn encode<'py>(event: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>> {
    entry(|| {
        let (py, fields) = (event.py(), Fields::of_event(event)?);
        let encoded =
            if fields.is_large() { py.detach(|| fields.event().encode()) } else { fields.event().encode() }?;
        Ok(PyBytes::new(py, &encoded))
    })
}

impl Fields {
    /// The fields of an `Event`.
    pub(crate) fn of_event(value: &Bound<'_, PyAny>) -> Result<Self> {
        let Ok(event) = value.cast::<Event>() else { return Err(wrong_type("event", "an Event", value)) };
        let (py, event) = (value.py(), event.get());
        let backed = |text: &Option<Py<PyString>>| {
            text.as_ref().map(|text| PyBackedStr::try_from(text.bind(py).clone())).transpose()
        };
        Ok(Self {
            event: backed(&event.event)?,
            id: backed(&event.id)?.map(Id::Text),
            retry: event.retry,
            data: backed(&event.data)?.map(Data::Text),
            comment: backed(&event.comment)?,
        })
    }
}
