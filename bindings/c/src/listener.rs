use std::sync::atomic::{AtomicBool, Ordering};

use ssecast::Listener;

use crate::connection::ended;
use crate::entry::{entry, free, output, quiet, required};
use crate::error::{ssecast_error, ssecast_result};
use crate::hub::ssecast_hub;
use crate::listen_config::ssecast_listen_config;
use crate::routes::Routes;
use crate::slice::ssecast_slice;
use crate::versioned;

/// An HTTP/1.1 endpoint of a hub, for programs that have no HTTP server. Any thread may use it.
pub struct ssecast_listener {
    listener: Listener,
    address: String,
    closed: AtomicBool,
}

/// Binds an address and answers requests for streams there, on a thread of its own; an idle client costs about a
/// kilobyte. Either `route` or `query_topics` is set. Requests that can't have a stream are answered without the
/// route: 400, 404, 405, 406, 408, 413, 431, 503, 505; preflights, too. TLS and HTTP/2 are for a proxy in front of
/// it. Give the listener back with `ssecast_listener_free`.
///
/// Fails with `SSECAST_INVALID_OPTION`, and names the field; with `SSECAST_TOO_MANY_DESCRIPTORS` or `SSECAST_CLOSED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_listen(
    hub: *mut ssecast_hub,
    config: *const ssecast_listen_config,
    listener: *mut *mut ssecast_listener,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub, and a configuration that is as its size says.
        let (hub, config) =
            unsafe { (required(hub, "hub")?, versioned::read(config, "config", "config.size")?) };
        let listener = output(listener, "listener")?;
        // SAFETY: the caller's texts are there until the call returns.
        let (core, address) = unsafe { (config.core()?, config.address()?) };
        let bound = Listener::bind(&hub.hub, address, core, Routes::try_from(&config)?)?;
        let made = ssecast_listener {
            address: bound.address().to_string(),
            listener: bound,
            closed: AtomicBool::new(false),
        };
        // SAFETY: not NULL.
        unsafe { listener.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

/// Gives the address and port that a listener has, such as `127.0.0.1:8080`; left out for NULL. It is valid until
/// the listener is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_listener_address(listener: *const ssecast_listener) -> ssecast_slice {
    // SAFETY: the caller's listener.
    let listener = unsafe { listener.as_ref() };
    listener.map_or(ssecast_slice::NONE, |listener| ssecast_slice::new(listener.address.as_bytes()))
}

/// Gives the port that a listener has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_listener_port(listener: *const ssecast_listener) -> u16 {
    // SAFETY: the caller's listener.
    quiet(0, || unsafe { listener.as_ref() }.map_or(0, |listener| listener.listener.address().port()))
}

/// Closes a listener, without waiting for it: it accepts no connection any more, and answers 503 to every client
/// that has no stream yet. Streams go on until the hub is closed.
///
/// Fails with `SSECAST_ENDED` if it is closed already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_listener_close(
    listener: *mut ssecast_listener,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's listener.
        let listener = unsafe { required(listener, "listener") }?;
        if listener.closed.swap(true, Ordering::AcqRel) {
            return Err(ended("listener"));
        }
        listener.listener.close();
        Ok(())
    })
}

/// Closes a listener and frees it, after its thread has ended: that takes about a quarter of a second at most,
/// beyond a call of `route` or `cors_allows` that is under way. These may do it themselves, and then wait for
/// nothing. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_listener_free(listener: *mut ssecast_listener) {
    // SAFETY: NULL or from `ssecast_hub_listen`, and not used again.
    unsafe { free(listener) };
}
