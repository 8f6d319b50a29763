use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

/// The most topics that are remembered: about 1 MiB.
const MOST: usize = 16_384;

/// Where the last events were of topics that ended and are forgotten. A client that comes back to one is told of its loss, and
/// that of another topic, of which nothing is known either, is not.
#[derive(Debug, Default)]
pub(crate) struct ForgottenTopics {
    hasher: RandomState,
    /// By the hash of the name.
    last: HashMap<u64, u64>,
    /// In the order in which they were forgotten.
    order: VecDeque<(u64, u64)>,
}

impl ForgottenTopics {
    /// Remembers that a topic had events up to a number. Returns up to where nothing is known of topics that are not
    /// remembered any more; zero if that changes nothing.
    pub(crate) fn note(&mut self, name: &str, last: u64) -> u64 {
        let hash = self.hasher.hash_one(name);
        if self.last.insert(hash, last) == Some(last) {
            return 0;
        }
        self.order.push_back((hash, last));
        if self.order.len() <= MOST {
            return 0;
        }
        let Some((oldest, last)) = self.order.pop_front() else { return 0 };
        // It may have been forgotten once more since then.
        if self.last.get(&oldest) == Some(&last) { self.last.remove(&oldest).unwrap_or(0) } else { 0 }
    }

    /// Up to where a topic had events, if it is one of them.
    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.last.get(&self.hasher.hash_one(name)).copied()
    }

    pub(crate) fn clear(&mut self) {
        self.last.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_that_were_forgotten_last_are_remembered() {
        let mut topics = ForgottenTopics::default();
        for number in 1..=MOST as u64 {
            assert_eq!(topics.note(&format!("{number}"), number), 0);
        }
        assert_eq!(topics.note("1", 1), 0, "it was noted before");
        assert_eq!(topics.get("1"), Some(1));
        let last = MOST as u64 + 1;
        assert_eq!(topics.note("2", last), 1, "the oldest one goes");
        assert_eq!((topics.get("1"), topics.get("2")), (None, Some(last)));
        assert_eq!(topics.note("new", last + 1), 0, "the second one was forgotten again since then");
        assert_eq!(topics.get("2"), Some(last));
        assert_eq!(topics.note("newer", last + 2), 3);
        topics.clear();
        assert_eq!(topics.get("2"), None);
    }
}
