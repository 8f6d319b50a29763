use std::ffi::c_char;
use std::mem::offset_of;

use ssecast::{Reason, ResetReason};

use crate::entry::{entry, required, write_text};
use crate::error::{ssecast_error, ssecast_result};
use crate::hub::ssecast_hub;
use crate::store_state::ssecast_store_state;
use crate::versioned::{self, Versioned};

/// What a hub holds now, and has done since it was made.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ssecast_stats {
    /// `sizeof(ssecast_stats)`: set it before the call.
    pub size: usize,
    /// Open connections. One that has ended is not counted from before its `on_close` is called, so that a callback finds its
    /// place free: `ssecast_hub_wait_closed` is what waits for callbacks.
    pub connections: u64,
    /// Topics with a subscriber or a history.
    pub topics: u64,
    /// Events published; with a store, by all processes in this life of its log.
    pub published: u64,
    /// Events handed over to connections, each counted once for each of them.
    pub delivered: u64,
    /// Bytes handed over to connections, without the framing of HTTP.
    pub bytes: u64,
    /// Events in the history of all topics.
    pub history_events: u64,
    /// Bytes of memory that events cost: the history, and what slow clients still need.
    pub held_bytes: u64,
    /// Connections that something waits for because they did not take it yet.
    pub lagging: u64,
    /// The bytes that wait for the slowest of them.
    pub lag_bytes: u64,
    /// Connections that ended because the client went away.
    pub disconnects_client: u64,
    /// Connections that the server ended, each by itself.
    pub disconnects_server: u64,
    /// Connections that ended with the hub.
    pub disconnects_shutdown: u64,
    /// Connections that ended because the client was too slow.
    pub disconnects_lagged: u64,
    /// Connections that ended because something on the server failed.
    pub disconnects_error: u64,
    /// Clients told of a loss because they came back with the id of another hub, or of one before a restart.
    pub resets_epoch: u64,
    /// Clients told of a loss because the history no longer went back that far.
    pub resets_expired: u64,
    /// Clients told of a loss because their last event ID was unknown.
    pub resets_unknown: u64,
    /// Clients told of a loss because they were too slow.
    pub resets_lagged: u64,
    /// Bytes that were published or sent and that no thread or event loop has offered to its connections yet.
    pub backlog_bytes: u64,
    /// Clients that were told that they can have no stream for the moment: the hub was full or closing, or a route did not
    /// answer in time.
    pub refused: u64,
    /// An `ssecast_store_state`: how the store is.
    pub store: u32,
    /// Always 0.
    pub reserved: u32,
}

// SAFETY: integers; the last two are as wide as the alignment.
unsafe impl Versioned for ssecast_stats {
    const FIRST: usize = offset_of!(Self, store);

    fn defaults() -> Self {
        Self::default()
    }
}

/// Writes the counters of a hub as `OpenMetrics` text, which Prometheus scrapes: the body of a response whose `Content-Type` is
/// `application/openmetrics-text; version=1.0.0; charset=utf-8`. It is never longer than 8192 bytes; the numbers in it may grow
/// between two calls.
///
/// Writes how many bytes it has to `*length`; there is no zero byte behind them. With `buffer` NULL and `capacity` 0 only
/// the length is written. Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_metrics(
    hub: *const ssecast_hub,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub.
        let hub = unsafe { required(hub, "hub") }?;
        // SAFETY: the caller has `capacity` bytes there.
        unsafe { write_text(hub.hub.metrics().as_bytes(), buffer, capacity, length) }
    })
}

/// Reads the counters of a hub. Set `stats->size` to `sizeof(ssecast_stats)` before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_hub_stats(
    hub: *const ssecast_hub,
    stats: *mut ssecast_stats,
    error: *mut ssecast_error,
) -> ssecast_result {
    entry!(error, {
        // SAFETY: the caller's hub.
        let hub = unsafe { required(hub, "hub") }?;
        // SAFETY: the caller's structure says its size.
        let size = unsafe { versioned::stated(stats, "stats") }?;
        let now = hub.hub.stats();
        let read = ssecast_stats {
            size,
            connections: now.connections,
            topics: now.topics,
            published: now.published,
            delivered: now.delivered,
            bytes: now.bytes,
            history_events: now.history_events,
            held_bytes: now.held_bytes,
            lagging: now.lagging,
            lag_bytes: now.lag_bytes,
            disconnects_client: now.disconnects(Reason::Client),
            disconnects_server: now.disconnects(Reason::Server),
            disconnects_shutdown: now.disconnects(Reason::Shutdown),
            disconnects_lagged: now.disconnects(Reason::Lagged),
            disconnects_error: now.disconnects(Reason::Error),
            resets_epoch: now.resets(ResetReason::Epoch),
            resets_expired: now.resets(ResetReason::Expired),
            resets_unknown: now.resets(ResetReason::Unknown),
            resets_lagged: now.resets(ResetReason::Lagged),
            backlog_bytes: now.backlog_bytes,
            refused: now.refused,
            store: ssecast_store_state::from(now.store) as u32,
            reserved: 0,
        };
        // SAFETY: the caller has `size` bytes there.
        unsafe { versioned::write(stats, read, "stats", size) }
    })
}
