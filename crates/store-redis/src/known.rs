use ssecast_hub::{Entry, Epoch, Error, Replica};

use crate::marks::{Marks, mark};
use crate::pack::Pack;
use crate::page::Page;
use crate::stored::Stored;

/// What a store's user knows of the log, besides what its replica makes of it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    epoch: Option<Epoch>,
    /// Of the newest entry.
    last: u64,
    pub(crate) marks: Marks,
    pub(crate) stored: Stored,
    /// How often this user appended.
    pub(crate) appends: u64,
}

impl Known {
    /// Has a replica apply a page, up to a number. Returns where it was before.
    pub(crate) fn apply_page(
        &mut self,
        page: &Page,
        replica: &mut dyn Replica,
        below: u64,
    ) -> Result<u64, Error> {
        let before = match replica.position() {
            Some(position) if position.epoch == page.epoch => position.sequence,
            _ => {
                replica.begin(page.epoch, page.forgotten);
                0
            }
        };
        if self.epoch != Some(page.epoch) {
            *self = Self { epoch: Some(page.epoch), appends: self.appends, ..Self::default() };
        }
        for state in page.states.iter().flatten() {
            replica.restore_topic(&state.topic, &state.bytes)?;
            self.stored.note_state(&state.topic, state.last);
        }
        self.apply(&page.packs, before, below, replica)?;
        Ok(before)
    }

    /// Has a replica apply what comes after a number, in packs of its epoch, up to another number.
    pub(crate) fn apply<'a>(
        &mut self,
        packs: impl IntoIterator<Item = &'a Pack>,
        after: u64,
        below: u64,
        replica: &mut dyn Replica,
    ) -> Result<(), Error> {
        for pack in packs {
            for (number, bytes) in pack.entries().filter(|(number, _)| *number > after && *number < below) {
                replica.apply(number, bytes)?;
                self.note(number, bytes, pack)?;
                self.stored.tidy(replica, number);
            }
        }
        Ok(())
    }

    /// Notes an entry that is in a pack.
    pub(crate) fn note(&mut self, number: u64, bytes: &[u8], pack: &Pack) -> Result<(), Error> {
        if number > self.last {
            let entry = Entry::decode(bytes)?;
            self.marks.note(number, mark(&entry));
            self.stored.note(&entry, number, pack);
            self.last = number;
        }
        Ok(())
    }
}
