use std::cell::RefCell;
use std::ffi::c_void;
use std::rc::Rc;
use std::{ptr, slice};

use napi::bindgen_prelude::{FromNapiValue, Int32Array, JsValue, Object, Uint8Array};
use napi::{Env, JsString, sys};
use napi_derive::napi;
use ssecast::codec::{Item, Parser};
use ssecast::{Error, ErrorKind};

use crate::error::{Result, caught, entry, internal};
use crate::options;
use crate::value::bytes;

// What a word of a table stands for, in its low bits: above them is the length of the text. `EVENT` and `ID` belong to
// the `DATA` that comes next, which ends an event; the type `message` is left out.
const DATA: u32 = 0;
const EVENT: u32 = 1;
/// No text: the type is that of the last `EVENT` of this table.
const SAME_EVENT: u32 = 2;
const ID: u32 = 3;
/// The id of a block without data.
const ID_ALONE: u32 = 4;
const COMMENT: u32 = 5;
/// No text: a number, whose high half takes the place of the length, and whose low half follows.
const RETRY: u32 = 6;
const KIND_BITS: u32 = 3;

/// The words before these in a table: how many words it takes, and 1 if `check` would throw.
const HEAD: usize = 2;

/// Buffers up to this size are kept for the next chunk.
const KEPT_BYTES: usize = 1 << 18;

/// A parser whose items cross to JavaScript once per chunk: as one string, in which their texts stand one after
/// the other, and a table of their lengths.
#[napi]
pub struct NativeParser(Rc<RefCell<State>>);

struct State {
    parser: Parser,
    /// Whether somebody asks for comments.
    comments: bool,
    /// Whether the last line that was fed has not ended.
    in_line: bool,
    items: Items,
    failure: Option<Error>,
    /// What JavaScript reads the items from.
    table: Int32Array,
    /// Where it puts small chunks.
    small: Uint8Array,
}

/// The most bytes that one event may have by these options of a parser, without the cost of making one.
#[napi(ts_args_type = "options: { maxEventBytes?: unknown }")]
pub fn max_event_bytes(options: Object<'_>) -> Result<u32> {
    entry(|| Ok(options::max_event_bytes(&options)? as u32))
}

#[napi]
impl NativeParser {
    /// Makes a parser that puts its items into `table`, and finds small chunks in `small`.
    #[napi(
        constructor,
        ts_args_type = "options: { maxEventBytes?: unknown }, comments: boolean, table: Int32Array, small: Uint8Array"
    )]
    pub fn new(options: Object<'_>, comments: bool, table: Int32Array, small: Uint8Array) -> Result<Self> {
        entry(|| {
            let parser = Parser::with_max_event_bytes(options::max_event_bytes(&options)?);
            let items = Items::default();
            let state = State { parser, comments, in_line: false, items, failure: None, table, small };
            Ok(Self(Rc::new(RefCell::new(state))))
        })
    }

    /// Makes the function that parses a chunk, or as many bytes of `small`, and returns the texts of the items in it, or
    /// undefined if there is none. It never throws. Small chunks are common: a call costs a tenth of a method's, and to
    /// ask where an array is costs more than to copy its bytes.
    #[napi(ts_return_type = "(chunk: Uint8Array | number) => string | undefined")]
    pub fn feeder<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        entry(|| feeder(env, &self.0).map_err(internal))
    }

    /// Takes another table, and puts the items into it that the last one had no room for.
    #[napi]
    pub fn use_table(&self, table: Int32Array) {
        let mut state = self.0.borrow_mut();
        state.table = table;
        state.give();
    }

    /// Throws what was wrong with the last chunk, if anything was.
    #[napi]
    pub fn check(&self) -> Result<()> {
        entry(|| self.0.borrow_mut().failure.take().map_or(Ok(()), Err))
    }

    /// Whether the last line that was fed has not ended.
    #[napi(getter)]
    pub fn in_line(&self) -> bool {
        self.0.borrow().in_line
    }

    /// Discards an incomplete block, and awaits the next stream.
    #[napi]
    pub fn finish(&self) {
        let mut state = self.0.borrow_mut();
        state.parser.finish();
        state.in_line = false;
        state.failure = None;
    }
}

