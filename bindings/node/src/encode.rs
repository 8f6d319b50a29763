use std::cell::RefCell;
use std::rc::Rc;

use napi::Env;
use napi::bindgen_prelude::{JsValue, Object};
use napi::sys;
use napi_derive::napi;
use ssecast::Error;

use crate::call::{Call, function};
use crate::error::{Result, entry};
use crate::texts::Texts;
use crate::value::buffer;

/// Makes the function that returns the bytes of an event. It throws for a field that is not valid.
#[napi(
    ts_return_type = "(data: unknown, given: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown) => Uint8Array"
)]
pub fn encoder(env: &Env) -> Result<Object<'_>> {
    entry(|| function(env, "encode", Rc::new(RefCell::new(())), encode))
}

fn encode((): &mut (), call: &Call, texts: &mut Texts) -> std::result::Result<sys::napi_value, Error> {
    let fields = call.fields(0, texts)?;
    Ok(buffer(call.env(), &fields.event(texts)?.encode()?)?.raw())
}

/// Panics. It stays in the release build because no input is known that makes the engine panic, and a test must see
/// that a panic becomes an error of the addon as it ships. The package exports it nowhere.
#[napi(js_name = "panicForTest")]
pub fn panic_for_test() -> Result<()> {
    entry(|| panic!("on purpose"))
}

/// The version of the addon.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
