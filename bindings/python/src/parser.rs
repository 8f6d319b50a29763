use std::sync::{Mutex, MutexGuard};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyMemoryView, PyString};
use ssecast::codec::{self, Item, Message};
use ssecast::{Error, ErrorKind};

use crate::call;
use crate::error::{Failure, Result, entry, wrong_type};
use crate::event::{Event, Members};
use crate::option::Given;
use crate::value::text;

/// Parses a stream that arrives in chunks of any size.
///
/// Any bytes are a stream; the only error is an event of more than `max_event_bytes`: that is the bytes of its `data`,
/// `event` and `id` lines; `None` is no limit, for a source that is trusted with all of the memory. `last_event_id` is
/// the one that the stream resumes from, and `default_event` the type of events to which the stream gives none, or
/// `message`. Comments are not reported. One call at a time; any thread.
///
/// >>> from ssecast import Parser
/// >>> parser = Parser()
/// >>> parser.feed(b"event: tick\ndata: 1\n\ndata: tw")
/// [Event('1', event='tick')]
/// >>> parser.feed(b"o\n\n")
/// [Event('two', event='message')]
#[pyclass(frozen, module = "ssecast")]
pub struct Parser(Mutex<State>);

struct State {
    parser: codec::Parser,
    /// An event was too large, and the events before it were returned first.
    failure: Option<Error>,
    names: Names,
    last_event_id: LastEventId,
}

#[pymethods]
impl Parser {
    #[new]
    #[pyo3(
        signature = (*, max_event_bytes = Given::Default, last_event_id = None, default_event = Given::Default),
        text_signature = "(*, max_event_bytes=16777216, last_event_id='', default_event='message')"
    )]
    fn new(
        max_event_bytes: Given<'_>,
        last_event_id: Option<&Bound<'_, PyAny>>,
        default_event: Given<'_>,
    ) -> Result<Self> {
        entry(|| {
            let limit =
                max_event_bytes.cap("max_event_bytes", Some(codec::Parser::DEFAULT_MAX_EVENT_BYTES))?;
            let mut parser = codec::Parser::with_max_event_bytes(limit.unwrap_or(usize::MAX));
            if let Some(id) = last_event_id {
                parser = parser.with_last_event_id(&text(id, "last_event_id", ErrorKind::InvalidId)?);
            }
            let names = Names { default: default_type(default_event)?, ..Names::default() };
            let last_event_id = LastEventId::default();
            Ok(Self(Mutex::new(State { parser, failure: None, names, last_event_id })))
        })
    }

    /// Takes a chunk and returns the events that it completes.
    ///
    /// `chunk` is bytes, or a bytearray or memoryview, which is read where it is: do not write to it meanwhile.
    /// Raises `EventTooLargeError`, once the events before that one are returned: then the next call raises, as does
    /// every other until `finish` or `reset`.
    fn feed<'py>(&self, py: Python<'py>, chunk: &Bound<'py, PyAny>) -> Result<Bound<'py, PyList>> {
        entry(|| {
            let mut events = Vec::new();
            self.parse(chunk, |event| events.push(event))?;
            Ok(call::uncollected(py, || PyList::new(py, events))?)
        })
    }

    /// Ends the stream: a block that is not complete is discarded. The parser is then at the beginning of the next
    /// stream, and keeps the last event ID and the reconnection time. Raises what `feed` had to raise next.
    fn finish(&self) -> Result<()> {
        entry(|| self.end())
    }

    /// Ends the stream as `finish` does, and returns the event that it was cut off in, if there is one: as if a line
    /// end and a blank line had come. For sources that leave out the last ones; by the standard it is discarded.
    ///
    /// >>> from ssecast import Parser
    /// >>> parser = Parser()
    /// >>> parser.feed(b"data: on")
    /// []
    /// >>> parser.flush()
    /// [Event('on', event='message')]
    fn flush<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>> {
        entry(|| Ok(PyList::new(py, self.rest(py)?)?))
    }

    /// Forgets everything but the limit.
    fn reset(&self) -> Result<()> {
        entry(|| {
            let mut state = self.state()?;
            state.parser.reset();
            state.failure = None;
            Ok(())
        })
    }

    /// The last event ID of the stream so far: what a client sends to resume. Empty if it has none.
    #[getter]
    fn last_event_id<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyString>> {
        entry(|| Ok(PyString::new(py, self.state()?.parser.last_event_id())))
    }

    /// The reconnection time in milliseconds, if the stream has set one.
    #[getter]
    fn retry(&self) -> Result<Option<u64>> {
        entry(|| Ok(self.state()?.parser.retry()))
    }

    /// The most bytes that one event may have; `None` if there is no limit.
    #[getter]
    fn max_event_bytes(&self) -> Result<Option<usize>> {
        entry(|| Ok(Some(self.state()?.parser.max_event_bytes()).filter(|limit| *limit != usize::MAX)))
    }
}

