use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{FromNapiValue, Object};
use napi::{Env, JsError, sys};
use ssecast::codec::retry_from_f64;
use ssecast::{Error, ErrorKind, Event};

use crate::error::{caught, coded, internal};
use crate::value::{bytes, digits, kind_of, name};

/// The most arguments of a call.
const MOST: usize = 7;

/// The arguments of a function that JavaScript calls often. Reading them by hand costs a tenth of napi's wrappers.
pub(crate) struct Call {
    env: Env,
    values: [sys::napi_value; MOST],
    count: usize,
}

/// The body of such a function. It gets the state, the call, and memory for the texts; it runs no JavaScript.
pub(crate) type Body<S> = fn(&mut S, &Call, &mut Texts) -> Result<sys::napi_value, Error>;

struct Function<S> {
    body: Body<S>,
    state: Rc<RefCell<S>>,
    texts: RefCell<Texts>,
}

/// Makes a JavaScript function that shares the state.
pub(crate) fn function<'env, S>(
    env: &'env Env,
    name: &str,
    state: Rc<RefCell<S>>,
    body: Body<S>,
) -> Result<Object<'env>, Error> {
    let data = Box::into_raw(Box::new(Function { body, state, texts: RefCell::default() })).cast();
    let (text, length) = (name.as_ptr().cast(), name.len().cast_signed());
    let mut made = ptr::null_mut();
    // SAFETY: the environment is that of the call under way, and `name` is as long as it says. `data` stays until the
    // finalizer takes it back, after the function is gone.
    let result = unsafe {
        let status =
            sys::napi_create_function(env.raw(), text, length, Some(called::<S>), data, &raw mut made);
        napi::check_status!(status).and_then(|()| {
            let (hint, reference) = (ptr::null_mut(), ptr::null_mut());
            let status = sys::napi_add_finalizer(env.raw(), made, data, Some(released::<S>), hint, reference);
            napi::check_status!(status)?;
            Object::from_napi_value(env.raw(), made)
        })
    };
    result.map_err(internal)
}

unsafe extern "C" fn released<S>(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `function` made this of a Box, and nothing but the function that is gone has used it.
    drop(unsafe { Box::from_raw(data.cast::<Function<S>>()) });
}

unsafe extern "C" fn called<S>(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut call = Call { env: Env::from_raw(env), values: [ptr::null_mut(); MOST], count: MOST };
    let mut data = ptr::null_mut();
    // SAFETY: this is a call of Node's, with its environment and its arguments; there is room for so many.
    let status = unsafe {
        let (count, values) = (&raw mut call.count, call.values.as_mut_ptr());
        sys::napi_get_cb_info(env, info, count, values, ptr::null_mut(), &raw mut data)
    };
    if status != sys::Status::napi_ok {
        return ptr::null_mut();
    }
    // SAFETY: `function` made this of a Box, which is there while the function is.
    let Function { body, state, texts } = unsafe { &*data.cast_const().cast::<Function<S>>() };
    let result = caught(|| {
        let mut texts = texts.borrow_mut();
        texts.clear();
        body(&mut state.borrow_mut(), &call, &mut texts)
    });
    result.unwrap_or_else(|error| {
        // SAFETY: the environment is that of the call under way.
        unsafe { JsError::from(coded(&error)).throw_into(env) };
        ptr::null_mut()
    })
}

