use std::ffi::c_void;
use std::mem::offset_of;

use crate::error::ssecast_result;
use crate::framing::ssecast_framing;
use crate::poller::ssecast_poller;
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

/// How a client subscribes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_subscription_config {
    /// `sizeof(ssecast_subscription_config)`; `ssecast_subscription_config_init` sets it.
    pub size: usize,
    /// The topics that this client may read, `topics_len` of them. None makes a private stream: only what is sent
    /// to it alone.
    pub topics: *const ssecast_slice,
    /// How many there are.
    pub topics_len: usize,
    /// The client's `Last-Event-ID`, if it sent one.
    pub last_event_id: ssecast_slice,
    /// An `ssecast_framing`: how `ssecast_subscription_next` frames the bytes. Default `SSECAST_FRAMING_RAW`.
    pub framing: u32,
    /// Always 0.
    pub reserved: u32,
    /// What a client without a last event ID begins with: so many of the last events, of all its topics together, or
    /// `SSECAST_REPLAY_ALL`. The stream goes on live behind them, without a gap. Default 0: it begins live.
    pub replay: u64,
    /// The poller of the caller's event loop, which is of the same hub. With NULL, the default, the subscription has a descriptor of
    /// its own.
    pub poller: *mut ssecast_poller,
    /// Whom it is for: what `ssecast_subscription_user_data` gives. Default NULL.
    pub user_data: *mut c_void,
}

// SAFETY: integers, pointers and a slice, none of them with a gap before it.
unsafe impl Versioned for ssecast_subscription_config {
    const FIRST: usize = offset_of!(Self, replay);

    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            topics: std::ptr::null(),
            topics_len: 0,
            last_event_id: ssecast_slice::NONE,
            framing: ssecast_framing::SSECAST_FRAMING_DEFAULT as u32,
            reserved: 0,
            replay: 0,
            poller: std::ptr::null_mut(),
            user_data: std::ptr::null_mut(),
        }
    }
}

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_subscription_config)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_subscription_config_init(
    config: *mut ssecast_subscription_config,
    size: usize,
) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(config, "config", size) }
}
