use std::collections::VecDeque;

/// The most runs remembered; with one busy topic all its sequence numbers are a single run.
const MAX_RUNS: usize = 1024;

/// A growing set of sequence numbers, kept as runs, so that a reset event can say how many events were missed.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: VecDeque<Run>,
    /// Numbers up to here were in runs that are forgotten.
    forgotten: u64,
}

#[derive(Debug)]
struct Run {
    first: u64,
    last: u64,
}

impl Runs {
    /// A set of which nothing is known up to a number.
    pub(crate) fn forgotten(through: u64) -> Self {
        Self { runs: VecDeque::new(), forgotten: through }
    }

    /// Adds a number that is greater than all before.
    pub(crate) fn push(&mut self, number: u64) {
        match self.runs.back_mut() {
            Some(run) if run.last + 1 == number => run.last = number,
            _ => self.runs.push_back(Run { first: number, last: number }),
        }
        if self.runs.len() > MAX_RUNS {
            self.forgotten = self.runs.pop_front().map_or(self.forgotten, |run| run.last);
        }
    }

    /// The greatest number, zero at first.
    pub(crate) fn last(&self) -> u64 {
        self.runs.back().map_or(self.forgotten, |run| run.last)
    }

    /// How many numbers are greater than `after` and at most `through`; `None` when that is forgotten.
    pub(crate) fn count(&self, after: u64, through: u64) -> Option<u64> {
        if after < self.forgotten {
            return None;
        }
        let overlap = |run: &Run| (run.last.min(through) + 1).saturating_sub(run.first.max(after + 1));
        Some(self.runs.iter().rev().take_while(|run| run.last > after).map(overlap).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_numbers_between_two_points() {
        let mut runs = Runs::default();
        for number in [1, 2, 3, 7, 8, 20] {
            runs.push(number);
        }
        assert_eq!((runs.last(), runs.runs.len()), (20, 3));
        assert_eq!(runs.count(0, 20), Some(6));
        assert_eq!(runs.count(2, 7), Some(2));
        assert_eq!(runs.count(20, 30), Some(0));
    }

    #[test]
    fn a_forgotten_run_makes_the_count_unknown() {
        let mut runs = Runs::default();
        (0..=MAX_RUNS as u64).for_each(|number| runs.push(1 + number * 2));
        assert_eq!(runs.count(0, 100), None);
        assert_eq!(runs.count(1, 5), Some(2));
    }
}
