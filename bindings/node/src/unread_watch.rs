use std::time::Duration;

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use ssecast::{Error, ErrorKind, UnreadWatch};

use crate::error::{Result, entry, internal};
use crate::hub::NativeHub;

/// Waits for a topic to lose its last reader, until it is stopped or collected.
#[napi]
pub struct NativeUnreadWatch(Option<UnreadWatch>);

#[napi]
impl NativeUnreadWatch {
    /// `unread` is called once, on the event loop, which the watch does not keep alive.
    #[napi(constructor, ts_args_type = "hub: NativeHub, topic: string, afterMs: number, unread: () => void")]
    pub fn new(hub: &NativeHub, topic: String, after_ms: f64, unread: Function<'_, (), ()>) -> Result<Self> {
        entry(|| {
            let after = Duration::try_from_secs_f64(after_ms / 1000.0).map_err(|_| {
                let problem = format!("must be a non-negative number of milliseconds, not {after_ms}");
                Error::new(ErrorKind::InvalidOption, "afterMs", problem)
            })?;
            let unread = unread.build_threadsafe_function::<()>().weak::<true>().build().map_err(internal)?;
            let watch = hub.hub.when_unread(&topic, after, move || {
                // It fails only when the event loop ends, and then there is nothing to tell.
                unread.call((), ThreadsafeFunctionCallMode::NonBlocking);
            })?;
            Ok(Self(Some(watch)))
        })
    }

    #[napi]
    pub fn stop(&mut self) {
        self.0 = None;
    }
}
