use ssecast_hub::{Epoch, Error};

use crate::failure;
use crate::options::Durability;

/// The version of the tables, and the only one that is known.
const FORMAT: u32 = 1;
const LENGTH: usize = 4 + 10 + 1 + 1 + 5 * 8;

/// What a log is, besides its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) epoch: Epoch,
    pub(crate) durability: Durability,
    /// The file's number in its file system. A copy has another one.
    pub(crate) inode: u64,
    /// Of topics without a state nothing is known up to this number.
    pub(crate) forgotten: u64,
    /// The greatest number of an entry that was removed.
    pub(crate) removed: u64,
    /// How often entries were removed.
    pub(crate) sweeps: u64,
    /// Where the next look for entries to remove begins.
    pub(crate) sweep_at: u64,
}

impl Meta {
    pub(crate) fn new(epoch: Epoch, durability: Durability, inode: u64) -> Self {
        Self { epoch, durability, inode, forgotten: 0, removed: 0, sweeps: 0, sweep_at: 0 }
    }

    pub(crate) fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[4..14].copy_from_slice(self.epoch.to_string().as_bytes());
        bytes[14] = u8::from(self.durability == Durability::Machine);
        let numbers = [self.inode, self.forgotten, self.removed, self.sweeps, self.sweep_at];
        for (number, place) in numbers.iter().zip(bytes[16..].chunks_exact_mut(8)) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let damaged =
            || failure::format("is damaged: its description is none; remove the folder to begin anew".into());
        let format = bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).ok_or_else(damaged)?;
        if format > FORMAT {
            return Err(failure::format(format!(
                "was made by a newer ssecast (its format is {format}, and this one knows {FORMAT}): update this process, or \
                 name another folder"
            )));
        }
        let bytes: &[u8; LENGTH] = bytes.try_into().map_err(|_| damaged())?;
        let epoch = Epoch::parse(&bytes[4..14]).ok_or_else(damaged)?;
        let durability = match (format, bytes[14], bytes[15]) {
            (FORMAT, 0, 0) => Durability::Processes,
            (FORMAT, 1, 0) => Durability::Machine,
            _ => return Err(damaged()),
        };
        let mut numbers = [0; 5];
        for (number, place) in numbers.iter_mut().zip(bytes[16..].chunks_exact(8)) {
            *number = place.try_into().map(u64::from_le_bytes).map_err(|_| damaged())?;
        }
        let [inode, forgotten, removed, sweeps, sweep_at] = numbers;
        Ok(Self { epoch, durability, inode, forgotten, removed, sweeps, sweep_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssecast_hub::ErrorKind;

    #[test]
    fn a_description_is_read_as_it_was_written_and_nothing_else_is_one() {
        let mut meta = Meta::new(Epoch::random().unwrap(), Durability::Machine, 7);
        (meta.forgotten, meta.removed, meta.sweeps, meta.sweep_at) = (1, 2, 3, u64::MAX);
        let bytes = meta.encode();
        assert_eq!(Meta::decode(&bytes), Ok(meta));
        let mut others = vec![bytes[..LENGTH - 1].to_vec(), [&bytes[..], &[0]].concat(), Vec::new()];
        for (at, value) in [(0, 0), (5, b'-'), (14, 2), (15, 1)] {
            let mut other = bytes.to_vec();
            other[at] = value;
            others.push(other);
        }
        for other in others {
            let error = Meta::decode(&other).unwrap_err();
            assert!(
                error.kind() == ErrorKind::StoreFormat && error.to_string().contains("is damaged"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_newer_format_says_what_to_do() {
        // Whatever else it holds.
        let error = Meta::decode(&[2, 0, 0, 0, 9]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreFormat);
        assert!(
            error.to_string().contains("made by a newer ssecast") && error.to_string().contains("update"),
            "{error}"
        );
    }
}
