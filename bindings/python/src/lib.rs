//! The Python extension module: converts, calls the engine, maps errors. What the package documents is in python/.
//!
//! Python values are copied before anything else happens. The interpreter is released while the engine works, and
//! no lock is held while anything of Python's is called.

#![allow(unreachable_pub, reason = "the entry points are reached from Python")]
#![allow(clippy::needless_pass_by_value, reason = "Python hands values over")]

mod config;
mod error;
mod event;
mod events;
mod hub;
mod listener;
mod mailbox;
mod option;
mod parser;
mod text;
mod value;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use pyo3::prelude::*;
    use pyo3::types::PyDict;
    use ssecast::ErrorKind;

    use crate::event::Event;

    #[pymodule_export]
    use crate::config::{History, SlowClient};
    #[pymodule_export]
    use crate::event::encode;
    #[pymodule_export]
    use crate::events::Events;
    #[pymodule_export]
    use crate::hub::{Hub, Published, Stats, after_fork};
    #[pymodule_export]
    use crate::listener::{Listener, Request, Responder};
    #[pymodule_export]
    use crate::mailbox::{Batch, End, Mailbox};
    #[pymodule_export]
    use crate::parser::Parser;

    /// The core's kinds of errors by their codes, for the test that each has its class.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let kinds = PyDict::new(module.py());
        for kind in ErrorKind::ALL {
            kinds.set_item(kind.code(), kind.number())?;
        }
        module.add("KINDS", kinds)?;
        module.add("Event", module.py().get_type::<Event>())
    }
}
