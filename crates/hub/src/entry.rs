use ssecast_codec::{Error, ErrorKind};

use crate::notice::{NOTICES, Notice};
use crate::topic_name::check_length;

/// One entry of a [`Store`](crate::Store)'s log, as every process and every language writes and reads it.
/// `STORE_FORMAT.md` beside this crate describes the bytes.
///
/// ```
/// use ssecast_hub::{Entry, EntryKind};
/// let entry = Entry { kind: EntryKind::Event, at: 1, fingerprint: 2, topic: "ticks", id: None, block: b"data: 1\n\n" };
/// let mut bytes = Vec::new();
/// entry.encode_into(&mut bytes);
/// assert_eq!(Entry::decode(&bytes)?, entry);
/// # Ok::<(), ssecast_hub::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// When it was published: milliseconds since 1970, by the publisher's clock.
    pub at: u64,
    /// A random number. Another one under a known sequence number says that the log is not the one that was known.
    pub fingerprint: u64,
    /// The topic.
    pub topic: &'a str,
    /// The id that the publisher gave, if it gave one.
    pub id: Option<&'a str>,
    /// The event as it goes out, without an id line: that line is made by each process, from `id` or from the log's
    /// epoch and the entry's number.
    pub block: &'a [u8],
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// An event.
    Event,
    /// The end of its topic. Its block is empty.
    End,
    /// What one process tells the others about readers. Its topic is `ssecast-notices`.
    Notice,
}

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;
const HAS_ID: u8 = 1;

/// Version, kind, flags, a zero; time; fingerprint; the length of the topic, a zero and another; the length of the id.
const HEAD: usize = 4 + 8 + 8 + 4 + 4;

impl<'a> Entry<'a> {
    /// Appends the entry's bytes to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            EntryKind::Event => 0,
            EntryKind::End => 1,
            EntryKind::Notice => 2,
        };
        let flags = if self.id.is_some() { HAS_ID } else { 0 };
        let id = self.id.unwrap_or_default();
        out.reserve(HEAD + self.topic.len() + id.len() + self.block.len());
        out.extend_from_slice(&[VERSION, kind, flags, 0]);
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.fingerprint.to_le_bytes());
        out.extend_from_slice(&(self.topic.len() as u32).to_le_bytes());
        out.extend_from_slice(&(id.len() as u32).to_le_bytes());
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(self.block);
    }

    /// Reads an entry. Nothing that [`encode_into`](Self::encode_into) would not write is taken.
    ///
    /// # Errors
    /// [`ErrorKind::StoreFormat`] for another version and for bytes that are no entry.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        let Some((&[VERSION, kind, flags, 0], _)) = bytes.split_first_chunk() else {
            return Err(match bytes.first() {
                Some(version) if *version > VERSION => invalid(format!(
                    "has an entry of version {version}; this ssecast knows {VERSION}: update this process"
                )),
                _ => invalid("has an entry that does not begin as one"),
            });
        };
        let kind = match kind {
            0 => EntryKind::Event,
            1 => EntryKind::End,
            2 => EntryKind::Notice,
            other => return Err(invalid(format!("has an entry of the unknown kind {other}"))),
        };
        let number = |at: usize| bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        let length = |at: usize| bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        let (Some(at), Some(fingerprint)) = (number(4), number(12)) else { return Err(cut()) };
        let (Some(topic), Some(id)) = (length(20), length(24)) else { return Err(cut()) };
        let (topic, id) = (u32::from_le_bytes(topic) as usize, u32::from_le_bytes(id) as usize);
        let rest = &bytes[HEAD..];
        let (Some(topic), Some(rest)) = (rest.get(..topic), rest.get(topic..)) else { return Err(cut()) };
        let (Some(id), Some(block)) = (rest.get(..id), rest.get(id..)) else { return Err(cut()) };
        let text = |bytes| str::from_utf8(bytes).map_err(|_| invalid("has an entry whose text is not UTF-8"));
        let (topic, id) = (text(topic)?, text(id)?);
        if (kind == EntryKind::Notice) != (topic == NOTICES) {
            return Err(invalid("has an entry whose topic is not one of its kind"));
        }
        check_length(topic).map_err(|error| invalid(format!("has an entry whose {}", error.message())))?;
        let id = match flags {
            0 if id.is_empty() => None,
            HAS_ID if !id.is_empty() && !id.contains(['\r', '\n', '\0']) => Some(id),
            _ => return Err(invalid("has an entry whose flags and id contradict each other")),
        };
        match kind {
            EntryKind::Event if block.ends_with(b"\n") => {}
            EntryKind::End if block.is_empty() && id.is_none() => {}
            EntryKind::Notice if id.is_none() => _ = Notice::decode(block)?,
            _ => return Err(invalid("has an entry whose block is not one of its kind")),
        }
        let (at, fingerprint) = (u64::from_le_bytes(at), u64::from_le_bytes(fingerprint));
        Ok(Self { kind, at, fingerprint, topic, id, block })
    }
}

fn cut() -> Error {
    invalid("has an entry that is cut short")
}

fn invalid(problem: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::StoreFormat, "store", problem)
}
