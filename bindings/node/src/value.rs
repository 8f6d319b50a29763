use napi::bindgen_prelude::{BufferSlice, FromNapiValue, JsValue, Unknown};
use napi::{Env, ValueType, sys};
use ssecast::{Error, ErrorKind};

use crate::error::internal;

pub(crate) fn kind(value: &Unknown<'_>) -> Result<ValueType, Error> {
    value.get_type().map_err(internal)
}

/// The same for a value as Node-API has it.
pub(crate) fn kind_of(env: sys::napi_env, value: sys::napi_value) -> Result<ValueType, Error> {
    let mut kind = 0;
    // SAFETY: the value is an argument of the call under way.
    let status = unsafe { sys::napi_typeof(env, value, &raw mut kind) };
    napi::check_status!(status).map_err(internal)?;
    Ok(ValueType::from(kind))
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

/// The digits of a whole number, which may be an id.
pub(crate) fn digits(number: f64) -> Result<String, Error> {
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER {
        return Ok((number as i64).to_string());
    }
    let problem = format!("must be a string or a whole number, not {number}");
    Err(Error::new(ErrorKind::InvalidId, "id", problem))
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
