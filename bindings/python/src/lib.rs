//! The Python extension module: converts, calls the engine, maps errors. What the package documents is in python/.
//!
//! Python values are copied before anything else happens. The interpreter is released while the engine works, and
//! no lock is held while anything of Python's is called, which `call` alone does.

#![allow(unreachable_pub, reason = "the entry points are reached from Python")]
#![allow(clippy::needless_pass_by_value, reason = "Python hands values over")]

mod call;
mod class;
mod config;
mod delivery_queue;
mod error;
mod event;
mod events;
mod hub;
mod listener;
mod open_sockets;
mod option;
mod parser;
mod peer_timeout;
mod publications;
mod response;
mod source;
mod termination;
mod unread_watch;
mod value;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::{ffi, wrap_pyfunction};

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    // SAFETY: the thread is attached.
    if unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) } != 0 {
        return Err(PyImportError::new_err(
            "ssecast works in the main interpreter alone, and this is a sub-interpreter; \
             mod_wsgi: WSGIApplicationGroup %{GLOBAL}; uWSGI: single-interpreter = true",
        ));
    }
    for class in [
        py.get_type::<config::History>(),
        py.get_type::<config::SlowClient>(),
        py.get_type::<event::Event>(),
        py.get_type::<events::Events>(),
        py.get_type::<hub::Hub>(),
        py.get_type::<hub::Published>(),
        py.get_type::<hub::Stats>(),
        py.get_type::<listener::Listener>(),
        py.get_type::<listener::Request>(),
        py.get_type::<listener::OriginDecision>(),
        py.get_type::<listener::Responder>(),
        py.get_type::<delivery_queue::Batch>(),
        py.get_type::<delivery_queue::End>(),
        py.get_type::<delivery_queue::DeliveryQueue>(),
        py.get_type::<parser::Parser>(),
        py.get_type::<peer_timeout::PeerTimeout>(),
        py.get_type::<publications::Publications>(),
        py.get_type::<unread_watch::UnreadWatch>(),
        py.get_type::<source::Loss>(),
        py.get_type::<source::Retry>(),
        py.get_type::<source::Source>(),
    ] {
        class::seal(&class);
        module.add(class.name()?, class)?;
    }
    module.add_function(wrap_pyfunction!(hub::process, module)?)?;
    module.add_function(wrap_pyfunction!(call::install, module)?)?;
    module.add_function(wrap_pyfunction!(open_sockets::inode_of, module)?)?;
    module.add_function(wrap_pyfunction!(open_sockets::listening_sockets, module)?)?;
    module.add_function(wrap_pyfunction!(open_sockets::shut_down_connection, module)?)?;
    module.add_function(wrap_pyfunction!(termination::terminations, module)?)?;
    module.add_function(wrap_pyfunction!(event::encode, module)?)?;
    module.add_function(wrap_pyfunction!(option::replay_count, module)?)?;
    module.add_function(wrap_pyfunction!(response::is_finished, module)?)?;
    module.add_function(wrap_pyfunction!(response::last_event_id, module)?)?;
    module.add_function(wrap_pyfunction!(response::stream_headers, module)?)?;
    module.add("UNAVAILABLE", response::unavailable(py)?)
}