impl Call {
    /// An argument, unless it is left out.
    fn value(&self, index: usize) -> Option<sys::napi_value> {
        (index < self.count).then(|| self.values[index])
    }

    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        let mut number = 0.0;
        // SAFETY: the value is an argument of the call under way; if it is no number, nothing happens.
        let status =
            unsafe { sys::napi_get_value_double(self.env.raw(), self.value(index)?, &raw mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    /// An index or a set of bits, which the package's own JavaScript passes.
    pub(crate) fn unsigned(&self, index: usize) -> Option<u32> {
        let mut number = 0;
        // SAFETY: the value is an argument of the call under way; if it is no number, nothing happens.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env.raw(), self.value(index)?, &raw mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    /// Reads a string, or nothing.
    pub(crate) fn text(
        &self,
        index: usize,
        texts: &mut Texts,
        field: &'static str,
        error: ErrorKind,
    ) -> Result<Option<Text>, Error> {
        let Some(value) = self.value(index) else { return Ok(None) };
        if let Some(text) = texts.read(self.env.raw(), value)? {
            return Ok(Some(text));
        }
        match kind_of(self.env.raw(), value)? {
            napi::ValueType::Undefined | napi::ValueType::Null => Ok(None),
            other => Err(Error::new(error, field, format!("must be a string, not {}", name(other)))),
        }
    }

    /// Reads the fields of an event: the arguments `data, given, event, id, retry, comment`, beginning with `first`. The
    /// bits of `given` say which of the fields after it are there: to learn that a value is undefined costs as much as to
    /// read a string.
    pub(crate) fn fields(&self, first: usize, texts: &mut Texts) -> Result<Fields, Error> {
        let mut fields = Fields { data: self.data(first, texts)?, ..Fields::default() };
        if self.count <= first + 1 {
            return Ok(fields);
        }
        let given = self.unsigned(first + 1).unwrap_or_default();
        if given & 1 != 0 {
            fields.event = self.text(first + 2, texts, "event", ErrorKind::InvalidEvent)?;
        }
        if given & 2 != 0 {
            fields.id = self.id(first + 3, texts)?;
        }
        if given & 4 != 0 {
            fields.retry = self.retry(first + 4)?;
        }
        if given & 8 != 0 {
            fields.comment = self.text(first + 5, texts, "comment", ErrorKind::InvalidData)?;
        }
        Ok(fields)
    }

    /// A string, or bytes that are UTF-8.
    fn data(&self, index: usize, texts: &mut Texts) -> Result<Option<Text>, Error> {
        let Some(value) = self.value(index) else { return Ok(None) };
        if let Some(text) = texts.read(self.env.raw(), value)? {
            return Ok(Some(text));
        }
        match bytes(self.env.raw(), value) {
            Some(bytes) => Ok(Some(texts.copy(&bytes))),
            None => self.text(index, texts, "data", ErrorKind::InvalidData),
        }
    }

    /// A string, or a whole number for its digits.
    fn id(&self, index: usize, texts: &mut Texts) -> Result<Option<Text>, Error> {
        match self.number(index) {
            Some(number) => Ok(Some(texts.copy(digits(number)?.as_bytes()))),
            None => self.text(index, texts, "id", ErrorKind::InvalidId),
        }
    }

    fn retry(&self, index: usize) -> Result<Option<u64>, Error> {
        if let Some(number) = self.number(index) {
            return retry_from_f64(number).map(Some);
        }
        let Some(value) = self.value(index) else { return Ok(None) };
        match kind_of(self.env.raw(), value)? {
            napi::ValueType::Undefined | napi::ValueType::Null => Ok(None),
            other => {
                let problem = format!("must be a whole number of milliseconds, not {}", name(other));
                Err(Error::new(ErrorKind::InvalidRetry, "retry", problem))
            }
        }
    }

    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    /// Makes a JavaScript number.
    pub(crate) fn whole(&self, number: usize) -> Result<sys::napi_value, Error> {
        let mut made = ptr::null_mut();
        // SAFETY: the environment is that of the call under way.
        let status = unsafe { sys::napi_create_uint32(self.env.raw(), number as u32, &raw mut made) };
        napi::check_status!(status).map_err(internal)?;
        Ok(made)
    }

    pub(crate) fn boolean(&self, boolean: bool) -> Result<sys::napi_value, Error> {
        let mut made = ptr::null_mut();
        // SAFETY: the environment is that of the call under way.
        let status = unsafe { sys::napi_get_boolean(self.env.raw(), boolean, &raw mut made) };
        napi::check_status!(status).map_err(internal)?;
        Ok(made)
    }

    /// How many arguments there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Makes a JavaScript string.
    pub(crate) fn string(&self, text: &str) -> Result<sys::napi_value, Error> {
        let mut made = ptr::null_mut();
        let (start, length) = (text.as_ptr().cast(), text.len().cast_signed());
        // SAFETY: the environment is that of the call under way, and the text is as long as it says; ASCII is Latin-1.
        let status = unsafe {
            let create =
                if text.is_ascii() { sys::napi_create_string_latin1 } else { sys::napi_create_string_utf8 };
            create(self.env.raw(), start, length, &raw mut made)
        };
        napi::check_status!(status).map_err(internal)?;
        Ok(made)
    }
}

/// Where a text stands in [`Texts`].
#[derive(Clone, Copy)]
pub(crate) struct Text {
    start: usize,
    end: usize,
}

/// The texts of a call's arguments, one after the other. The memory is used again for the next call.
pub(crate) struct Texts {
    /// All of it is initialised.
    bytes: Vec<u8>,
    filled: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: vec![0; Self::FIRST], filled: 0 }
    }
}

impl Texts {
    const FIRST: usize = 4 << 10;
    /// Memory up to this size is kept for the next call.
    const KEPT: usize = 256 << 10;
    /// V8 leaves up to three bytes unused where a character does not fit, and writes a NUL.
    const SPARE: usize = 4;

