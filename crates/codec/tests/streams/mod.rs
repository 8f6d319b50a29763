//! Random streams, built from what is most likely to break a parser.

use proptest::{collection::vec, prelude::*, sample::select};

/// Bytes and words that decide something, far more often than chance would bring them. Lines of more
/// than 4 KiB are kept in another way than short ones, so one piece is longer than small chunks.
pub(crate) fn stream() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&[u8]; 36] = [
        &[b'x'; 1_100],
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b":",
        b" ",
        b": ",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xef",
        b"\xbb",
        b"\xbf",
        b"\xff",
        b"\xf0\x9f",
        b"\x8e\x89",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xe2\x80\xa8",
        b"data",
        b"data:",
        b"data: ",
        b"event: ",
        b"event",
        b"id: ",
        b"id",
        b"retry: ",
        b"retry",
        b"1",
        b"20",
        b"x",
        b"hello world, this is longer",
        b"da",
        b"ta",
        b"\xe2\x82\xac",
        b"99999999999999999999",
    ];
    let piece = prop_oneof![9 => select(&PIECES[..]).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 1..4)];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}
