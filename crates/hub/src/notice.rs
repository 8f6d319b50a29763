use ssecast_codec::{Error, ErrorKind};

/// The topic of the entries that are notices. No event may have it.
pub(crate) const NOTICES: &str = "ssecast-notices";

/// What one process tells the others about readers, in an entry of the log.
///
/// Everything in it counts for a time only: what lasts is said again, and what a process said that was killed lapses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// A random number, which tells the processes apart.
    pub(crate) process: u64,
    pub(crate) items: Vec<(Saying, String)>,
}

/// What a process says of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    /// It wants to know of the others' readers.
    Asks,
    /// It has readers.
    Reads,
    /// It has none any more.
    ReadsNoMore,
}

impl Saying {
    const ALL: [Self; 3] = [Self::Asks, Self::Reads, Self::ReadsNoMore];
}

impl Notice {
    /// The notice as the block of an entry.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.process.to_le_bytes().to_vec();
        for (saying, topic) in &self.items {
            out.push(*saying as u8);
            out.extend_from_slice(&(topic.len() as u16).to_le_bytes());
            out.extend_from_slice(topic.as_bytes());
        }
        out
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(crate) fn decode(block: &[u8]) -> Result<Self, Error> {
        let invalid = || Error::new(ErrorKind::StoreFormat, "store", "has a notice that is none");
        let (process, mut rest) = block.split_first_chunk().ok_or_else(invalid)?;
        let mut items = Vec::new();
        while let Some((&[saying, low, high], behind)) = rest.split_first_chunk() {
            let length = u16::from_le_bytes([low, high]).into();
            let (topic, behind) = behind.split_at_checked(length).ok_or_else(invalid)?;
            let saying = *Saying::ALL.get(usize::from(saying)).ok_or_else(invalid)?;
            items.push((saying, str::from_utf8(topic).map_err(|_| invalid())?.to_owned()));
            rest = behind;
        }
        if items.is_empty() || !rest.is_empty() {
            return Err(invalid());
        }
        Ok(Self { process: u64::from_le_bytes(*process), items })
    }
}
