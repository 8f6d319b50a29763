extern crate std;

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::io;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, ReadBuf};

use crate::EventStream;

/// The most bytes that one read asks for.
const CHUNK: usize = 16 << 10;

pin_project! {
    /// The bytes that tokio reads, as a stream of chunks.
    #[derive(Debug)]
    pub struct Reads<R> {
        #[pin]
        reader: R,
        buffer: BytesMut,
    }
}

impl<R: AsyncRead> EventStream<Reads<R>, Bytes> {
    /// Reads the events of anything that tokio reads from: a socket, a pipe, a decompressor.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let mut events = ssecast_codec::EventStream::from_reader(&b"id: 7\ndata: hello\n\n"[..]);
    /// let event = events.next().await.expect("one event").expect("nothing fails");
    /// assert_eq!((&*event.data, &*event.last_event_id), ("hello", "7"));
    /// assert!(events.next().await.is_none());
    /// # }
    /// ```
    pub fn from_reader(reader: R) -> Self {
        Self::new(Reads { reader, buffer: BytesMut::new() })
    }
}

impl<R: AsyncRead> Stream for Reads<R> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        // The last chunk is gone by now, so its memory is used again.
        this.buffer.resize(CHUNK, 0);
        let mut read = ReadBuf::new(this.buffer);
        ready!(this.reader.poll_read(context, &mut read))?;
        let length = read.filled().len();
        Poll::Ready((length > 0).then(|| Ok(this.buffer.split_to(length).freeze())))
    }
}
