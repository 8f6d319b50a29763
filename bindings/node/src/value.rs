use napi::bindgen_prelude::{BufferSlice, FromNapiValue, JsValue, Object, Uint8Array, Unknown};
use napi::{Env, ValueType};
use ssecast::codec::retry_from_f64;
use ssecast::{Error, ErrorKind, Event};

use crate::error::internal;

/// The fields of an event as JavaScript gave them, copied.
pub(crate) struct Fields {
    event: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    data: Option<String>,
    comment: Option<String>,
}

impl Fields {
    /// Reads `{ event, id, retry, data, comment }`, of which each may be missing.
    pub(crate) fn read(object: &Object<'_>) -> Result<Self, Error> {
        let get = |name: &str| object.get::<Unknown<'_>>(name).map_err(internal);
        Ok(Self {
            event: text(get("event")?, "event", ErrorKind::InvalidEvent)?,
            id: id(get("id")?)?,
            retry: retry(get("retry")?)?,
            data: data(get("data")?)?,
            comment: text(get("comment")?, "comment", ErrorKind::InvalidData)?,
        })
    }

    pub(crate) fn event(&self) -> Event<'_> {
        Event {
            event: self.event.as_deref(),
            id: self.id.as_deref(),
            retry: self.retry,
            data: self.data.as_deref(),
            comment: self.comment.as_deref(),
        }
    }
}

pub(crate) fn kind(value: &Unknown<'_>) -> Result<ValueType, Error> {
    value.get_type().map_err(internal)
}

pub(crate) fn cast<T: FromNapiValue>(value: &Unknown<'_>) -> Result<T, Error> {
    // SAFETY: the environment and the value are those that Node-API passed in with `value`, which is borrowed
    // from the call under way.
    unsafe { T::from_napi_value(value.value().env, value.raw()) }.map_err(internal)
}

/// A string, or nothing.
pub(crate) fn text(
    value: Option<Unknown<'_>>,
    field: &'static str,
    error: ErrorKind,
) -> Result<Option<String>, Error> {
    let Some(value) = value else { return Ok(None) };
    match kind(&value)? {
        ValueType::Undefined | ValueType::Null => Ok(None),
        ValueType::String => cast(&value).map(Some),
        other => Err(Error::new(error, field, format!("must be a string, not {}", name(other)))),
    }
}

/// A string, or a whole number for its digits.
fn id(value: Option<Unknown<'_>>) -> Result<Option<String>, Error> {
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    match &value {
        Some(number) if kind(number)? == ValueType::Number => {
            let number: f64 = cast(number)?;
            if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER {
                return Ok(Some(format!("{number:.0}")));
            }
            Err(Error::new(
                ErrorKind::InvalidId,
                "id",
                format!("must be a string or a whole number, not {number}"),
            ))
        }
        _ => text(value, "id", ErrorKind::InvalidId),
    }
}

fn retry(value: Option<Unknown<'_>>) -> Result<Option<u64>, Error> {
    let Some(value) = value else { return Ok(None) };
    match kind(&value)? {
        ValueType::Undefined | ValueType::Null => Ok(None),
        ValueType::Number => retry_from_f64(cast(&value)?).map(Some),
        other => {
            let problem = format!("must be a whole number of milliseconds, not {}", name(other));
            Err(Error::new(ErrorKind::InvalidRetry, "retry", problem))
        }
    }
}

/// A string, or bytes that are UTF-8.
fn data(value: Option<Unknown<'_>>) -> Result<Option<String>, Error> {
    match &value {
        Some(object) if kind(object)? == ValueType::Object => {
            let bytes: Uint8Array = cast(object)?;
            String::from_utf8(bytes.to_vec()).map(Some).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                Error::new(ErrorKind::InvalidData, "data", format!("must be UTF-8, and is not at byte {at}"))
            })
        }
        _ => text(value, "data", ErrorKind::InvalidData),
    }
}

/// An error's name for a type.
pub(crate) fn name(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Undefined => "undefined",
        ValueType::Null => "null",
        ValueType::Boolean => "a boolean",
        ValueType::Number => "a number",
        ValueType::String => "a string",
        ValueType::Symbol => "a symbol",
        ValueType::Function => "a function",
        ValueType::BigInt => "a bigint",
        _ => "an object",
    }
}

/// Copies bytes into a Buffer of Node's.
pub(crate) fn buffer<'env>(env: &'env Env, bytes: &[u8]) -> Result<BufferSlice<'env>, Error> {
    BufferSlice::copy_from(env, bytes).map_err(internal)
}
