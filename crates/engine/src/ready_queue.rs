use std::collections::VecDeque;

use crate::connection::Connection;

/// The connections that have something to do, by their places in the set: the one that has waited longest is first.
#[derive(Default)]
pub(crate) struct ReadyQueue {
    queue: VecDeque<usize>,
    /// How many turns it takes until all that were ready when the hub was last told how far they are have had one;
    /// `None` if it was told that none is behind.
    turns: Option<usize>,
}

/// What the hub is to be told after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// Nothing new.
    AsBefore,
    /// The least that a connection was offered which takes anything; `None` if all were offered everything.
    Through(Option<u64>),
}

impl ReadyQueue {
    /// Queues a connection that has been offered everything up to a sequence number, unless it is queued already or
    /// takes nothing.
    pub(crate) fn push<S>(&mut self, connection: &mut Connection<S>, offered: u64) {
        if !connection.ready && !connection.blocked {
            connection.ready = true;
            connection.offered = connection.offered.max(offered);
            self.queue.push_back(connection.id.index());
        }
    }

    pub(crate) fn pop(&mut self) -> Option<usize> {
        self.queue.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &usize> {
        self.queue.iter()
    }

    /// Takes a connection out if it is the only one here. Returns whether it was.
    pub(crate) fn remove_only(&mut self, index: usize) -> bool {
        let is_only = self.queue.len() == 1 && self.queue[0] == index;
        if is_only {
            self.queue.clear();
        }
        is_only
    }

    /// Begins to count turns, if the last thing that the hub was told is that none is behind. Returns whether one is now.
    pub(crate) fn begin(&mut self) -> bool {
        let begins = self.turns.is_none() && !self.queue.is_empty();
        if begins {
            self.turns = Some(self.queue.len());
        }
        begins
    }

    /// Notes that one of those that were ready has had its turn. The one that was offered least is looked for once in as
    /// many turns as there are connections to look at; `offered` says what a connection was offered, if it takes anything.
    pub(crate) fn note_turn(&mut self, offered: impl Fn(usize) -> Option<u64>) -> Offered {
        if self.queue.is_empty() {
            return if self.turns.take().is_some() { Offered::Through(None) } else { Offered::AsBefore };
        }
        let turns = self.turns.map_or(self.queue.len(), |turns| turns.saturating_sub(1));
        if turns > 0 {
            self.turns = Some(turns);
            return Offered::AsBefore;
        }
        self.turns = Some(self.queue.len());
        Offered::Through(self.queue.iter().filter_map(|index| offered(*index)).min())
    }
}