/// Makes a function of [`feed`], which has a share in the state.
fn feeder<'env>(env: &'env Env, state: &Rc<RefCell<State>>) -> napi::Result<Object<'env>> {
    let data = Rc::into_raw(Rc::clone(state)).cast_mut().cast();
    let mut function = ptr::null_mut();
    let name = "feed";
    // SAFETY: the environment is that of the call under way, `name` is as long as it says, and `data` stays a share in
    // the state until the finalizer takes it back, after the function is gone.
    unsafe {
        let (text, length) = (name.as_ptr().cast(), name.len().cast_signed());
        let status = sys::napi_create_function(env.raw(), text, length, Some(feed), data, &raw mut function);
        napi::check_status!(status)?;
        let (hint, reference) = (ptr::null_mut(), ptr::null_mut());
        let status = sys::napi_add_finalizer(env.raw(), function, data, Some(release), hint, reference);
        napi::check_status!(status)?;
        Object::from_napi_value(env.raw(), function)
    }
}

unsafe extern "C" fn release(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `feeder` made this of an Rc, and nothing but the function that is gone has used it.
    drop(unsafe { Rc::from_raw(data.cast_const().cast::<RefCell<State>>()) });
}

/// Parses the one argument. Returns null, which is JavaScript's undefined, if there is no text.
unsafe extern "C" fn feed(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let (mut count, mut chunk, mut data) = (1, ptr::null_mut(), ptr::null_mut());
    // SAFETY: this is a call of Node's, with its environment and its arguments; there is room for one.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, &raw mut chunk, ptr::null_mut(), &raw mut data)
    };
    if status != sys::Status::napi_ok {
        return ptr::null_mut();
    }
    // SAFETY: `feeder` made this of an Rc, of which the function that is being called has a share.
    let state = unsafe { &*data.cast_const().cast::<RefCell<State>>() };
    let mut state = state.borrow_mut();
    let env = Env::from_raw(env);
    let mut length = 0;
    // SAFETY: the value is an argument of the call under way; if it is no number, nothing happens.
    let is_small =
        unsafe { sys::napi_get_value_uint32(env.raw(), chunk, &raw mut length) } == sys::Status::napi_ok;
    let text = caught(|| {
        if is_small {
            return state.feed_small(&env, length as usize);
        }
        // The slice is used in this call alone.
        let Some(chunk) = bytes(env.raw(), chunk) else {
            return Err(Error::new(
                ErrorKind::Internal,
                "Node-API",
                "failed: the chunk is not a typed array",
            ));
        };
        state.feed(&env, &chunk)
    });
    let text = text.unwrap_or_else(|error| {
        // No item goes without its text.
        state.items.clear();
        state.failure = Some(error);
        None
    });
    state.give();
    text.map_or(ptr::null_mut(), |text| text.raw())
}

impl State {
    fn feed_small<'env>(
        &mut self,
        env: &'env Env,
        length: usize,
    ) -> std::result::Result<Option<JsString<'env>>, Error> {
        // SAFETY: the memory is alive as long as this, and JavaScript, which waits for the call under way, is all else
        // that uses it.
        let small = unsafe { slice::from_raw_parts(self.small.as_ptr(), length.min(self.small.len())) };
        self.feed(env, small)
    }

    fn feed<'env>(
        &mut self,
        env: &'env Env,
        chunk: &[u8],
    ) -> std::result::Result<Option<JsString<'env>>, Error> {
        let Self { parser, comments, in_line, items, failure, .. } = self;
        items.clear();
        if let Some(last) = chunk.last() {
            *in_line = !matches!(last, b'\r' | b'\n');
        }
        *failure = parser.feed(chunk, |item| items.add(&item, *comments)).err();
        items.text(env)
    }

    fn give(&mut self) {
        let items = &mut self.items.table;
        items[0] = items.len() as u32;
        items[1] = u32::from(self.failure.is_some());
        // SAFETY: JavaScript waits for the call under way, and nothing else in Rust refers to the memory of the
        // table, which the wrapper made and shows to nobody.
        let table = unsafe { self.table.as_mut() };
        let given = if items.len() <= table.len() { items.len() } else { HEAD };
        for (given, word) in table[..given].iter_mut().zip(items) {
            *given = *word as i32;
        }
    }
}

