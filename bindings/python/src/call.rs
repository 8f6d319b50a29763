//! The one way in which this module calls code of Python's.

use std::mem;
use std::ptr;
use std::thread;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyIterator, PyTuple};

/// What the package gives this module to call, when it is imported: an import in the middle of a call could run anything.
struct Installed {
    text: Py<PyAny>,
    loads: Py<PyAny>,
    errors: Py<PyDict>,
}

static INSTALLED: PyOnceLock<Installed> = PyOnceLock::new();

/// Called once, by the package: `text` makes a str or bytes of any data, `loads` reads JSON, and `errors` are the
/// classes of the core's errors by their numbers.
#[pyfunction]
pub fn install(py: Python<'_>, text: Py<PyAny>, loads: Py<PyAny>, errors: Py<PyDict>) {
    // A second call changes nothing.
    let _ = INSTALLED.set(py, Installed { text, loads, errors });
}

fn installed(py: Python<'_>) -> PyResult<&'static Installed> {
    INSTALLED.get(py).ok_or_else(|| PyRuntimeError::new_err("ssecast is not imported yet"))
}

/// The text of data: a str or bytes.
pub(crate) fn text<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = data.py();
    call(installed(py)?.text.bind(py), (data,))
}

/// Reads JSON.
pub(crate) fn loads<'py>(py: Python<'py>, json: &Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
    call(installed(py)?.loads.bind(py), (json,))
}

/// Makes the exception of a core's error.
pub(crate) fn exception<'py>(
    py: Python<'py>,
    kind: u32,
    field: &str,
    problem: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let class = installed(py)?.errors.bind(py).as_any().get_item(kind)?;
    call(&class, (field, problem))
}

/// Calls a function of Python's. No lock may be held, as it may run anything.
///
/// Until Python 3.14, an interpreter that ends has every other thread exit where that asks for it the next time, which
/// unwinds the stack. Frames of Rust's must not be unwound by that, and the declarations of pyo3 say that it does not
/// happen. So it is declared anew, and the thread stays here for good, as Python 3.14 has it.
pub(crate) fn call<'py>(
    function: &Bound<'py, PyAny>,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let arguments = arguments.into_pyobject(py)?;
    // SAFETY: the thread is attached, and both are objects, to which there are references here. The result is a new
    // reference, or null and an exception is raised.
    unsafe {
        let result = stay(|| PyObject_Call(function.as_ptr(), arguments.as_ptr(), ptr::null_mut()));
        Bound::from_owned_ptr_or_err(py, result)
    }
}

/// The same for an iterator's next value.
pub(crate) fn next<'py>(iterator: &Bound<'py, PyIterator>) -> Option<PyResult<Bound<'py, PyAny>>> {
    let py = iterator.py();
    // SAFETY: the thread is attached, and it is an iterator, to which there is a reference here. The result is a new
    // reference, or null and perhaps an exception is raised.
    let value = unsafe { Bound::from_owned_ptr_or_opt(py, stay(|| PyIter_Next(iterator.as_ptr()))) };
    value.map(Ok).or_else(|| PyErr::take(py).map(Err))
}

/// The same for letting go of an object that may have something to do then, such as a generator.
pub(crate) fn release<T>(_: Python<'_>, object: Py<T>) {
    // SAFETY: the thread is attached, and the reference is given up.
    unsafe { stay(|| Py_DecRef(object.into_ptr())) }
}

// pyo3 declares these as functions that don't unwind.
unsafe extern "C-unwind" {
    fn PyObject_Call(
        function: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        named: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyIter_Next(iterator: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn Py_DecRef(object: *mut ffi::PyObject);
}

/// Keeps the thread here, before any other frame, if the call would unwind it.
fn stay<T>(call: impl FnOnce() -> T) -> T {
    let stay = Stay;
    let result = call();
    mem::forget(stay);
    result
}

struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

/// Makes objects while no collection begins: that would run finalizers, which are the application's code. Python 3.11 collects
/// where objects are made; later ones don't.
pub(crate) fn uncollected<T>(_: Python<'_>, make: impl FnOnce() -> T) -> T {
    struct Enable(bool);
    impl Drop for Enable {
        fn drop(&mut self) {
            if self.0 {
                // SAFETY: the thread is attached.
                unsafe { ffi::PyGC_Enable() };
            }
        }
    }
    // SAFETY: the thread is attached, and stays so: so no other one sees the change.
    let _enable = Enable(unsafe { ffi::PyGC_Disable() } == 1);
    make()
}
