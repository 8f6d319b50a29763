use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::time::Duration;

use ssecast::{Cors, Error, ErrorKind, ListenerConfig, OptionKey, Origins};

use crate::callbacks::{
    ssecast_stream_close_callback, ssecast_stream_drain_callback, ssecast_stream_open_callback,
};
use crate::cors;
use crate::error::{Failure, ssecast_result};
use crate::header::{self, ssecast_header};
use crate::number::{milliseconds, or_default};
use crate::replay::replay;
use crate::request::ssecast_request;
use crate::responder::ssecast_responder;
use crate::slice::ssecast_slice;
use crate::versioned::{self, Versioned};

const DEFAULT_ADDRESS: &str = "127.0.0.1:0";

/// Decides on a request, on the listener's thread; it must return soon. The request is the listener's, and valid
/// until the callback returns. The responder is the callback's: it answers with it, now or later, and frees it.
pub type ssecast_route_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        request: *const ssecast_request,
        responder: *mut ssecast_responder,
    ),
>;

/// Says whether pages of an origin may read the answer to a request, on the listener's thread; it must return soon. 1 allows
/// it and 0 does not. A negative number says that the program can't tell: the request is answered 500, and the page is not
/// allowed to read that. The origin and the request are the listener's, and valid until the callback returns.
///
/// ```c
/// static int is_ours(void *user_data, ssecast_slice origin, const ssecast_request *request) {
///   static const char ours[] = ".app.example";
///   size_t length = sizeof ours - 1;
///   (void)user_data, (void)request;
///   return origin.len > length && memcmp(origin.data + origin.len - length, ours, length) == 0;
/// }
/// ```
pub type ssecast_origin_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        origin: ssecast_slice,
        request: *const ssecast_request,
    ) -> c_int,
>;

/// How a listener answers, and what it bears. Times are in milliseconds. A number that is 0 and a text that is left out
/// have their defaults; `SSECAST_ZERO` stands for a real zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ssecast_listen_config {
    /// `sizeof(ssecast_listen_config)`; `ssecast_listen_config_init` sets it.
    pub size: usize,
    /// Where to listen: a host and a port, such as `0.0.0.0:8080` or `[::1]:0`; port 0 takes a free one. Default
    /// `127.0.0.1:0`.
    pub address: ssecast_slice,
    /// The only path that there is; any other is answered 404. With `data` NULL, the default, every path is the
    /// route's.
    pub path: ssecast_slice,
    /// Headers that every stream's response has besides its own, `headers_len` of them.
    pub headers: *const ssecast_header,
    /// How many there are.
    pub headers_len: usize,
    /// The origins whose pages may read the streams, `cors_origins_len` of them, such as `https://app.example`; a
    /// single `*` stands for all. None, the default, allows none. Each is one that browsers send: in lower case, without
    /// a path.
    pub cors_origins: *const ssecast_slice,
    /// How many there are.
    pub cors_origins_len: usize,
    /// How long a browser may remember the answer to a preflight. Default a day.
    pub cors_max_age_ms: u64,
    /// The most bytes of a request's head; a longer one is answered 431. Default 16 KiB.
    pub max_head_bytes: u64,
    /// The most headers of a request; more are answered 431. Default 100.
    pub max_headers: u64,
    /// How long a head may take; then it is answered 408. Default 10000.
    pub head_ms: u64,
    /// How long the route may take to answer; then the request is answered 503. Default 30000.
    pub answer_ms: u64,
    /// The most connections that are no streams yet, or no more. Default 4096.
    pub max_pending: u64,
    /// Not 0: pages of these origins may send cookies. They must be named then, not `*`.
    pub cors_credentials: u32,
    /// Not 0: a client reads the topics that it names in the query, as in `/?topic=ticks`. Every client that reaches the
    /// listener may then read all topics there are, and make new ones. `route` is NULL then.
    pub query_topics: u32,
    /// Decides on requests.
    pub route: ssecast_route_callback,
    /// Hands out the connections of streams. May be NULL.
    pub on_open: ssecast_stream_open_callback,
    /// Is told of the end of streams. May be NULL.
    pub on_close: ssecast_stream_close_callback,
    /// Is told that what was sent to one stream alone is out. May be NULL.
    pub on_drain: ssecast_stream_drain_callback,
    /// What the callbacks get. It must live until the listener was freed and the end of each of its streams was told.
    pub user_data: *mut c_void,
    /// What a client without a last event ID begins with, unless `ssecast_responder_allow_with_replay` says otherwise: so
    /// many of the last events, of all its topics together, or `SSECAST_REPLAY_ALL`. The stream goes on live behind them,
    /// without a gap. Default 0: it begins live.
    pub replay: u64,
    /// Decides on the origin of each request that has one, a preflight too, before `route` is asked; `cors_origins` are left
    /// out then. Its answer holds for refusals as well. May be NULL.
    pub cors_allows: ssecast_origin_callback,
}