    fn clear(&mut self) {
        self.filled = 0;
        if self.bytes.len() > Self::KEPT {
            self.bytes = vec![0; Self::FIRST];
        }
    }

    fn reserve(&mut self, length: usize) {
        let least = self.filled + length;
        if self.bytes.len() < least {
            self.bytes.resize(least.max(2 * self.bytes.len()), 0);
        }
    }

    fn copy(&mut self, bytes: &[u8]) -> Text {
        self.reserve(bytes.len());
        let start = self.filled;
        self.filled += bytes.len();
        self.bytes[start..self.filled].copy_from_slice(bytes);
        Text { start, end: self.filled }
    }

    /// Copies a JavaScript string; lone surrogates become U+FFFD. `None` for any other value.
    fn read(&mut self, env: sys::napi_env, value: sys::napi_value) -> Result<Option<Text>, Error> {
        let Some(length) = self.read_into(env, value)? else { return Ok(None) };
        let length = if length + Self::SPARE < self.bytes.len() - self.filled {
            length
        } else {
            // The string may be longer than the room was.
            let mut whole = 0;
            // SAFETY: without a buffer it only counts.
            let status =
                unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut whole) };
            napi::check_status!(status).map_err(internal)?;
            self.reserve(whole + Self::SPARE + 1);
            self.read_into(env, value)?.unwrap_or_default()
        };
        let start = self.filled;
        self.filled += length;
        Ok(Some(Text { start, end: self.filled }))
    }

    fn read_into(&mut self, env: sys::napi_env, value: sys::napi_value) -> Result<Option<usize>, Error> {
        let room = &mut self.bytes[self.filled..];
        let mut length = 0;
        // SAFETY: the value is an argument of the call under way, and there is so much room.
        let status = unsafe {
            let start = room.as_mut_ptr().cast();
            sys::napi_get_value_string_utf8(env, value, start, room.len(), &raw mut length)
        };
        match status {
            sys::Status::napi_ok => Ok(Some(length)),
            sys::Status::napi_string_expected => Ok(None),
            status => napi::check_status!(status).map(|()| None).map_err(internal),
        }
    }

    pub(crate) fn get(&self, text: Text, field: &'static str) -> Result<&str, Error> {
        std::str::from_utf8(&self.bytes[text.start..text.end]).map_err(|error| {
            let at = error.valid_up_to();
            Error::new(ErrorKind::InvalidData, field, format!("must be UTF-8, and is not at byte {at}"))
        })
    }
}

/// The fields of an event.
#[derive(Default)]
pub(crate) struct Fields {
    data: Option<Text>,
    event: Option<Text>,
    id: Option<Text>,
    retry: Option<u64>,
    comment: Option<Text>,
}

impl Fields {
    pub(crate) fn event<'t>(&self, texts: &'t Texts) -> Result<Event<'t>, Error> {
        let get = |text: Option<Text>, field| text.map(|text| texts.get(text, field)).transpose();
        Ok(Event {
            event: get(self.event, "event")?,
            id: get(self.id, "id")?,
            retry: self.retry,
            data: get(self.data, "data")?,
            comment: get(self.comment, "comment")?,
        })
    }
}
