use std::collections::VecDeque;

use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{PyTraverseError, PyVisit};

use crate::call;
use crate::error::{Result, entry};
use crate::event::Event;
use crate::parser::Parser;

/// What `ssecast.iter_events` returns: the events of a stream whose bytes come in chunks, until it is over or an
/// error is raised. It takes a chunk when an event is asked for and all those of the chunk before it were given.
#[pyclass(module = "ssecast")]
pub struct Events {
    /// Those of the last chunk that were not asked for yet.
    ready: VecDeque<Py<Event>>,
    /// The chunks and their parser; nothing once there is no more to read.
    source: Option<(Py<PyIterator>, Py<Parser>)>,
    /// Whether the event counts in which the source ends.
    unfinished: bool,
}

#[pymethods]
impl Events {
    /// `chunks` is an iterator.
    #[new]
    fn new(chunks: Py<PyIterator>, parser: Py<Parser>, unfinished: bool) -> Self {
        Self { ready: VecDeque::new(), source: Some((chunks, parser)), unfinished }
    }

    fn __iter__(events: Py<Self>) -> Py<Self> {
        events
    }

    /// Asking for the next event while another call waits for one is an error: this is borrowed meanwhile.
    fn __next__<'py>(&mut self, py: Python<'py>) -> Result<Option<Bound<'py, Event>>> {
        if let Some(event) = self.ready.pop_front() {
            return Ok(Some(event.into_bound(py)));
        }
        entry(|| self.read(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if let Some((chunks, parser)) = &self.source {
            visit.call(chunks)?;
            visit.call(parser)?;
        }
        Ok(())
    }

    fn __clear__(&mut self) {
        self.let_go();
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Events {
    /// Room for so many events is kept for the next chunk.
    const KEPT: usize = 1 << 10;

    /// Reads chunks until one completes an event.
    fn read<'py>(&mut self, py: Python<'py>) -> Result<Option<Bound<'py, Event>>> {
        let Some((chunks, parser)) = self.source.take() else { return Ok(None) };
        self.ready.shrink_to(Self::KEPT);
        let (mut first, mut over) = (None, false);
        let mut read = || {
            while let Some(chunk) = call::next(chunks.bind(py)) {
                parser.get().parse(&chunk?, |event| match first {
                    None => first = Some(event),
                    Some(_) => self.ready.push_back(event.unbind()),
                })?;
                if first.is_some() {
                    return Ok(());
                }
            }
            over = true;
            if self.unfinished {
                first = parser.get().rest(py)?;
                return Ok(());
            }
            parser.get().end()
        };
        let read = read();
        if first.is_some() && !over {
            self.source = Some((chunks, parser));
        } else {
            call::release(py, chunks);
        }
        read.map(|()| first)
    }

    /// Lets go of the chunks, which may be a generator that cleans up.
    fn let_go(&mut self) {
        if let Some((chunks, _)) = self.source.take() {
            Python::attach(|py| call::release(py, chunks));
        }
    }
}
