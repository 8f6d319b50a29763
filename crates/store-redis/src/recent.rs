use std::collections::VecDeque;
use std::sync::Arc;

use ssecast_hub::{Epoch, Error};

use crate::pack::Pack;

/// The most bytes that are kept. Replicas that lack more read it for themselves.
const MAX_BYTES: usize = 4 << 20;
/// What a pack costs besides its bytes.
const PACK_COST: usize = 64;

/// What the tail has read lately, for all replicas of the process.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    life: Option<(Epoch, u64)>,
    /// Every entry with a number after `start`, up to `last`, is here.
    start: u64,
    last: u64,
    packs: VecDeque<Arc<Pack>>,
    bytes: usize,
    /// Why nothing is read at the moment.
    pub(crate) failure: Option<Error>,
    /// How often the tail connected. Replicas look at the log itself after each time: it may be another one.
    pub(crate) connections: u64,
}

impl Recent {
    /// Whether it is of this life, and up to which number.
    pub(crate) fn last(&self) -> Option<(Epoch, u64, u64)> {
        self.life.map(|(epoch, life)| (epoch, life, self.last))
    }

    /// Keeps nothing: another tail begins.
    pub(crate) fn forget(&mut self) {
        *self = Self { connections: self.connections, ..Self::default() };
    }

    /// Begins after a number.
    pub(crate) fn begin(&mut self, epoch: Epoch, life: u64, after: u64) {
        self.life = Some((epoch, life));
        (self.start, self.last) = (after, after);
        self.packs.clear();
        self.bytes = 0;
    }

    pub(crate) fn push(&mut self, pack: Pack) {
        if pack.last <= self.last {
            return;
        }
        if pack.first() > self.last + 1 {
            // What is between was removed before it was read: that has to be said by its topics.
            self.packs.clear();
            self.bytes = 0;
            self.start = pack.first() - 1;
        }
        self.last = pack.last;
        self.bytes += pack.bytes.len() + PACK_COST;
        self.packs.push_back(Arc::new(pack));
        while self.bytes > MAX_BYTES && self.packs.len() > 1 {
            if let Some(old) = self.packs.pop_front() {
                self.bytes -= old.bytes.len() + PACK_COST;
                self.start = old.last;
            }
        }
    }

    /// What a replica at a number lacks; `None` if that is not all here.
    pub(crate) fn after(&self, epoch: Epoch, number: u64) -> Option<Vec<Arc<Pack>>> {
        let is_here = self.life.is_some_and(|(own, _)| own == epoch) && number >= self.start;
        let newer = self.packs.partition_point(|pack| pack.last <= number);
        is_here.then(|| self.packs.range(newer..).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(last: u64, count: u64, length: usize) -> Pack {
        Pack { last, count, bytes: vec![0; length] }
    }

    fn numbers(recent: &Recent, epoch: Epoch, after: u64) -> Option<Vec<u64>> {
        Some(recent.after(epoch, after)?.iter().map(|pack| pack.last).collect())
    }

    #[test]
    fn it_gives_what_comes_after_a_number_or_says_that_it_does_not_have_all() {
        let (one, other) = (Epoch::random().unwrap(), Epoch::random().unwrap());
        let mut recent = Recent::default();
        assert_eq!(numbers(&recent, one, 0), None);
        recent.begin(one, 1, 4);
        assert_eq!((numbers(&recent, one, 4), numbers(&recent, one, 3)), (Some(vec![]), None));
        recent.push(pack(6, 2, 1));
        recent.push(pack(7, 1, 1));
        assert_eq!(numbers(&recent, one, 4), Some(vec![6, 7]));
        assert_eq!(numbers(&recent, one, 5), Some(vec![6, 7]), "the second half of a pack is in it");
        assert_eq!((numbers(&recent, one, 6), numbers(&recent, other, 6)), (Some(vec![7]), None));
        recent.push(pack(10, 1, 1));
        assert_eq!((numbers(&recent, one, 7), numbers(&recent, one, 9)), (None, Some(vec![10])));
        for last in 11..20 {
            recent.push(pack(last, 1, 1 << 20));
        }
        assert_eq!((numbers(&recent, one, 15), numbers(&recent, one, 16)), (None, Some(vec![17, 18, 19])));
    }
}
