use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{FromNapiValue, Object};
use napi::{Env, JsError, sys};
use ssecast::{Error, ErrorKind};

use crate::error::{caught, coded, internal};
use crate::texts::{Text, Texts};
use crate::value::{kind_of, name};

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
    pub(crate) fn value(&self, index: usize) -> Option<sys::napi_value> {
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

    /// Reads the topic that something is published to.
    pub(crate) fn topic(&self, index: usize, texts: &mut Texts) -> Result<Text, Error> {
        let missing = || Error::new(ErrorKind::InvalidTopic, "topic", "must be a string, and is missing");
        self.text(index, texts, "topic", ErrorKind::InvalidTopic)?.ok_or_else(missing)
    }

    pub(crate) fn env(&self) -> &Env {
        &self.env
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
