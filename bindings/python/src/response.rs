use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::PyFrozenSet;
use ssecast::{ErrorKind, Unavailable};

use crate::error::{Result, entry};
use crate::value::text;

/// The headers that make a response an event stream. `cache_control` is what the application wants: what it lacks is
/// added.
#[pyfunction]
#[pyo3(signature = (cache_control = None))]
pub fn stream_headers(
    cache_control: Option<&Bound<'_, PyAny>>,
) -> Result<Vec<(&'static str, Cow<'static, str>)>> {
    entry(|| {
        let wanted =
            cache_control.map(|value| text(value, "headers", ErrorKind::InvalidOption)).transpose()?;
        Ok(ssecast::stream_headers(wanted.as_deref()).into())
    })
}

/// The id of the last event that a client has, from the bytes of its header; None if it says none.
#[pyfunction]
pub fn last_event_id(header: Option<&[u8]>) -> Result<Option<String>> {
    entry(|| Ok(ssecast::last_event_id(header, None)))
}

/// Whether a last event ID says that its client's stream was finished: the answer is 204, by which it stays away.
#[pyfunction]
pub fn is_finished(last_event_id: &Bound<'_, PyAny>) -> Result<bool> {
    entry(|| Ok(ssecast::is_finished(&text(last_event_id, "last_event_id", ErrorKind::InvalidId)?)))
}

/// The numbers of the errors after which a client is told to come back later.
pub(crate) fn unavailable(py: Python<'_>) -> PyResult<Bound<'_, PyFrozenSet>> {
    let refused = ErrorKind::ALL.into_iter().filter(|kind| Unavailable::answers(*kind));
    PyFrozenSet::new(py, refused.map(ErrorKind::number))
}