impl Parser {
    /// Takes a chunk and calls `found` with each event. That may not run code of Python's, as the state is locked.
    #[inline]
    pub(crate) fn parse<'py>(
        &self,
        chunk: &Bound<'py, PyAny>,
        found: impl FnMut(Bound<'py, Event>),
    ) -> Result<()> {
        let py = chunk.py();
        if let Ok(bytes) = chunk.cast::<PyBytes>() {
            return self.state()?.feed(py, bytes.as_bytes(), found);
        }
        if chunk.is_exact_instance_of::<PyByteArray>() || chunk.is_exact_instance_of::<PyMemoryView>() {
            return self.parse_buffer(chunk, found);
        }
        // Another class may give its buffer, and take it back, by methods that are written in Python.
        let view = call::call(py.get_type::<PyMemoryView>().as_any(), (chunk,)).map_err(|error| {
            if error.is_instance_of::<PyTypeError>(py) { not_bytes(chunk) } else { error.into() }
        })?;
        let parsed = self.parse_buffer(&view, found);
        call::release(py, view.unbind());
        parsed
    }

    fn parse_buffer<'py>(
        &self,
        chunk: &Bound<'py, PyAny>,
        found: impl FnMut(Bound<'py, Event>),
    ) -> Result<()> {
        let py = chunk.py();
        let Ok(buffer) = PyBuffer::<u8>::get(chunk) else { return Err(not_bytes(chunk)) };
        match buffer.as_slice_ptr() {
            Some(bytes) => {
                // SAFETY: the buffer is exported, and so neither moved nor freed, until after this block. The
                // interpreter is attached and `State::feed` runs no code of Python's, so that nothing of
                // Python's writes to it; nor may other code, as the documentation says.
                let bytes = unsafe { bytes.as_ref() };
                self.state()?.feed(py, bytes, found)
            }
            // Every second byte of something, for example.
            None => self.state()?.feed(py, &buffer.to_vec(py)?, found),
        }
    }

    /// Ends the stream as `finish` does.
    pub(crate) fn end(&self) -> Result<()> {
        let mut state = self.state()?;
        state.parser.finish();
        state.failure.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Ends the stream as `flush` does.
    pub(crate) fn rest<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, Event>>> {
        let State { parser, failure, names, last_event_id } = &mut *self.state()?;
        if let Some(error) = failure.take() {
            parser.finish();
            return Err(error.into());
        }
        let mut rest = None;
        parser.finish_with(|item| {
            if let Item::Event(message) = item {
                rest = Some(Event::parsed(py, &message, names, last_event_id));
            }
        })?;
        Ok(rest)
    }

    /// It is locked only while the interpreter is attached, and meanwhile nothing of Python's is made but strings and
    /// events. A list, or anything else of the collector's, may begin a collection, and that may run anything: another
    /// thread, or this parser's `feed` again. Should something be forgotten here, an error is better than a deadlock.
    fn state(&self) -> Result<MutexGuard<'_, State>> {
        self.0.try_lock().or_else(|error| match error {
            std::sync::TryLockError::Poisoned(poisoned) => Ok(poisoned.into_inner()),
            std::sync::TryLockError::WouldBlock => {
                Err(Failure::Python(PyRuntimeError::new_err("the parser is in use by another call")))
            }
        })
    }
}

