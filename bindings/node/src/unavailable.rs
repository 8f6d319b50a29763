use napi::Env;
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use ssecast::{Error, ErrorKind, Unavailable};

use crate::value::buffer;

/// The answer to a client that can't have a stream at the moment: one of the two.
#[napi(object, object_from_js = false)]
pub struct NativeUnavailable<'env> {
    /// 200, and the whole body of an event stream.
    pub body: Option<BufferSlice<'env>>,
    /// 503, and the seconds of `Retry-After`.
    pub retry_after: Option<f64>,
}

impl<'env> NativeUnavailable<'env> {
    #[allow(clippy::cast_precision_loss, reason = "seconds, of a time that fits into 2^53 milliseconds")]
    pub(crate) fn new(env: &'env Env, answer: Unavailable) -> Result<Self, Error> {
        Ok(match answer {
            Unavailable::Stream { body, .. } => Self { body: Some(buffer(env, &body)?), retry_after: None },
            Unavailable::Status { retry_after, .. } => {
                Self { body: None, retry_after: Some(retry_after as f64) }
            }
        })
    }
}

/// Whether a client whose stream fails with this code is told to come back: the hub has no room at the moment, or is closed.
#[napi]
pub fn is_unavailable(code: String) -> bool {
    ErrorKind::ALL.into_iter().any(|kind| kind.code() == code && Unavailable::answers(kind))
}
