use std::collections::VecDeque;

/// A full block has so many bytes, and a few more.
const BLOCK_BYTES: usize = 240;

/// The most blocks: 64 KiB, which are the numbers of tens of thousands of events at the least.
const MAX_BLOCKS: usize = 256;

/// What a full block costs.
const BLOCK_COST: usize = 256 + size_of::<Block>() + 16;

/// A growing set of sequence numbers, so that a reset event can say how many events were missed.
///
/// What is stored is the distance from each number to the next one, in a byte or two, and equal distances once with
/// their count: topics that take turns cost as little as one that is alone.
#[derive(Debug, Default)]
pub(crate) struct IntervalSet {
    blocks: VecDeque<Block>,
    /// The distance between the last numbers, and how often it came again and is not in the last block yet.
    step: u64,
    repeats: u64,
    last: u64,
    count: u64,
    /// Numbers up to here were in blocks that are forgotten.
    forgotten: u64,
}

#[derive(Debug)]
struct Block {
    first: u64,
    last: u64,
    /// How many numbers there are before its first.
    before: u64,
    /// The distances to the numbers after the first: a distance, or zero and how often the one before comes again.
    steps: Vec<u8>,
}

impl IntervalSet {
    /// A set of which nothing is known up to a number.
    pub(crate) fn forgotten(through: u64) -> Self {
        Self { last: through, forgotten: through, ..Self::default() }
    }

