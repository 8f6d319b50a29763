use alloc::{borrow::Cow, string::String};

/// The bytes as text if they are UTF-8.
#[inline]
pub(crate) fn valid(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// The bytes as text, with one U+FFFD for each maximal subpart of an invalid sequence (SPEC 1).
pub(crate) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    valid(bytes).map_or_else(|| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