fn not_bytes(chunk: &Bound<'_, PyAny>) -> Failure {
    wrong_type("chunk", "bytes, or a bytearray or memoryview of bytes", chunk)
}

impl State {
    fn feed<'py>(
        &mut self,
        py: Python<'py>,
        chunk: &[u8],
        mut found: impl FnMut(Bound<'py, Event>),
    ) -> Result<()> {
        let Self { parser, failure, names, last_event_id } = self;
        *failure = None;
        let mut none = true;
        let parsed = parser.feed(chunk, |item| {
            if let Item::Event(message) = item {
                none = false;
                found(Event::parsed(py, &message, names, last_event_id));
            }
        });
        match parsed {
            Err(error) if none => Err(error.into()),
            parsed => {
                *failure = parsed.err();
                Ok(())
            }
        }
    }
}

impl Event {
    #[inline]
    pub(crate) fn parsed<'py>(
        py: Python<'py>,
        message: &Message<'_>,
        names: &mut Names,
        last: &mut LastEventId,
    ) -> Bound<'py, Self> {
        let (id, last_event_id) = match message.id {
            // An id that an event carries is the last event ID as well.
            Some(id) => (last.get(py, id).into_any(), None),
            None if message.last_event_id.is_empty() => (py.None(), None),
            None => (py.None(), Some(last.get(py, message.last_event_id).into_any())),
        };
        let data = PyString::new(py, message.data).into_any().unbind();
        let event = names.get(py, message.event);
        Self::object(py, Members { data, event, id, retry: None, comment: None, last_event_id })
    }
}

/// The event types of a stream as strings of Python's, each made once. The interpreter's own table is not used: what is in
/// it may stay for ever, and a stream may invent names without end.
#[derive(Default)]
pub(crate) struct Names {
    known: Vec<(Box<str>, Py<PyAny>)>,
    /// What stands for `message`, if that is something else.
    default: Option<Py<PyAny>>,
}

/// The type of events that have none: `None`, or a string. Nothing where it is as the standard has it.
fn default_type(given: Given<'_>) -> Result<Option<Py<PyAny>>> {
    match given {
        Given::Default => Ok(None),
        Given::Value(value) if value.is_none() || value.is_exact_instance_of::<PyString>() => {
            Ok(Some(value.unbind()))
        }
        Given::Value(value) => Err(wrong_type("default_event", "a str, or None", &value)),
    }
}

impl Names {
    const MOST: usize = 16;
    const LONGEST: usize = 64;

    fn get(&mut self, py: Python<'_>, name: &str) -> Py<PyAny> {
        if name == "message" {
            let default = self.default.as_ref().map(|default| default.clone_ref(py));
            return default.unwrap_or_else(|| intern!(py, "message").clone().into_any().unbind());
        }
        if let Some((_, known)) = self.known.iter().find(|(known, _)| **known == *name) {
            return known.clone_ref(py);
        }
        let made = PyString::new(py, name).into_any().unbind();
        if self.known.len() < Self::MOST && name.len() <= Self::LONGEST {
            self.known.push((name.into(), made.clone_ref(py)));
        }
        made
    }
}

/// The last event ID as a string of Python's. It often stays the same for many events.
#[derive(Default)]
pub(crate) struct LastEventId(Option<(String, Py<PyString>)>);

impl LastEventId {
    fn get(&mut self, py: Python<'_>, id: &str) -> Py<PyString> {
        if id.is_empty() {
            return intern!(py, "").clone().unbind();
        }
        match &mut self.0 {
            Some((same, made)) if same == id => made.clone_ref(py),
            known => {
                let made = PyString::new(py, id).unbind();
                let mut text = known.take().map(|(text, _)| text).unwrap_or_default();
                id.clone_into(&mut text);
                *known = Some((text, made.clone_ref(py)));
                made
            }
        }
    }
}
