use std::ptr;

use napi::sys;
use ssecast::{Error, ErrorKind};

use crate::error::internal;

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

    pub(crate) fn clear(&mut self) {
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

    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Text {
        self.reserve(bytes.len());
        let start = self.filled;
        self.filled += bytes.len();
        self.bytes[start..self.filled].copy_from_slice(bytes);
        Text { start, end: self.filled }
    }

    /// Copies a JavaScript string; lone surrogates become U+FFFD. `None` for any other value.
    pub(crate) fn read(&mut self, env: sys::napi_env, value: sys::napi_value) -> Result<Option<Text>, Error> {
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
