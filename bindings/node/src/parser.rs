use std::cell::RefCell;
use std::mem::transmute;
use std::rc::Rc;

use napi::bindgen_prelude::{Function, FunctionCallContext, Object, Uint32Array};
use napi::{Env, JsString};
use napi_derive::napi;
use ssecast::Error;
use ssecast::codec::{Item, Parser};

use crate::error::{Result, caught, entry, internal};
use crate::options;

/// What the first word of an item says it has, in this order; the length of each follows. An event of the type
/// `message` has no `EVENT`.
const EVENT: u32 = 1;
const ID: u32 = 2;
const DATA: u32 = 4;
const COMMENT: u32 = 8;
/// No text: the number itself follows, its high half first.
const RETRY: u32 = 16;

/// The words before the items in a table: how many words it takes, and 1 if `check` would throw.
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
    table: Uint32Array,
}

#[napi]
impl NativeParser {
    /// Makes a parser that puts its items into `table`.
    #[napi(
        constructor,
        ts_args_type = "options: { maxEventBytes?: unknown }, comments: boolean, table: Uint32Array"
    )]
    pub fn new(options: Object<'_>, comments: bool, table: Uint32Array) -> Result<Self> {
        entry(|| {
            let parser = Parser::with_max_event_bytes(options::max_event_bytes(&options)?);
            let items = Items::default();
            let state = State { parser, comments, in_line: false, items, failure: None, table };
            Ok(Self(Rc::new(RefCell::new(state))))
        })
    }

    /// Makes the function that parses the first `length` bytes of a chunk, and returns the texts of the items in
    /// them, or null if there is no text. It never throws. A call of it costs a fifth of a method's.
    #[napi(ts_return_type = "(chunk: Uint8Array, length: number) => string | null")]
    pub fn feeder<'env>(&self, env: &'env Env) -> Result<Function<'env, (), Option<JsString<'static>>>> {
        let state = Rc::clone(&self.0);
        let feed = move |context: FunctionCallContext<'_>| {
            let state = &mut *state.borrow_mut();
            let text = caught(|| {
                let chunk = context.get::<&[u8]>(0).map_err(internal)?;
                let length = context.get::<u32>(1).map_err(internal)? as usize;
                let text = state.feed(context.env, &chunk[..length])?;
                // SAFETY: the string lives as long as the call from JavaScript, to which it is returned right away.
                Ok(text.map(|text| unsafe { transmute::<JsString<'_>, JsString<'static>>(text) }))
            });
            let text = text.unwrap_or_else(|error| {
                state.failure = Some(error);
                None
            });
            state.give();
            Ok(text)
        };
        entry(|| env.create_function_from_closure("feed", feed).map_err(internal))
    }

    /// Takes another table, and puts the items into it that the last one had no room for.
    #[napi]
    pub fn use_table(&self, table: Uint32Array) {
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

impl State {
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
        table[..given].copy_from_slice(&items[..given]);
    }
}

/// The items of one chunk.
struct Items {
    table: Vec<u32>,
    text: String,
}

impl Default for Items {
    fn default() -> Self {
        Self { table: vec![0; HEAD], text: String::new() }
    }
}

impl Items {
    fn clear(&mut self) {
        self.table.truncate(HEAD);
        self.table.shrink_to(KEPT_BYTES / 4);
        self.text.clear();
        self.text.shrink_to(KEPT_BYTES);
    }

    fn add(&mut self, item: &Item<'_>, comments: bool) {
        match *item {
            Item::Event(message) => {
                let event = (message.event != "message").then_some(message.event);
                let (has_event, has_id) = (u32::from(event.is_some()), u32::from(message.id.is_some()));
                self.table.push(DATA | (has_event * EVENT) | (has_id * ID));
                event.into_iter().chain(message.id).for_each(|text| self.push(text));
                self.push(message.data);
            }
            Item::Id(id) => {
                self.table.push(ID);
                self.push(id);
            }
            Item::Comment(comment) if comments => {
                self.table.push(COMMENT);
                self.push(comment);
            }
            Item::Comment(_) => {}
            Item::Retry(retry) => {
                // JavaScript's whole numbers are exact up to here.
                let retry = retry.min((1 << 53) - 1);
                self.table.extend([RETRY, (retry >> 32) as u32, retry as u32]);
            }
        }
    }

    fn push(&mut self, text: &str) {
        self.table.push(text.len() as u32);
        self.text.push_str(text);
    }

    /// Makes the string, and then the lengths are in its units.
    fn text<'env>(&mut self, env: &'env Env) -> std::result::Result<Option<JsString<'env>>, Error> {
        if self.text.is_empty() {
            return Ok(None);
        }
        if self.text.is_ascii() {
            return env.create_string_latin1(&self.text).map(Some).map_err(internal);
        }
        let mut units = vec![0; self.text.len()];
        let mut filled = 0;
        let mut rest = &*self.text;
        let mut words = self.table[HEAD..].iter_mut();
        while let Some(&mut has) = words.next() {
            if has == RETRY {
                words.nth(1);
                continue;
            }
            for length in words.by_ref().take(has.count_ones() as usize) {
                let (text, after) = rest.split_at(*length as usize);
                let written = encode_utf16(text, &mut units[filled..]);
                *length = written as u32;
                filled += written;
                rest = after;
            }
        }
        env.create_string_utf16(&units[..filled]).map(Some).map_err(internal)
    }
}

/// Writes the units of `text`, of which there are at most as many as bytes, and returns how many there are. This is
/// nearly twice as fast as a growing vector.
fn encode_utf16(text: &str, units: &mut [u16]) -> usize {
    let mut filled = 0;
    for character in text.chars() {
        filled += character.encode_utf16(&mut units[filled..]).len();
    }
    filled
}
