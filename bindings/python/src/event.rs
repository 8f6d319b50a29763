use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyCFunction, PyString, PyTuple, PyType};
use pyo3::{IntoPyObjectExt, PyTypeInfo, wrap_pyfunction};
use ssecast::{Error, ErrorKind};

use crate::call;
use crate::class::IMMUTABLE;
use crate::error::{Result, entry, wrong_type};
use crate::value::{Arguments, Data, Fields, Id};

/// What an `Event` of Python's is in memory.
///
/// Its class is made by hand, as there is one of these for each event that a parser finds: objects of pyo3's classes are
/// the collector's, and a field that may be `None` is read by calling a function. Here the interpreter reads it by
/// itself, and the collector never hears of an event, which refers to strings and numbers alone.
#[repr(C)]
pub struct Event {
    base: ffi::PyObject,
    fields: Members,
}

/// The fields of an [`Event`], which never change.
#[repr(C)]
pub(crate) struct Members {
    /// A string or `None`, like the next two.
    pub(crate) data: Py<PyAny>,
    pub(crate) event: Py<PyAny>,
    pub(crate) id: Py<PyAny>,
    /// A number. No event of a parser has this or a comment.
    pub(crate) retry: Option<Py<PyAny>>,
    pub(crate) comment: Option<Py<PyAny>>,
    /// That of the stream in which it was found, if it is neither empty nor the event's own.
    pub(crate) last_event_id: Option<Py<PyAny>>,
}

// SAFETY: every object of this class was made by `Event::object`: it has no subclasses, `object.__new__` refuses it as it has
// a `new` of its own, and it is immutable, so that this stays so; nor can another object be given this class.
unsafe impl PyTypeInfo for Event {
    #[inline]
    fn type_object_raw(py: Python<'_>) -> *mut ffi::PyTypeObject {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        CLASS.get_or_init(py, || class(py)).as_ptr().cast()
    }
}

impl Event {
    #[expect(clippy::cast_possible_wrap, reason = "it is a few words")]
    const SIZE: c_int = size_of::<Self>() as c_int;

    /// Makes an object. No code of Python's runs meanwhile.
    #[inline]
    pub(crate) fn object(py: Python<'_>, fields: Members) -> Bound<'_, Self> {
        // SAFETY: objects of the class have the size of this, and are not the collector's.
        let event: *mut Self = unsafe { ffi::PyObject_New(Self::type_object_raw(py)) };
        // SAFETY: it is a new reference; or null without memory, which is a panic as it is for pyo3's strings.
        let object = unsafe { Bound::from_owned_ptr(py, event.cast()) };
        // SAFETY: no other code has the object yet. Its base is written, and this is the rest.
        unsafe { (&raw mut (*event).fields).write(fields) };
        // SAFETY: it is an object of the class.
        unsafe { object.cast_into_unchecked() }
    }

    /// The fields of an object.
    fn fields<'a>(event: &'a Bound<'_, Self>) -> &'a Members {
        // SAFETY: an object of the class is an `Event`. It is there while there is a reference to it, and never changes.
        unsafe { &(*event.as_ptr().cast::<Self>()).fields }
    }

    fn last_event_id<'py>(event: &Bound<'py, Self>) -> Bound<'py, PyAny> {
        let (py, Members { id, last_event_id, .. }) = (event.py(), Self::fields(event));
        let known = last_event_id.as_ref().or((!id.is_none(py)).then_some(id));
        known.map_or_else(|| intern!(py, "").as_any(), |id| id.bind(py)).clone()
    }

    fn json<'py>(event: &Bound<'py, Self>) -> Result<Bound<'py, PyAny>> {
        let (py, data) = (event.py(), &Self::fields(event).data);
        if data.is_none(py) {
            let problem = "is not there, so it is no JSON either";
            return Err(Error::new(ErrorKind::InvalidData, "data", problem).into());
        }
        Ok(call::loads(py, data)?)
    }

    fn repr<'py>(event: &Bound<'py, Self>) -> Result<Bound<'py, PyString>> {
        let (py, Members { data, event, id, retry, comment, last_event_id: _ }) =
            (event.py(), Self::fields(event));
        let mut fields = Vec::new();
        if !data.is_none(py) {
            fields.push(data.bind(py).repr()?.to_string());
        }
        let named = [
            ("event", Some(event)),
            ("id", Some(id)),
            ("comment", comment.as_ref()),
            ("retry", retry.as_ref()),
        ];
        for (name, field) in named {
            if let Some(field) = field.filter(|field| !field.is_none(py)) {
                fields.push(format!("{name}={}", field.bind(py).repr()?));
            }
        }
        Ok(PyString::new(py, &format!("Event({})", fields.join(", "))))
    }

    /// What makes an event the one that it is.
    fn identity<'py>(event: &Bound<'py, Self>) -> Result<Bound<'py, PyTuple>> {
        let Members { data, event: name, id, retry, comment, last_event_id: _ } = Self::fields(event);
        Ok((data, name, id, retry, comment).into_pyobject(event.py())?)
    }
}