    /// Writes the set, with numbers that count from `base`.
    pub(crate) fn encode(&self, base: u64, out: &mut Vec<u8>) {
        let mut put = |number: u64| out.extend_from_slice(&number.to_le_bytes());
        put(self.step);
        put(self.repeats);
        put(self.last.saturating_sub(base));
        put(self.count);
        put(self.forgotten.saturating_sub(base));
        for block in &self.blocks {
            let (first, last) = (block.first.saturating_sub(base), block.last.saturating_sub(base));
            for number in [first, last, block.before, block.steps.len() as u64] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.extend_from_slice(&block.steps);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` if it is something else.
    pub(crate) fn decode(base: u64, mut bytes: &[u8]) -> Option<Self> {
        let [step, repeats, last, count, forgotten] = numbers(&mut bytes)?;
        let (last, forgotten) = (last.checked_add(base)?, forgotten.checked_add(base)?);
        let mut blocks: VecDeque<Block> = VecDeque::new();
        let (mut at, mut seen) = (forgotten, 0);
        while !bytes.is_empty() {
            let [first, last, before, length] = numbers(&mut bytes)?;
            let (steps, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
            bytes = rest;
            let (first, last) = (first.checked_add(base)?, last.checked_add(base)?);
            // The first one has those before it that are forgotten.
            let follows = blocks.is_empty() || before == seen;
            if !follows || first <= at || blocks.len() >= MAX_BLOCKS {
                return None;
            }
            (at, seen) = ends(first, before, steps)?;
            blocks.push_back(Block { first, last, before, steps: steps.to_vec() });
        }
        let is_whole =
            at.checked_add(step.checked_mul(repeats)?)? == last && seen.checked_add(repeats)? == count;
        is_whole.then_some(Self { blocks, step, repeats, last, count, forgotten })
    }

    /// Adds a number that is greater than all before.
    pub(crate) fn push(&mut self, number: u64) {
        let step = number - self.last;
        match self.blocks.back_mut() {
            Some(_) if step == self.step => self.repeats += 1,
            Some(block) if block.steps.len() < BLOCK_BYTES => {
                block.repeat(self.step, self.repeats);
                block.write(step);
                (self.step, self.repeats) = (step, 0);
            }
            last => {
                if let Some(block) = last {
                    block.repeat(self.step, self.repeats);
                    block.last = self.last;
                }
                (self.step, self.repeats) = (0, 0);
                self.blocks.push_back(Block {
                    first: number,
                    last: number,
                    before: self.count,
                    steps: Vec::new(),
                });
            }
        }
        (self.last, self.count) = (number, self.count + 1);
        if self.blocks.len() > MAX_BLOCKS {
            self.forgotten = self.blocks.pop_front().map_or(self.forgotten, |block| block.last);
        }
    }

    /// The greatest number, zero at first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// How many numbers were ever added.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// How many numbers are greater than `after` and at most `through`; `None` when that is forgotten.
    pub(crate) fn count(&self, after: u64, through: u64) -> Option<u64> {
        if after < self.forgotten {
            return None;
        }
        Some(self.up_to(through.max(after)) - self.up_to(after))
    }

    /// How many numbers are at most this one, which is not forgotten.
    fn up_to(&self, number: u64) -> u64 {
        if number >= self.last {
            return self.count;
        }
        let next = self.blocks.partition_point(|block| block.first <= number);
        let Some(index) = next.checked_sub(1) else {
            return self.blocks.front().map_or(self.count, |block| block.before);
        };
        let block = &self.blocks[index];
        let unwritten = if next == self.blocks.len() { self.repeats } else { 0 };
        block.up_to(number, self.step, unwritten)
    }

    /// How many bytes of memory it has.
    pub(crate) fn held_bytes(&self) -> usize {
        let Some(last) = self.blocks.back() else { return 0 };
        (self.blocks.len() - 1) * BLOCK_COST + last.steps.capacity() + size_of::<Block>() + 16
    }

    /// Gives memory back that it may never need.
    pub(crate) fn shrink(&mut self) {
        if let Some(last) = self.blocks.back_mut() {
            last.steps.shrink_to_fit();
        }
        self.blocks.shrink_to_fit();
    }
}

impl Block {
    fn write(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.steps.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.steps.push(number as u8);
    }

    /// Writes that a step comes again, so many times.
    fn repeat(&mut self, step: u64, times: u64) {
        match times {
            0 => {}
            1 => self.write(step),
            _ => {
                self.write(0);
                self.write(times);
            }
        }
    }

    /// How many numbers of this and all earlier blocks are at most a number, which is not less than the first.
    /// `unwritten` is how often the last `step` comes again after what is written.
    fn up_to(&self, number: u64, step: u64, unwritten: u64) -> u64 {
        let mut count = self.before + 1;
        let (mut at, mut before) = (self.first, 0);
        let mut steps = Steps(&self.steps);
        while let Some(next) = steps.next() {
            let (step, times) = if next == 0 { (before, steps.next().unwrap_or(0)) } else { (next, 1) };
            if at + step * times > number {
                return count + (number - at) / step.max(1);
            }
            (at, before, count) = (at + step * times, step, count + times);
        }
        count + unwritten.min((number - at) / step.max(1))
    }
}

/// The last number of a block's steps, and how many numbers there are up to it.
fn ends(first: u64, before: u64, steps: &[u8]) -> Option<(u64, u64)> {
    let (mut at, mut seen, mut step) = (first, before.checked_add(1)?, 0);
    let mut steps = Steps(steps);
    while let Some(next) = steps.next() {
        let times = if next == 0 { steps.next()? } else { 1 };
        if next != 0 {
            step = next;
        }
        at = at.checked_add(step.checked_mul(times)?)?;
        seen = seen.checked_add(times)?;
    }
    steps.0.is_empty().then_some((at, seen))
}

/// Takes so many numbers of eight bytes off the front.
fn numbers<const N: usize>(bytes: &mut &[u8]) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let (first, rest) = bytes.split_first_chunk()?;
        (*number, *bytes) = (u64::from_le_bytes(*first), rest);
    }
    Some(numbers)
}

/// Reads numbers of seven bits a byte.
struct Steps<'a>(&'a [u8]);

impl Iterator for Steps<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let length = self.0.iter().position(|byte| byte & 0x80 == 0)? + 1;
        let (number, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(number.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: impl IntoIterator<Item = u64>) -> IntervalSet {
        let mut runs = IntervalSet::default();
        numbers.into_iter().for_each(|number| runs.push(number));
        runs
    }

    #[test]
    fn counts_the_numbers_between_any_two_points() {
        let mut numbers =
            vec![1, 2, 3, 7, 8, 20, 30, 40, 50, 51, 200, 20_000, 20_001, 20_003, 20_005, 20_007];
        let mut random: u64 = 7;
        for _ in 0..4000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            numbers.push(numbers[numbers.len() - 1] + 1 + (random >> 60) / 5 * (random >> 50 & 1));
        }
        let runs = set(numbers.iter().copied());
        let last = numbers[numbers.len() - 1];
        assert_eq!((runs.last(), runs.len()), (last, numbers.len() as u64));
        let up_to = |number| numbers.partition_point(|other| *other <= number) as u64;
        for after in (0..230).chain(19_990..last + 3) {
            for through in [after, after + 1, after + 9, after + 1000, last, last + 5] {
                assert_eq!(
                    runs.count(after, through),
                    Some(up_to(through) - up_to(after)),
                    "{after}–{through}"
                );
            }
        }
    }

    #[test]
    fn a_set_is_read_as_it_was_written_and_goes_on_the_same() {
        let mut random: u64 = 3;
        let mut sets = [IntervalSet::default(), IntervalSet::forgotten(1000), IntervalSet::forgotten(1000)];
        let (mut number, mut numbers) = (1000, Vec::new());
        for round in 0..1500 {
            let [one, other, moved] = &mut sets;
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            number += 1 + (random >> 60) / 5;
            numbers.push(number);
            [&mut *one, &mut *other].into_iter().for_each(|set| set.push(number));
            let mut bytes = Vec::new();
            other.encode(1000, &mut bytes);
            *moved = IntervalSet::decode(5000, &bytes).unwrap();
            if round % 7 == 0 {
                *other = IntervalSet::decode(1000, &bytes).unwrap();
                let cut = |length| IntervalSet::decode(1000, &bytes[..length]).is_some();
                assert!(round % 700 != 99 || !(0..bytes.len()).any(cut));
            }
            for after in [1000, number / 2 + 500, number.max(1003) - 3, number] {
                let count = one.count(after, number);
                assert_eq!(
                    (other.count(after, number), moved.count(after + 4000, number + 4000)),
                    (count, count)
                );
            }
        }
    }

    #[test]
    fn topics_that_take_turns_cost_no_more_than_one_that_is_alone() {
        for step in [1, 2, 1000] {
            let runs = set((0..1_000_000).map(|number| 1 + number * step));
            assert_eq!(runs.count(3 * step, 900_000 * step), Some(899_997), "every {step}");
            assert!(runs.held_bytes() < 200, "{} bytes", runs.held_bytes());
        }
    }

    #[test]
    fn a_set_without_any_order_is_bounded_and_forgets_the_oldest_first() {
        let mut runs = IntervalSet::default();
        let mut numbers = Vec::new();
        let mut random: u64 = 1;
        for _ in 0..500_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            numbers.push(runs.last() + 1 + (random >> 58));
            runs.push(runs.last() + 1 + (random >> 58));
        }
        assert!(runs.held_bytes() <= MAX_BLOCKS * BLOCK_COST, "{} bytes", runs.held_bytes());
        let all = numbers.len();
        assert_eq!(runs.count(numbers[0], u64::MAX), None);
        assert_eq!(runs.count(numbers[all - 50_001], u64::MAX), Some(50_000));
    }
}
