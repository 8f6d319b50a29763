//! Entries that were appended together are one entry of the stream, so that Redis does for all of them what it does for one.
//! Each is its length, four bytes little-endian, and its bytes.

use ssecast_hub::Error;

use crate::failure;

/// What a pack holds at most: entries, and bytes unless it is one entry. A pack stays as long as one entry of it is kept.
const MAX_ENTRIES: usize = 64;
const MAX_BYTES: usize = 8192;

/// Entries of contiguous numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pack {
    /// The number of the last one.
    pub(crate) last: u64,
    pub(crate) count: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Pack {
    /// A pack as it was read.
    pub(crate) fn read(last: u64, bytes: Vec<u8>) -> Result<Self, Error> {
        let mut count = 0;
        for entry in entries(&bytes) {
            entry?;
            count += 1;
        }
        if count == 0 || count > last || count > MAX_ENTRIES as u64 {
            return Err(damaged());
        }
        Ok(Self { last, count, bytes })
    }

    /// The number of the first one.
    pub(crate) fn first(&self) -> u64 {
        self.last + 1 - self.count
    }

    /// The numbers and the entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (self.first()..).zip(entries(&self.bytes).map_while(Result::ok))
    }
}

/// Entries that are put into packs, in their order. The first one is to get the number 1.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) packs: Vec<Pack>,
    pub(crate) count: u64,
    pub(crate) bytes: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, entry: &[u8]) {
        let fits =
            |pack: &Pack| (pack.count as usize) < MAX_ENTRIES && pack.bytes.len() + entry.len() <= MAX_BYTES;
        if !self.packs.last().is_some_and(fits) {
            self.packs.push(Pack { last: self.count, count: 0, bytes: Vec::new() });
        }
        self.count += 1;
        self.bytes += entry.len();
        if let Some(pack) = self.packs.last_mut() {
            (pack.last, pack.count) = (self.count, pack.count + 1);
            pack.bytes.extend_from_slice(&(entry.len() as u32).to_le_bytes());
            pack.bytes.extend_from_slice(entry);
        }
    }

    /// The numbers came out so much greater.
    pub(crate) fn renumber(&mut self, by: u64) {
        self.packs.iter_mut().for_each(|pack| pack.last += by);
    }
}

fn entries(mut bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], Error>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let entry = bytes.split_first_chunk().and_then(|(length, rest)| {
            let length = u32::from_le_bytes(*length) as usize;
            rest.split_at_checked(length)
        });
        let Some((entry, rest)) = entry else {
            bytes = &[];
            return Some(Err(damaged()));
        };
        bytes = rest;
        Some(Ok(entry))
    })
}

pub(crate) fn damaged() -> Error {
    failure::format("is damaged: an entry of its stream is none; delete its keys to begin anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_hold_entries_in_their_order_and_stay_small() {
        let texts: Vec<Vec<u8>> = (0..200_usize).map(|number| vec![b'x'; number * 10]).collect();
        let entries: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let packed = packed(&entries);
        let read: Vec<_> =
            packed.packs.iter().map(|pack| Pack::read(pack.last, pack.bytes.clone()).unwrap()).collect();
        assert_eq!((&read, packed.count), (&packed.packs, 200));
        let numbered: Vec<(u64, &[u8])> = read.iter().flat_map(Pack::entries).collect();
        assert_eq!(numbered, (8..).zip(entries).collect::<Vec<_>>());
        assert!(read.iter().all(|pack| pack.count <= 64 && pack.bytes.len() < MAX_BYTES + 400));
        let large = vec![b'x'; 100_000];
        let packed = self::packed(&[b"a", &large, b"b"]);
        assert_eq!(packed.packs.iter().map(|pack| pack.last).collect::<Vec<_>>(), [8, 9, 10]);
    }

    fn packed(entries: &[&[u8]]) -> Batch {
        let mut packs = Batch::default();
        entries.iter().for_each(|entry| packs.push(entry));
        packs.renumber(7);
        packs
    }

    #[test]
    fn bytes_that_are_no_pack_are_refused() {
        for bytes in [&b""[..], b"\x01\0\0", b"\x05\0\0\0abc", b"\x01\0\0\0ab"] {
            assert!(Pack::read(9, bytes.to_vec()).is_err(), "{bytes:?}");
        }
        assert!(Pack::read(1, b"\x01\0\0\0a\x01\0\0\0b".to_vec()).is_err(), "there is no number zero");
        assert!(Pack::read(100, b"\0\0\0\0".repeat(65)).is_err(), "these are too many");
    }
}
