use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};
use std::{ptr, slice};

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

/// The bytes of a `Uint8Array` or `Uint8ClampedArray`, and `None` for another value. Memory that other threads of
/// JavaScript may write to is copied.
pub(crate) fn bytes<'a>(env: sys::napi_env, value: sys::napi_value) -> Option<Cow<'a, [u8]>> {
    let (mut kind, mut length, mut data, mut buffer) = (-1, 0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: environment and value are those of the call under way; Node-API takes null for an output. If the value is
    // no typed array, nothing happens.
    let status = unsafe {
        let (kind, length) = (&raw mut kind, &raw mut length);
        let (data, buffer, offset) = (&raw mut data, &raw mut buffer, ptr::null_mut());
        sys::napi_get_typedarray_info(env, value, kind, length, data, buffer, offset)
    };
    let (uint8, clamped) = (sys::TypedarrayType::uint8_array, sys::TypedarrayType::uint8_clamped_array);
    if status != sys::Status::napi_ok || (kind != uint8 && kind != clamped) {
        return None;
    }
    if length == 0 {
        return Some(Cow::Borrowed(&[]));
    }
    let mut is_own = false;
    // SAFETY: the buffer is a value that Node has just given.
    let status = unsafe { sys::napi_is_arraybuffer(env, buffer, &raw mut is_own) };
    if status == sys::Status::napi_ok && is_own {
        // SAFETY: Node says that so many bytes are there. They are an ArrayBuffer's, of any realm, and such
        // memory belongs to one thread of JavaScript: the one that waits for the call under way, and runs nothing meanwhile.
        return Some(Cow::Borrowed(unsafe { slice::from_raw_parts(data.cast_const().cast(), length) }));
    }
    let shared = data.cast::<u8>();
    // SAFETY: Node says that so many bytes are there. Other threads may write them meanwhile: each is read as an
    // atomic, and nothing here refers to them afterwards.
    let read = |index| unsafe { AtomicU8::from_ptr(shared.add(index)) }.load(Ordering::Relaxed);
    Some(Cow::Owned((0..length).map(read).collect()))
}

/// A type's name in an error's message.
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
