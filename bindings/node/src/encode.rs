use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Object};
use napi_derive::napi;

use crate::error::{Result, entry};
use crate::value::{Fields, buffer};

/// Encodes one event; its fields are validated here.
#[napi(
    ts_args_type = "event: { event?: unknown, id?: unknown, retry?: unknown, data?: unknown, comment?: unknown }"
)]
pub fn encode<'env>(env: &'env Env, event: Object<'_>) -> Result<BufferSlice<'env>> {
    entry(|| buffer(env, &Fields::read(&event)?.event().encode()?))
}

/// Panics, so that a test can see what becomes of it.
#[napi(js_name = "panicForTest")]
pub fn panic_for_test() -> Result<()> {
    entry(|| panic!("on purpose"))
}

/// The version of the addon.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
