use std::ffi::c_void;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ssecast::UnreadWatch;
use ssecast::process::Process;

use crate::entry::{entry, free, output, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::hub::{required_topic, ssecast_hub};
use crate::slice::ssecast_slice;

/// Tells that a topic has lost its last reader, once, on a thread of the hub; it must return soon.
pub type ssecast_unread_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The interest in whether a topic is read. Any thread may free it.
pub struct ssecast_unread_watch {
    watch: Option<UnreadWatch>,
    told: Arc<Told>,
    made_in: Process,
}

/// The caller's function, and whether it may be called.
struct Told {
    on_unread: unsafe extern "C" fn(*mut c_void),
    user_data: *mut c_void,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    /// The watch is freed: it is called no more.
    is_over: bool,
    /// The thread that calls it now.
    caller: Option<ThreadId>,
}

// SAFETY: the user data is only handed back to the caller's own function, which the header says runs on another thread.
unsafe impl Send for Told {}
// SAFETY: the same.
unsafe impl Sync for Told {}

impl Told {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        state.caller = Some(thread::current().id());
        drop(state);
        // SAFETY: the caller's function and data, which live until the watch is freed, which waits for this call.
        unsafe { (self.on_unread)(self.user_data) };
        self.state().caller = None;
        self.returned.notify_all();
    }

    /// From here on it is not called, and has returned, unless this is that call.
    fn end(&self) {
        let mut state = self.state();
        state.is_over = true;
        while state.caller.is_some_and(|caller| caller != thread::current().id()) {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for ssecast_unread_watch {
    fn drop(&mut self) {
        drop(self.watch.take());
        // In a child of its process the thread that calls it is not there.
        if self.made_in.is_current() {
            self.told.end();
        }
    }
}

/// Has the producer of a topic told when it may stop: `on_unread` is called once when the topic has had a reader since this
/// call and then had none for `after_ms` milliseconds, in no process that shares the store. While there has never been a
/// reader it is not called. With a store the other processes are asked; one that is killed, or can't reach the store, counts
/// as without readers after 15 seconds. While this process can't reach the store, and for 15 seconds after that,
/// `on_unread` is not called.
///
/// Give `watch` back with `ssecast_unread_watch_free`. The end of the topic and closing the hub end the interest;
/// the watch may outlive the hub.
///
/// Fails with `SSECAST_INVALID_TOPIC` or `SSECAST_CLOSED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_when_unread(
    hub: *mut ssecast_hub,
    topic: ssecast_slice,
    after_ms: u64,
    on_unread: ssecast_unread_callback,
    user_data: *mut c_void,
    watch: *mut *mut ssecast_unread_watch,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub and text are there until the call returns.
        let (hub, topic) = unsafe { (required(hub, "hub")?, required_topic(topic)?) };
        let on_unread = on_unread.ok_or_else(|| Failure::null("on_unread"))?;
        let watch = output(watch, "watch")?;
        let told = Arc::new(Told { on_unread, user_data, state: Mutex::default(), returned: Condvar::new() });
        let telling = Arc::clone(&told);
        let core = hub.hub.when_unread(topic, Duration::from_millis(after_ms), move || telling.tell())?;
        let made = ssecast_unread_watch { watch: Some(core), told, made_in: Process::current() };
        // SAFETY: not NULL.
        unsafe { watch.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

/// Ends the interest and frees the watch. It waits for a call of `on_unread` that is under way, unless it is called by that;
/// none follows. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_unread_watch_free(watch: *mut ssecast_unread_watch) {
    // SAFETY: NULL or from `ssecast_hub_when_unread`, and not used again.
    unsafe { free(watch) };
}
