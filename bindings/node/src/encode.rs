use std::cell::RefCell;
use std::rc::Rc;

use napi::Env;
use napi::bindgen_prelude::{JsValue, Object, Uint8Array};
use napi::sys;
use napi_derive::napi;
use ssecast::Error;

use crate::call::{Call, function};
use crate::error::{Result, entry};
use crate::texts::Texts;
use crate::value::buffer;

/// Encodes events into memory that JavaScript made: a buffer for each event would cost more than all the rest.
#[napi]
pub struct NativeEncoder(Rc<RefCell<Encoder>>);

struct Encoder {
    slab: Uint8Array,
    frame: Vec<u8>,
}

#[napi]
impl NativeEncoder {
    /// Makes an encoder that writes into `slab`.
    #[napi(constructor)]
    pub fn new(slab: Uint8Array) -> Self {
        Self(Rc::new(RefCell::new(Encoder { slab, frame: Vec::new() })))
    }

    /// Takes another slab.
    #[napi]
    pub fn use_slab(&self, slab: Uint8Array) {
        self.0.borrow_mut().slab = slab;
    }

    /// Makes the function that writes the bytes of an event from one place in the slab on, and returns how many there are.
    /// Where there is no room for them it returns a buffer of its own. It throws for a field that is not valid.
    #[napi(
        ts_return_type = "(start: number, data: unknown, given?: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown) => number | Uint8Array"
    )]
    pub fn encoder<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        entry(|| function(env, "encode", Rc::clone(&self.0), encode))
    }
}

fn encode(
    encoder: &mut Encoder,
    call: &Call,
    texts: &mut Texts,
) -> std::result::Result<sys::napi_value, Error> {
    /// Memory up to this size is kept for the next event.
    const KEPT: usize = 64 << 10;
    let start = call.unsigned(0).unwrap_or_default() as usize;
    let fields = call.fields(1, texts)?;
    let Encoder { slab, frame } = encoder;
    frame.clear();
    frame.shrink_to(KEPT);
    fields.event(texts)?.encode_into(frame)?;
    // SAFETY: JavaScript waits for the call under way, and nothing else in Rust refers to the memory of the slab.
    let slab = unsafe { slab.as_mut() };
    match slab.get_mut(start..start + frame.len()) {
        Some(room) => {
            room.copy_from_slice(frame);
            call.whole(frame.len())
        }
        None => Ok(buffer(call.env(), frame)?.raw()),
    }
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
