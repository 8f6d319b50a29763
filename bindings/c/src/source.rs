use std::ffi::c_void;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};

use ssecast::codec::Item;
use ssecast_client::{Loss, Source, State, Step};

use crate::entry::{entry, exclusive, free, output, required};
use crate::error::{Failure, ssecast_error, ssecast_result};
use crate::header::ssecast_header;
use crate::number::{SSECAST_OFF, milliseconds};
use crate::parser::{ssecast_item, ssecast_item_callback};
use crate::slice::ssecast_slice;
use crate::source_config::{self, ssecast_source_config};
use crate::source_request::ssecast_source_request;
use crate::source_response::{self, ssecast_source_response};
use crate::source_step::{self, ssecast_next, ssecast_source_step};
use crate::versioned;

use ssecast_next::*;

/// A client's stream: an `EventSource` that reconnects and resumes. It does no I/O and has no clock, so that it works with
/// libcurl and with any other transport: it says what to do next, and the program does it.
///
/// 1. `ssecast_source_next_request` says what to send. The program sends it, and follows no redirect by itself.
/// 2. The response's head goes to `ssecast_source_respond`, and then its body to `ssecast_source_feed`, which gives the
///    events.
/// 3. The end of the response, a failure and a silence go to `ssecast_source_lose`.
///
/// 2 and 3 write an `ssecast_source_step`: read on, send the next request at once or after a wait, or stop.
///
/// One thread at a time: a call that meets another one fails with `SSECAST_BUSY`, and so does a call from inside the
/// callback.
pub struct ssecast_source(Mutex<Machine>);

struct Machine {
    source: Source,
    /// What the last request and the last step point to.
    headers: Vec<ssecast_header>,
    message: String,
}

/// Makes a source. Give it back with `ssecast_source_free`. Fails with `SSECAST_INVALID_OPTION` or `SSECAST_INVALID_ID`, and
/// names the field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_new(
    config: *const ssecast_source_config,
    source: *mut *mut ssecast_source,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's configuration is as its size says.
        let made = unsafe { source_config::source(config) }?;
        let source = output(source, "source")?;
        let made = Machine { source: made, headers: Vec::new(), message: String::new() };
        // SAFETY: not NULL.
        unsafe { source.write(Box::into_raw(Box::new(ssecast_source(Mutex::new(made))))) };
        Ok(())
    })
}

/// Frees a source. Not from inside its callback. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_free(source: *mut ssecast_source) {
    // SAFETY: NULL or from `ssecast_source_new`, and not used again.
    unsafe { free(source) };
}

/// Gives what to send now: at first, after a redirect, and after a wait. Set `request->size` before. Fails with
/// `SSECAST_CLOSED` if there is no next request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_next_request(
    source: *mut ssecast_source,
    request: *mut ssecast_source_request,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's source.
        let mut machine = unsafe { lock(source) }?;
        // SAFETY: the caller's structure says its size.
        let size = unsafe { versioned::stated(request, "request") }?;
        let Machine { source, headers, .. } = &mut *machine;
        if source.state() == State::Closed {
            let problem = "is closed: there is no next request";
            return Err(Failure::new(ssecast_result::SSECAST_CLOSED, "source", problem));
        }
        let next = source.request();
        headers.clear();
        headers.extend(next.headers().map(|(name, value)| ssecast_header::new(name, value)));
        let idle_ms = source.idle().map_or(SSECAST_OFF, milliseconds);
        let next = ssecast_source_request::new(&next, headers, idle_ms);
        // SAFETY: the caller has `size` bytes there.
        unsafe { versioned::write(request, next, "request", size) }
    })
}

/// Takes the head of the response to the last request. Set `step->size` before. Fails with `SSECAST_BUSY` while an
/// earlier response is read: that one is given up with `ssecast_source_lose`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_respond(
    source: *mut ssecast_source,
    response: *const ssecast_source_response,
    step: *mut ssecast_source_step,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's source.
        let mut machine = unsafe { lock(source) }?;
        // SAFETY: the caller's response is as its size says, and its texts are there until the call returns.
        let response = unsafe { source_response::read(response) }?;
        // SAFETY: the caller's structure says its size.
        let size = unsafe { versioned::stated(step, "step") }?;
        let next = match machine.source.state() {
            State::Closed => ssecast_source_step::to(SSECAST_NEXT_CLOSED),
            State::Open => {
                let problem = "reads a response already: call ssecast_source_lose before the next one";
                return Err(Failure::new(ssecast_result::SSECAST_BUSY, "source", problem));
            }
            State::Connecting => match machine.source.respond(&response) {
                Step::Read => ssecast_source_step::to(SSECAST_NEXT_READ),
                Step::Redirect => ssecast_source_step::to(SSECAST_NEXT_REDIRECT),
                Step::Lost(loss) => machine.lost(&loss),
            },
        };
        // SAFETY: the caller has `size` bytes there.
        unsafe { versioned::write(step, next, "step", size) }
    })
}

