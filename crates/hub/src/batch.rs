use std::ops::Range;

use bytes::Bytes;

/// The most bytes that one batch joins. Larger sends gain nothing measurable, and a slow connection holds one batch.
pub(crate) const BATCH_BYTES: usize = 64 << 10;

/// Encoded events on their way to connections, joined once and shared by all that are at the same place.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The bytes as one chunk of HTTP/1.1's chunked coding, so that either framing is a slice.
    chunk: Bytes,
    /// Where the stream's own bytes lie in it.
    stream: Range<usize>,
    events: u32,
}

impl Batch {
    pub(crate) fn join(frames: &[impl AsRef<[u8]>], events: u32) -> Self {
        let length: usize = frames.iter().map(|frame| frame.as_ref().len()).sum();
        let head = format!("{length:x}\r\n");
        let mut chunk = Vec::with_capacity(head.len() + length + 2);
        chunk.extend_from_slice(head.as_bytes());
        for frame in frames {
            chunk.extend_from_slice(frame.as_ref());
        }
        chunk.extend_from_slice(b"\r\n");
        Self { chunk: chunk.into(), stream: head.len()..head.len() + length, events }
    }

    /// The bytes of the event stream, for a host that frames them itself.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.chunk.slice(self.stream.clone())
    }

    /// The same bytes as one chunk of HTTP/1.1's chunked transfer coding.
    #[must_use]
    pub fn chunk(&self) -> Bytes {
        self.chunk.clone()
    }

    /// Those bytes, without the batch.
    #[must_use]
    pub fn into_chunk(self) -> Bytes {
        self.chunk
    }

    /// Whether two batches are the same bytes in memory, so that a host can convert them once.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.chunk.as_ptr() == other.chunk.as_ptr()
    }

    /// How many bytes of the event stream there are, without the chunk's framing. Never zero.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no batch is empty")]
    pub fn len(&self) -> usize {
        self.stream.len()
    }

    /// How many events there are: zero in a heartbeat.
    #[must_use]
    pub fn events(&self) -> u32 {
        self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_framings_hold_the_same_frames() {
        let batch =
            Batch::join(&[Bytes::from_static(b"data: a\n\n"), Bytes::from_static(b"data: bc\n\n")], 2);
        assert_eq!(&batch.bytes()[..], b"data: a\n\ndata: bc\n\n");
        assert_eq!(&batch.chunk()[..], b"13\r\ndata: a\n\ndata: bc\n\n\r\n");
        assert_eq!((batch.len(), batch.events()), (19, 2));
    }
}