/// Reads the arguments of `Event`.
#[pyfunction]
#[pyo3(name = "Event", signature = (data = None, *, event = None, id = None, retry = None, comment = None))]
fn make<'py>(
    py: Python<'py>,
    data: Option<&Bound<'py, PyAny>>,
    event: Option<&Bound<'py, PyAny>>,
    id: Option<&Bound<'py, PyAny>>,
    retry: Option<&Bound<'py, PyAny>>,
    comment: Option<&Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyAny>> {
    entry(|| {
        let fields = Fields::read(data, &Arguments { event, id, retry, comment })?;
        let string = |text: Option<&str>| text.map(|text| PyString::new(py, text).into_any().unbind());
        let read = fields.event();
        let fields = Members {
            data: string(read.data).unwrap_or_else(|| py.None()),
            event: string(read.event).unwrap_or_else(|| py.None()),
            id: string(read.id).unwrap_or_else(|| py.None()),
            retry: read.retry.map(|retry| retry.into_py_any(py)).transpose()?,
            comment: string(read.comment),
            last_event_id: None,
        };
        Ok(Event::object(py, fields).into_any())
    })
}

/// Makes the class of events.
fn class(py: Python<'_>) -> Py<PyType> {
    let member = |name: &'static CStr, type_code, offset: usize, doc: &'static CStr| ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code,
        offset: offset.cast_signed(),
        flags: ffi::Py_READONLY,
        doc: doc.as_ptr(),
    };
    #[expect(deprecated, reason = "the only kind that says None for what is not there")]
    let (always, perhaps) = (ffi::Py_T_OBJECT_EX, ffi::_Py_T_OBJECT);
    let [data, event, id, retry, comment] = [
        offset_of!(Event, fields.data),
        offset_of!(Event, fields.event),
        offset_of!(Event, fields.id),
        offset_of!(Event, fields.retry),
        offset_of!(Event, fields.comment),
    ];
    let members = [
        member(c"data", always, data, c"The data, lines joined with LF; None in an event that has none."),
        member(
            c"event",
            always,
            event,
            c"The event type. A parser says \"message\" where the stream has none.",
        ),
        member(c"id", always, id, c"The id that this event itself carries."),
        member(c"retry", perhaps, retry, c"The reconnection time that it carries, in milliseconds."),
        member(c"comment", perhaps, comment, c"The comment that it carries."),
        // SAFETY: all of it are numbers and pointers; zeroes are the end of the table.
        unsafe { std::mem::zeroed() },
    ];
    let properties = [
        ffi::PyGetSetDef {
            name: c"last_event_id".as_ptr(),
            get: Some(slot::last_event_id),
            doc: LAST_EVENT_ID.as_ptr(),
            ..ffi::PyGetSetDef::default()
        },
        ffi::PyGetSetDef::default(),
    ];
    let methods = [
        ffi::PyMethodDef {
            ml_name: c"json".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunction: slot::json },
            ml_flags: ffi::METH_NOARGS,
            ml_doc: JSON.as_ptr(),
        },
        ffi::PyMethodDef::zeroed(),
    ];
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    // The class is never freed, and points into its tables.
    let mut slots = [
        slot(ffi::Py_tp_doc, EVENT.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_members, Box::leak(Box::new(members)).as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, Box::leak(Box::new(properties)).as_mut_ptr().cast()),
        slot(ffi::Py_tp_methods, Box::leak(Box::new(methods)).as_mut_ptr().cast()),
        slot(ffi::Py_tp_new, slot::new as *mut c_void),
        slot(ffi::Py_tp_dealloc, slot::dealloc as *mut c_void),
        slot(ffi::Py_tp_repr, slot::repr as *mut c_void),
        slot(ffi::Py_tp_hash, slot::hash as *mut c_void),
        slot(ffi::Py_tp_richcompare, slot::compare as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let mut specification = ffi::PyType_Spec {
        name: c"ssecast.Event".as_ptr(),
        basicsize: Event::SIZE,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | IMMUTABLE) as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the tables end as they must, and each slot has what it is for.
    let class = unsafe { Bound::from_owned_ptr(py, ffi::PyType_FromSpec(&raw mut specification)) };
    // SAFETY: that is what it makes.
    unsafe { class.cast_into_unchecked::<PyType>() }.unbind()
}

/// What Python calls. It does so attached, and but for `new` with an object of the class.
mod slot {
    use super::{
        Bound, Event, IntoPyObject, Members, Py, PyAnyMethods, PyCFunction, PyErr, PyOnceLock, Python,
        Result, c_int, c_void, entry, ffi, make, ptr, wrap_pyfunction,
    };

    /// Calls a method as Python calls a slot. No panic comes out, and an error is `failed` and raised.
    ///
    /// # Safety
    /// The thread is attached, and `event` an object of the class.
    unsafe fn answer<T>(
        event: *mut ffi::PyObject,
        failed: T,
        method: impl for<'py> FnOnce(&Bound<'py, Event>) -> Result<T>,
    ) -> T {
        Python::attach(|py| {
            // SAFETY: the caller's promise.
            let event = unsafe { Bound::from_borrowed_ptr(py, event).cast_into_unchecked() };
            entry(|| method(&event)).unwrap_or_else(|failure| {
                PyErr::from(failure).restore(py);
                failed
            })
        })
    }

    pub(super) unsafe extern "C" fn new(
        _: *mut ffi::PyTypeObject,
        arguments: *mut ffi::PyObject,
        named: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        static MAKE: PyOnceLock<Py<PyCFunction>> = PyOnceLock::new();
        let found = Python::attach(|py| {
            let found = MAKE.get_or_try_init(py, || wrap_pyfunction!(make, py).map(Bound::unbind));
            found.map(Py::as_ptr).map_err(|error| error.restore(py))
        });
        // SAFETY: the arguments are a tuple, and a dict or null; a static has a reference to the function.
        found.map_or(ptr::null_mut(), |make| unsafe { ffi::PyObject_Call(make, arguments, named) })
    }

    pub(super) unsafe extern "C" fn dealloc(event: *mut ffi::PyObject) {
        // SAFETY: the last reference is gone. The fields are dropped once, and the memory then; that which each object has
        // to its class is last.
        unsafe {
            let (py, class) = (Python::assume_attached(), ffi::Py_TYPE(event));
            let Members { data, event: name, id, retry, comment, last_event_id } =
                (&raw const (*event.cast::<Event>()).fields).read();
            let _ = [data, name, id].map(|field| field.drop_ref(py));
            let _ = [retry, comment, last_event_id].map(|field| field.map(|field| field.drop_ref(py)));
            ffi::PyObject_Free(event.cast());
            ffi::Py_DECREF(class.cast());
        }
    }

    pub(super) unsafe extern "C" fn last_event_id(
        event: *mut ffi::PyObject,
        _: *mut c_void,
    ) -> *mut ffi::PyObject {
        // SAFETY: Python's promise, as it is below.
        unsafe { answer(event, ptr::null_mut(), |event| Ok(Event::last_event_id(event).into_ptr())) }
    }

    pub(super) unsafe extern "C" fn json(
        event: *mut ffi::PyObject,
        _: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: see above.
        unsafe { answer(event, ptr::null_mut(), |event| Ok(Event::json(event)?.into_ptr())) }
    }

    pub(super) unsafe extern "C" fn repr(event: *mut ffi::PyObject) -> *mut ffi::PyObject {
        // SAFETY: see above.
        unsafe { answer(event, ptr::null_mut(), |event| Ok(Event::repr(event)?.into_ptr())) }
    }

    pub(super) unsafe extern "C" fn hash(event: *mut ffi::PyObject) -> ffi::Py_hash_t {
        // SAFETY: see above.
        unsafe { answer(event, -1, |event| Ok(Event::identity(event)?.hash()?)) }
    }

    pub(super) unsafe extern "C" fn compare(
        event: *mut ffi::PyObject,
        other: *mut ffi::PyObject,
        operator: c_int,
    ) -> *mut ffi::PyObject {
        // SAFETY: see above; `other` is any object.
        unsafe {
            answer(event, ptr::null_mut(), |event| {
                let py = event.py();
                let other = Bound::from_borrowed_ptr(py, other);
                let answer = match (other.cast::<Event>(), operator) {
                    (Ok(other), ffi::Py_EQ) => Event::identity(event)?.eq(Event::identity(other)?)?,
                    (Ok(other), ffi::Py_NE) => Event::identity(event)?.ne(Event::identity(other)?)?,
                    _ => return Ok(py.NotImplemented().into_ptr()),
                };
                Ok(answer.into_pyobject(py).map_err(PyErr::from)?.to_owned().into_any().into_ptr())
            })
        }
    }
}