/// Takes a chunk of the response's body, of any size, and calls `on_item` for each event in it; no other kind of item
/// comes. A callback that does not return 0 closes the source: no event follows, not even of this chunk. Set `step->size`
/// before. Fails with `SSECAST_ENDED` if no response is read.
///
/// `on_item` runs as that of `ssecast_parser_feed` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_feed(
    source: *mut ssecast_source,
    chunk: ssecast_slice,
    on_item: ssecast_item_callback,
    user_data: *mut c_void,
    step: *mut ssecast_source_step,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's source.
        let mut machine = unsafe { lock(source) }?;
        // SAFETY: the caller's chunk is there until the call returns.
        let chunk = unsafe { chunk.bytes("chunk") }?.unwrap_or_default();
        let on_item = on_item.ok_or_else(|| Failure::null("on_item"))?;
        // SAFETY: the caller's structure says its size.
        let size = unsafe { versioned::stated(step, "step") }?;
        if machine.source.state() == State::Connecting {
            let problem = "reads no response: give its head to ssecast_source_respond first";
            return Err(Failure::new(ssecast_result::SSECAST_ENDED, "source", problem));
        }
        let fed = machine.source.feed(chunk, |message| {
            let item = ssecast_item::from(Item::Event(message));
            // SAFETY: the caller's function and data; the item lives as long as the call.
            match unsafe { on_item(user_data, &raw const item) } {
                0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        let next = match fed {
            Err(loss) => machine.lost(&loss),
            Ok(()) if machine.source.state() == State::Closed => ssecast_source_step::to(SSECAST_NEXT_CLOSED),
            Ok(()) => ssecast_source_step::to(SSECAST_NEXT_READ),
        };
        // SAFETY: the caller has `size` bytes there.
        unsafe { versioned::write(step, next, "step", size) }
    })
}

/// Takes that there is no connection, or no longer one: `SSECAST_CAUSE_NETWORK`, `SSECAST_CAUSE_ENDED` or
/// `SSECAST_CAUSE_IDLE`. An event that is not complete is dropped, and comes whole after the next connection. `problem` is
/// what the transport says of it, for the message; it may be left out. Set `step->size` before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_lose(
    source: *mut ssecast_source,
    cause: u32,
    problem: ssecast_slice,
    step: *mut ssecast_source_step,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's source.
        let mut machine = unsafe { lock(source) }?;
        // SAFETY: the caller's text is there until the call returns.
        let problem = unsafe { problem.bytes("problem") }?.unwrap_or_default();
        let cause = source_step::cause(cause, &String::from_utf8_lossy(problem))?;
        // SAFETY: the caller's structure says its size.
        let size = unsafe { versioned::stated(step, "step") }?;
        let loss = machine.source.lose(cause);
        let next = machine.lost(&loss);
        // SAFETY: the caller has `size` bytes there.
        unsafe { versioned::write(step, next, "step", size) }
    })
}

/// Closes a source for good: there is no next request. The program gives up the response, or the wait. Inside the
/// callback, return 1 instead.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_close(
    source: *mut ssecast_source,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's source.
        unsafe { lock(source) }?.source.close();
        Ok(())
    })
}

/// Gives the last event ID: what the next request resumes from; empty if there is none. It is valid until the next call
/// for this source.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_last_event_id(
    source: *mut ssecast_source,
    last_event_id: *mut ssecast_slice,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's source.
        let machine = unsafe { lock(source) }?;
        let last_event_id = output(last_event_id, "last_event_id")?;
        // SAFETY: not NULL.
        unsafe { last_event_id.write(ssecast_slice::new(machine.source.last_event_id().as_bytes())) };
        Ok(())
    })
}

impl Machine {
    fn lost(&mut self, loss: &Loss) -> ssecast_source_step {
        self.message = loss.cause.to_string();
        ssecast_source_step::lost(loss, &self.message)
    }
}

/// # Safety
/// It is NULL or from `ssecast_source_new`, and not freed before the guard is dropped.
unsafe fn lock<'a>(source: *mut ssecast_source) -> Result<MutexGuard<'a, Machine>, Failure> {
    // SAFETY: the caller's promise.
    exclusive(&unsafe { required(source, "source") }?.0, "source")
}
