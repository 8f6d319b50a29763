use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::prelude::*;
use ssecast::{ErrorKind, os_error};

use crate::error::{Failure, Result, entry};
use crate::hub::Hub;
use crate::option::seconds;
use crate::value::text;

/// A producer's interest in whether a topic is read.
///
/// When it is known how that ends the descriptor becomes readable. The thread that makes it so, the hub's, never waits for
/// the interpreter.
#[pyclass(frozen, module = "ssecast._native")]
pub struct UnreadWatch {
    watch: Mutex<Option<ssecast::UnreadWatch>>,
    readable: UnixStream,
    is_unread: OnceLock<bool>,
}

/// Tells the end of the interest: a one when the topic has lost its last reader, else a zero.
struct Teller(UnixStream);

impl Teller {
    fn tell(&self, is_unread: bool) {
        // There is room: nothing else is written.
        let _ = (&self.0).write(&[u8::from(is_unread)]);
    }
}

impl Drop for Teller {
    /// Behind a one it means nothing.
    fn drop(&mut self) {
        self.tell(false);
    }
}

impl UnreadWatch {
    fn take(&self) -> Option<ssecast::UnreadWatch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl UnreadWatch {
    #[new]
    fn new(
        py: Python<'_>,
        hub: &Bound<'_, Hub>,
        topic: &Bound<'_, PyAny>,
        after: &Bound<'_, PyAny>,
    ) -> Result<Self> {
        entry(|| {
            let topic = text(topic, "topic", ErrorKind::InvalidTopic)?;
            let after = seconds("after", after, "a number of seconds")?;
            let failed = |error: io::Error| {
                Failure::from(os_error(&error, ErrorKind::Internal, "hub", "can't be watched"))
            };
            let (readable, waker) = UnixStream::pair().map_err(failed)?;
            waker.set_nonblocking(true).map_err(failed)?;
            readable.set_nonblocking(true).map_err(failed)?;
            let (hub, teller) = (hub.get().hub(), Teller(waker));
            let watch = py.detach(|| hub.when_unread(&topic, after, move || teller.tell(true)))?;
            Ok(Self { watch: Mutex::new(Some(watch)), readable, is_unread: OnceLock::new() })
        })
    }

    /// The descriptor that is readable once it is over.
    fn fileno(&self) -> RawFd {
        self.readable.as_raw_fd()
    }

    /// Whether the topic has lost its last reader for so long; None while that is not known.
    #[getter]
    fn is_unread(&self) -> Option<bool> {
        let mut told = [0];
        if self.is_unread.get().is_none() && matches!((&self.readable).read(&mut told), Ok(1)) {
            let _ = self.is_unread.set(told[0] == 1);
        }
        self.is_unread.get().copied()
    }

    /// Ends the interest. Closing twice is fine.
    fn close(&self, py: Python<'_>) {
        // It takes the hub's lock.
        py.detach(|| drop(self.take()));
    }
}