const EVENT: &CStr = c"Event(data=None, *, event=None, id=None, retry=None, comment=None)\n--\n
An event: what is to be sent, or what a parser found.

`data`: a str goes as it is, bytes as UTF-8, anything else as JSON; `data` is a str afterwards. `retry` is in
milliseconds. What the protocol doesn't allow is refused when the event is encoded. Events are equal when all these
fields are.

>>> from ssecast import Event
>>> Event({\"now\": 1}, event=\"tick\").data
'{\"now\":1}'";

const LAST_EVENT_ID: &CStr =
    c"The last event ID of the stream at this event: its own id, or that of an event before it.
Empty if there is none.";

const JSON: &CStr = c"json($self, /)\n--\n
Reads the data as JSON. Raises `InvalidDataError` if there is none, and `json.JSONDecodeError`, which is a
`ValueError` too, if it is something else.";

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
        let (py, Members { data, event, id, retry, comment, last_event_id: _ }) =
            (value.py(), Event::fields(event));
        let backed = |text: &Py<PyAny>| text.extract::<Option<PyBackedStr>>(py);
        Ok(Self {
            event: backed(event)?,
            id: backed(id)?.map(Id::Text),
            retry: retry.as_ref().map(|retry| retry.extract(py)).transpose()?,
            data: backed(data)?.map(Data::Text),
            comment: comment.as_ref().map_or(Ok(None), backed)?,
        })
    }
}
