/// Bits of a value that tell its bucket apart from others of the same magnitude: buckets are 3 % wide.
const BITS: u32 = 5;

/// How long events took, in nanoseconds, in buckets that cost one increment.
pub struct Latency {
    buckets: Vec<u64>,
    count: u64,
    sum: u64,
    max: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: vec![0; 64 << BITS], count: 0, sum: 0, max: 0 }
    }
}

impl Latency {
    pub fn record(&mut self, nanoseconds: u64) {
        self.buckets[bucket(nanoseconds)] += 1;
        self.count += 1;
        self.sum += nanoseconds;
        self.max = self.max.max(nanoseconds);
    }

    #[must_use]
    pub fn mean(&self) -> u64 {
        self.sum / self.count.max(1)
    }

    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that this share of all values does not pass.
    #[must_use]
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_bound(index).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    let magnitude = (u64::BITS - value.leading_zeros()).saturating_sub(BITS + 1);
    ((magnitude as usize) << BITS) + (value >> magnitude) as usize
}

fn upper_bound(index: usize) -> u64 {
    let magnitude = (index >> BITS).saturating_sub(1);
    let start = (index - (magnitude << BITS)) as u64;
    ((start + 1) << magnitude) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_its_bucket() {
        for value in (0..5000).chain([1 << 20, (1 << 30) + 12_345, 1 << 40]) {
            let index = bucket(value);
            assert!(value <= upper_bound(index), "{value}");
            assert!(index == 0 || value > upper_bound(index - 1), "{value}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut latency = Latency::default();
        (1..=1000).for_each(|value| latency.record(value));
        assert!((500..=516).contains(&latency.quantile(0.5)));
        assert!((990..=1000).contains(&latency.quantile(0.99)));
    }
}
