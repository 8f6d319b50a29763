use std::ptr;
use std::time::Duration;

use ssecast::{Error, ErrorKind, Language, OptionKey};
use ssecast_client::{Options, Source};

use crate::error::{Failure, ssecast_result};
use crate::number::{SSECAST_OFF, SSECAST_ZERO};
use crate::slice::{self, ssecast_slice};
use crate::versioned::{self, Versioned};

/// How a source connects. A number that is 0 has its default; only `url` has none.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_source_config {
    /// `sizeof(ssecast_source_config)`; `ssecast_source_config_init` sets it.
    pub size: usize,
    /// Where the stream is: an `http:` or `https:` URL.
    pub url: ssecast_slice,
    /// The request's method. Default `GET`.
    pub method: ssecast_slice,
    /// The id to resume from at first. Default: none.
    pub last_event_id: ssecast_slice,
    /// The silence after which a connection counts as dead, in milliseconds; comments end it too. The program keeps the
    /// time. Default `SSECAST_OFF`.
    pub idle_ms: u64,
    /// The most bytes of one event. Default 16 MiB.
    pub max_event_bytes: u64,
    /// The first wait before a new connection, in milliseconds, while the stream has set no reconnection time. Default
    /// 2000. No wait is shorter than 100.
    pub retry_first_ms: u64,
    /// What waits grow to, in milliseconds; a longer reconnection time of the stream's still holds. Default 30000.
    pub retry_longest_ms: u64,
    /// How long each wait is in percent of the one before, until an event comes; from 100 to 100000. Default 200.
    pub retry_growth_percent: u64,
    /// The part of a wait, in percent, by which it may be longer at random, so that clients spread; up to 100, and
    /// `SSECAST_ZERO` for none. Default 50.
    pub retry_jitter_percent: u64,
    /// `retry_statuses_len` statuses, from 201 to 599, after which the source tries again, and honours `Retry-After`.
    /// Default: none, as in browsers.
    pub retry_statuses: *const u16,
    /// How many there are.
    pub retry_statuses_len: usize,
}

// SAFETY: integers, pointers and slices, the last of them as wide as the alignment.
unsafe impl Versioned for ssecast_source_config {
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            url: ssecast_slice::NONE,
            method: ssecast_slice::NONE,
            last_event_id: ssecast_slice::NONE,
            idle_ms: 0,
            max_event_bytes: 0,
            retry_first_ms: 0,
            retry_longest_ms: 0,
            retry_growth_percent: 0,
            retry_jitter_percent: 0,
            retry_statuses: ptr::null(),
            retry_statuses_len: 0,
        }
    }
}

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_source_config)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_source_config_init(
    config: *mut ssecast_source_config,
    size: usize,
) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(config, "config", size) }
}

/// Makes the state machine that a configuration of the caller's asks for.
///
/// # Safety
/// The configuration is NULL or as its size says, and so are its texts and its array until the call returns.
pub(crate) unsafe fn source(config: *const ssecast_source_config) -> Result<Source, Failure> {
    // SAFETY: the caller's promise.
    let config = unsafe { versioned::read(config, "config", "config.size") }?;
    // SAFETY: the same.
    let text = |slice: ssecast_slice, name, kind| unsafe { slice.text(name, kind) };
    // SAFETY: the same.
    let statuses =
        unsafe { slice::array(config.retry_statuses, config.retry_statuses_len, "retry_statuses") }?;
    let url = text(config.url, "url", ErrorKind::InvalidOption)?.ok_or_else(|| Failure::null("url"))?;
    let mut options = Options::default();
    if let Some(method) = text(config.method, "method", ErrorKind::InvalidOption)? {
        options.method = method.into();
    }
    if let Some(id) = text(config.last_event_id, "last_event_id", ErrorKind::InvalidId)? {
        options.last_event_id = id.into();
    }
    options.idle = given(config.idle_ms).filter(|idle| *idle != SSECAST_OFF).map(Duration::from_millis);
    if let Some(bytes) = given(config.max_event_bytes) {
        options.max_event_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    let retry = &mut options.retry;
    retry.first = given(config.retry_first_ms).map_or(retry.first, Duration::from_millis);
    retry.longest = given(config.retry_longest_ms).map_or(retry.longest, Duration::from_millis);
    retry.growth = given(config.retry_growth_percent).map_or(retry.growth, of_percent);
    retry.jitter = given(config.retry_jitter_percent).map_or(retry.jitter, of_percent);
    retry.statuses = statuses.to_vec();
    Source::new(url, options).map_err(in_percent)
}

/// The number that the caller set, if it set one.
fn given(value: u64) -> Option<u64> {
    match value {
        0 => None,
        SSECAST_ZERO => Some(0),
        value => Some(value),
    }
}

fn of_percent(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX)) / 100.0
}

/// The core counts growth and jitter as fractions, and says so.
fn in_percent(error: Error) -> Failure {
    let (option, problem) = match error.option() {
        Some(option @ OptionKey::RetryGrowth) => (option, "must be from 100 to 100000"),
        Some(option @ OptionKey::RetryJitter) => (option, "must be at most 100; SSECAST_ZERO is none"),
        _ => return error.into(),
    };
    Failure::new(error.kind().into(), option.name(Language::C), problem).about(option)
}
