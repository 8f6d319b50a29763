use std::collections::VecDeque;

use ssecast_hub::Entry;

/// As many as the scripts keep in Redis.
const MOST: usize = 16384;

/// The first bytes of an entry's fingerprint.
pub(crate) type Mark = [u8; 4];

/// The marks of the newest entries that are known: by them a log shows that it is another one.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    last: u64,
    marks: VecDeque<Mark>,
}

pub(crate) fn mark(entry: &Entry<'_>) -> Mark {
    let [one, two, three, four, ..] = entry.fingerprint.to_le_bytes();
    [one, two, three, four]
}

impl Marks {
    pub(crate) fn note(&mut self, number: u64, mark: Mark) {
        if number != self.last + 1 {
            self.marks.clear();
        }
        if self.marks.len() == MOST {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
        self.last = number;
    }

    pub(crate) fn get(&self, number: u64) -> Option<Mark> {
        let back = self.last.checked_sub(number)? as usize;
        let index = self.marks.len().checked_sub(back + 1)?;
        self.marks.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_those_of_the_newest_contiguous_numbers() {
        let mut marks = Marks::default();
        assert_eq!((marks.get(0), marks.get(1)), (None, None));
        for number in 1..=(MOST as u64 + 5) {
            marks.note(number, (number as u32).to_le_bytes());
        }
        for (number, known) in [(5, false), (6, true), (MOST as u64 + 5, true), (MOST as u64 + 6, false)] {
            assert_eq!(marks.get(number), known.then(|| (number as u32).to_le_bytes()), "{number}");
        }
        marks.note(100_000, [9; 4]);
        assert_eq!((marks.get(99_999), marks.get(100_000)), (None, Some([9; 4])));
    }
}
