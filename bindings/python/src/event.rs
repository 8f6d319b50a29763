use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyString;

use crate::error::{Result, entry, wrong_type};
use crate::value::{Arguments, Data, Fields, Id};

/// An event: what is to be sent, or what a parser found.
///
/// `data`: a str goes as it is, bytes as UTF-8, anything else as JSON; `data` is a str afterwards. `retry` is in
/// milliseconds. What the protocol doesn't allow is refused when the event is encoded.
///
/// >>> from ssecast import Event
/// >>> Event({"now": 1}, event="tick").data
/// '{"now":1}'
#[pyclass(frozen, get_all, module = "ssecast")]
#[allow(clippy::struct_field_names, reason = "the specification's word for its type")]
pub struct Event {
    /// The data, lines joined with LF; None in an event that has none.
    pub(crate) data: Option<Py<PyString>>,
    /// The event type. A parser says "message" where the stream has none.
    pub(crate) event: Option<Py<PyString>>,
    /// The id that this event itself carries.
    pub(crate) id: Option<Py<PyString>>,
    /// The reconnection time that it carries, in milliseconds.
    pub(crate) retry: Option<u64>,
    /// The comment that it carries.
    pub(crate) comment: Option<Py<PyString>>,
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
            })
        })
    }
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