// SAFETY: integers, pointers, functions and slices; the last of them is as wide as the alignment.
unsafe impl Versioned for ssecast_listen_config {
    const FIRST: usize = offset_of!(Self, replay);

    fn defaults() -> Self {
        let config = ListenerConfig::default();
        Self {
            size: size_of::<Self>(),
            address: ssecast_slice::new(DEFAULT_ADDRESS.as_bytes()),
            path: ssecast_slice::NONE,
            headers: std::ptr::null(),
            headers_len: 0,
            cors_origins: std::ptr::null(),
            cors_origins_len: 0,
            cors_max_age_ms: milliseconds(Cors::default().max_age),
            max_head_bytes: config.max_head_bytes as u64,
            max_headers: config.max_headers as u64,
            head_ms: milliseconds(config.head_time),
            answer_ms: milliseconds(config.answer_time),
            max_pending: config.max_pending as u64,
            cors_credentials: 0,
            query_topics: 0,
            route: None,
            on_open: None,
            on_close: None,
            on_drain: None,
            user_data: std::ptr::null_mut(),
            replay: 0,
            cors_allows: None,
        }
    }
}

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_listen_config)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ssecast_listen_config_init(
    config: *mut ssecast_listen_config,
    size: usize,
) -> ssecast_result {
    // SAFETY: the caller has `size` bytes there.
    unsafe { versioned::initialize(config, "config", size) }
}

impl ssecast_listen_config {
    /// # Safety
    /// What it points to is there.
    pub(crate) unsafe fn core(&self) -> Result<ListenerConfig, Failure> {
        let default = Self::defaults();
        let size = |number, default| usize::try_from(or_default(number, default)).unwrap_or(usize::MAX);
        let time = |number, default| Duration::from_millis(or_default(number, default));
        // SAFETY: the caller's promise, here and below.
        let path = unsafe { self.path.text("path", ErrorKind::InvalidOption) }?.map(str::to_owned);
        Ok(ListenerConfig {
            path,
            // SAFETY: the same.
            cors: unsafe { self.cors() }?,
            // SAFETY: the same.
            headers: unsafe { header::pairs(self.headers, self.headers_len) }?,
            max_head_bytes: size(self.max_head_bytes, default.max_head_bytes),
            max_headers: size(self.max_headers, default.max_headers),
            head_time: time(self.head_ms, default.head_ms),
            answer_time: time(self.answer_ms, default.answer_ms),
            max_pending: size(self.max_pending, default.max_pending),
            replay: replay(self.replay),
        })
    }

    /// # Safety
    /// As [`core`](Self::core).
    unsafe fn cors(&self) -> Result<Option<Cors>, Failure> {
        // SAFETY: the caller's promise.
        let listed = unsafe { cors::read(self.cors_origins, self.cors_origins_len) }?;
        let invalid = |option, problem| Err(Error::new(ErrorKind::InvalidOption, option, problem).into());
        let origins = match (listed, self.cors_allows) {
            (Some(_), Some(_)) => {
                let problem = "must be left out where cors_allows is set: one of them decides";
                return invalid(OptionKey::CorsOrigins, problem);
            }
            (None, Some(_)) => Origins::Decided,
            (Some(origins), None) => origins,
            (None, None) if self.cors_credentials != 0 => {
                let problem = "is for the pages of other origins, and no origin is given";
                return invalid(OptionKey::CorsCredentials, problem);
            }
            (None, None) => return Ok(None),
        };
        let max_age =
            Duration::from_millis(or_default(self.cors_max_age_ms, Self::defaults().cors_max_age_ms));
        Ok(Some(Cors { origins, credentials: self.cors_credentials != 0, max_age }))
    }

    /// Where to listen.
    ///
    /// # Safety
    /// The text stays for as long as the borrow lives.
    pub(crate) unsafe fn address<'a>(&self) -> Result<&'a str, Failure> {
        // SAFETY: the caller's promise.
        let address = unsafe { self.address.text("address", ErrorKind::InvalidOption) }?;
        Ok(address.unwrap_or(DEFAULT_ADDRESS))
    }
}
