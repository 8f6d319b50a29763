/// Splits text at each CRLF, CR and LF, and nowhere else (SPEC 3, 31). There is always at least one line; text that
/// ends with a line end has an empty last line, so that the receiver gets the line end back.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = line_end(text.as_bytes()) else { return rest.take() };
        rest = Some(&text[end + terminator_len(&text.as_bytes()[end..])..]);
        Some(&text[..end])
    })
}

/// Finds the first CR or LF.
#[inline]
pub(crate) fn line_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr2(b'\r', b'\n', bytes);
    #[cfg(test)]
    work::add(end.unwrap_or(bytes.len()));
    end
}

/// The length of the line end that `bytes` begins with.
#[inline]
pub(crate) fn terminator_len(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 1 }
}

/// The length of the whole lines at the beginning of `bytes`, up to the last CR or LF.
#[inline]
pub(crate) fn whole_lines(bytes: &[u8]) -> usize {
    if let Some(b'\r' | b'\n') = bytes.last() {
        return bytes.len();
    }
    let len = memchr::memrchr2(b'\r', b'\n', bytes).map_or(0, |end| end + 1);
    #[cfg(test)]
    work::add(bytes.len() - len);
    len
}

/// Counts the bytes that are looked at or copied, so that a test can show that work is linear (SPEC 17).
#[cfg(test)]
pub(crate) mod work {
    extern crate std;
    use core::cell::Cell;

    std::thread_local!(static BYTES: Cell<usize> = const { Cell::new(0) });

    pub(crate) fn add(bytes: usize) {
        BYTES.set(BYTES.get() + bytes);
    }

    /// The bytes since the last call on this thread.
    pub(crate) fn take() -> usize {
        BYTES.replace(0)
    }
}
