use core::str::from_utf8;

/// Decodes chunks of UTF-8, with one U+FFFD for each maximal subpart of an invalid sequence (SPEC 1), whatever the
/// chunks are. Valid text is handed on as it lies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoder {
    /// The beginning of a sequence that the last chunk did not finish.
    held: [u8; 4],
    held_len: usize,
}

impl Decoder {
    /// Splits a valid chunk into its text and the bytes of an unfinished sequence at its end, which are kept. `None` if
    /// the chunk needs [`decode`](Self::decode).
    #[inline]
    pub(crate) fn whole<'a>(&mut self, chunk: &'a [u8]) -> Option<&'a str> {
        if self.held_len > 0 {
            return None;
        }
        let (head, tail) = chunk.split_at(chunk.len() - unfinished(chunk));
        let text = from_utf8(head).ok()?;
        self.hold(tail);
        Some(text)
    }

    /// Hands the chunk's text on in pieces, until one of them fails.
    #[cold]
    pub(crate) fn decode<E>(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = self.finish_held(chunk, &mut take)?;
        let tail = rest.split_off(rest.len() - unfinished(rest)..).unwrap_or_default();
        self.hold(tail);
        while let Err(error) = from_utf8(rest) {
            let (valid, invalid) = rest.split_at(error.valid_up_to());
            take(from_utf8(valid).unwrap_or_default())?;
            take("\u{fffd}")?;
            // The unfinished sequence was cut off, so the length is always known.
            rest = &invalid[error.error_len().unwrap_or(invalid.len())..];
        }
        take(from_utf8(rest).unwrap_or_default())
    }

    /// Completes the sequence that the last chunk left, and returns what the sequence did not take.
    fn finish_held<'a, E>(
        &mut self,
        chunk: &'a [u8],
        take: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<&'a [u8], E> {
        for (taken, &byte) in chunk.iter().enumerate() {
            if self.held_len == 0 {
                return Ok(&chunk[taken..]);
            }
            self.held[self.held_len] = byte;
            let sequence = &self.held[..=self.held_len];
            match from_utf8(sequence) {
                Ok(text) => {
                    self.held_len = 0;
                    take(text)?;
                }
                Err(error) if error.error_len().is_none() => self.held_len += 1,
                Err(_) => {
                    // The byte does not belong to the sequence; it may begin the next one.
                    self.held_len = 0;
                    take("\u{fffd}")?;
                    return Ok(&chunk[taken..]);
                }
            }
        }
        Ok(&[])
    }

    fn hold(&mut self, tail: &[u8]) {
        if !tail.is_empty() {
            self.held[..tail.len()].copy_from_slice(tail);
            self.held_len = tail.len();
        }
    }
}

/// Counts the bytes at the end that begin a sequence without finishing it: 0 to 3.
#[inline]
fn unfinished(bytes: &[u8]) -> usize {
    if bytes.last().is_none_or(u8::is_ascii) {
        return 0;
    }
    let start = bytes.iter().rev().take(3).position(|&byte| byte >= 0xc0);
    let len = start.map_or(0, |position| position + 1);
    let is_unfinished = |error: core::str::Utf8Error| error.error_len().is_none();
    if from_utf8(&bytes[bytes.len() - len..]).is_err_and(is_unfinished) { len } else { 0 }
}
