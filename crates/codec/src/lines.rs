/// Splits text at each CRLF, CR and LF, and nowhere else (SPEC 3, 31). There is always at least one line; text that
/// ends with a line end has an empty last line, so that the receiver gets the line end back.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr::memchr2(b'\r', b'\n', text.as_bytes()) else { return rest.take() };
        let terminator = if text.as_bytes()[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[end + terminator..]);
        Some(&text[..end])
    })
}