/// The items of one chunk.
struct Items {
    table: Vec<u32>,
    /// Their texts one after the other.
    text: String,
    /// The same, where it is not ASCII, and whatever else has been there.
    units: Vec<u16>,
    /// The last type.
    event: String,
}

impl Default for Items {
    fn default() -> Self {
        Self { table: vec![0; HEAD], text: String::new(), units: Vec::new(), event: String::new() }
    }
}

impl Items {
    fn clear(&mut self) {
        self.table.truncate(HEAD);
        self.table.shrink_to(KEPT_BYTES / 4);
        self.text.clear();
        self.text.shrink_to(KEPT_BYTES);
        self.units.truncate(KEPT_BYTES / 2);
        self.units.shrink_to(KEPT_BYTES / 2);
        self.event.clear();
        self.event.shrink_to(KEPT_BYTES);
    }

    fn add(&mut self, item: &Item<'_>, comments: bool) {
        match *item {
            Item::Event(message) => {
                if message.event != "message" {
                    if message.event == self.event {
                        self.table.push(SAME_EVENT);
                    } else {
                        self.push(EVENT, message.event);
                        message.event.clone_into(&mut self.event);
                    }
                }
                if let Some(id) = message.id {
                    self.push(ID, id);
                }
                self.push(DATA, message.data);
            }
            Item::Id(id) => self.push(ID_ALONE, id),
            Item::Comment(comment) if comments => self.push(COMMENT, comment),
            Item::Comment(_) => {}
            Item::Retry(retry) => {
                // JavaScript's whole numbers are exact up to here.
                let retry = retry.min((1 << 53) - 1);
                self.table.extend([((retry >> 32) as u32) << KIND_BITS | RETRY, retry as u32]);
            }
        }
    }

    #[inline]
    fn push(&mut self, kind: u32, text: &str) {
        self.table.push((text.len() as u32) << KIND_BITS | kind);
        self.text.push_str(text);
    }

    /// Makes the string of the texts. To look once whether all are ASCII costs less than to look at each.
    fn text<'env>(&mut self, env: &'env Env) -> std::result::Result<Option<JsString<'env>>, Error> {
        if self.text.is_empty() {
            return Ok(None);
        }
        let text = if self.text.is_ascii() {
            env.create_string_latin1(&self.text)
        } else {
            let length = self.widen();
            env.create_string_utf16(&self.units[..length])
        };
        text.map(Some).map_err(internal)
    }

    /// Makes units of the texts, and lengths in units of theirs. Returns how many units there are.
    fn widen(&mut self) -> usize {
        if self.units.len() < self.text.len() {
            self.units.resize(self.text.len(), 0);
        }
        let (mut rest, mut filled) = (&*self.text, 0);
        let mut words = self.table[HEAD..].iter_mut();
        while let Some(word) = words.next() {
            let kind = *word & ((1 << KIND_BITS) - 1);
            if kind == RETRY {
                words.next();
                continue;
            }
            let (text, more) = rest.split_at((*word >> KIND_BITS) as usize);
            let length = encode_utf16(text, &mut self.units[filled..]);
            *word = (length as u32) << KIND_BITS | kind;
            (rest, filled) = (more, filled + length);
        }
        filled
    }
}

/// Writes the units of `text`, of which there are at most as many as bytes, and returns how many there are.
fn encode_utf16(text: &str, units: &mut [u16]) -> usize {
    const BLOCK: usize = 16;
    let (mut read, mut filled) = (0, 0);
    while read < text.len() {
        // Most text is ASCII in parts, of which compilers see that many bytes are widened at once.
        let block = text.as_bytes()[read..].first_chunk::<BLOCK>().filter(|block| block.is_ascii());
        if let Some((block, units)) = block.zip(units[filled..].first_chunk_mut::<BLOCK>()) {
            *units = block.map(u16::from);
            (read, filled) = (read + BLOCK, filled + BLOCK);
            continue;
        }
        let until = read + BLOCK;
        for character in text[read..].chars() {
            if let Ok(unit) = u16::try_from(u32::from(character)) {
                units[filled] = unit;
                filled += 1;
            } else {
                filled += character.encode_utf16(&mut units[filled..]).len();
            }
            read += character.len_utf8();
            if read >= until {
                break;
            }
        }
    }
    filled
}
