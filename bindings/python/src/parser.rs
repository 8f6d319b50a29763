use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyString;
use ssecast::codec::{self, Item};

use crate::error::{Result, entry};
use crate::event::Event;

/// Parses a stream that arrives in chunks of any size.
#[pyclass(frozen, module = "ssecast")]
pub struct Parser(Mutex<codec::Parser>);

#[pymethods]
impl Parser {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(codec::Parser::new()))
    }

    /// Takes a chunk and returns the events that it completes.
    fn feed(&self, py: Python<'_>, chunk: &[u8]) -> Result<Vec<Event>> {
        entry(|| {
            let mut events = Vec::new();
            let mut parser = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            parser.feed(chunk, |item| {
                if let Item::Event(message) = item {
                    events.push(Event {
                        data: Some(PyString::new(py, message.data).unbind()),
                        event: Some(PyString::intern(py, message.event).unbind()),
                        id: message.id.map(|id| PyString::new(py, id).unbind()),
                        retry: None,
                        comment: None,
                    });
                }
            })?;
            Ok(events)
        })
    }

    /// The last event ID of the stream so far; empty if it has none.
    #[getter]
    fn last_event_id(&self) -> String {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).last_event_id().to_owned()
    }
}
