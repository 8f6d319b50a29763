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
    // Short lines end in these words, where the call and the set-up of SIMD cost more than the search.
    let words = bytes.chunks_exact(8).take(SWAR_WORDS);
    let mut seen = 0;
    for word in words {
        #[cfg(test)]
        work::add(8);
        if let Some(end) = end_in_word(word) {
            return Some(seen + end);
        }
        seen += 8;
    }
    let rest = &bytes[seen..];
    let end = if rest.len() < 8 {
        rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))
    } else {
        memchr::memchr2(b'\r', b'\n', rest)
    };
    #[cfg(test)]
    work::add(end.unwrap_or(rest.len()));
    end.map(|end| seen + end)
}

const SWAR_WORDS: usize = 2;

/// Finds the first CR or LF in eight bytes, all compared at once.
#[inline]
fn end_in_word(word: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(word.try_into().ok()?);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    // Borrows can only mark bytes above the first zero, and the first is the one that counts.
    let ends = (zero(word ^ (ONES * u64::from(b'\r'))) | zero(word ^ (ONES * u64::from(b'\n')))) & HIGH;
    (ends != 0).then(|| ends.trailing_zeros() as usize / 8)
}

/// The length of the line end that `bytes` begins with.
#[inline]
pub(crate) fn terminator_len(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', rest @ ..] => carriage_return_len(rest),
        _ => 1,
    }
}

/// Apart from the rest so that it is a branch, which processors foresee, and no sum that they would have to wait for.
#[cold]
fn carriage_return_len(rest: &[u8]) -> usize {
    if let [b'\n', ..] = rest { 2 } else { 1 }
}

/// Finds the last CR or LF of few bytes, in which there may be none.
#[inline]
pub(crate) fn last_line_end(bytes: &[u8]) -> Option<usize> {
    #[cfg(test)]
    work::add(bytes.len());
    if has_end(bytes) { memchr::memrchr2(b'\r', b'\n', bytes) } else { None }
}

/// Whether there is a CR or LF.
#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, all bytes of a block are compared at once"
)]
fn has_end(bytes: &[u8]) -> bool {
    let has = |has, byte: &u8| has | (*byte == b'\r') | (*byte == b'\n');
    let (blocks, rest) = bytes.as_chunks::<32>();
    blocks.iter().any(|block| block.iter().fold(false, has)) || rest.iter().fold(false, has)
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
