use std::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// Gives the version of the library that the program runs with, such as `1.2.3`; `SSECAST_VERSION_STRING` is the one
/// that it was compiled with. The text is static and ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn ssecast_version() -> *const c_char {
    VERSION.as_ptr()
}
