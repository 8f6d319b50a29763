use std::collections::VecDeque;

use crate::readers::{Mark, Offered};
use crate::sync::Arc;

/// The most rounds of which a reader knows where the log ended.
const MAX_MARKS: usize = 64;

/// How much of the log a reader has offered to all of its subscribers, for the hub's backlog.
#[derive(Debug)]
pub(crate) struct BacklogMarks {
    /// Where the log ended at each round since the last one whose events were all offered; the point before that is the
    /// first.
    marks: VecDeque<Mark>,
    end: Mark,
    offered: Arc<Offered>,
}

impl BacklogMarks {
    pub(crate) fn new(end: Mark, offered: Arc<Offered>) -> Self {
        Self { marks: VecDeque::new(), end, offered }
    }

    /// Begins a round. `before` is what was there before the first event that the reader had not looked at.
    pub(crate) fn begin(&mut self, before: Option<Mark>, end: Mark) {
        self.end = end;
        if self.marks.is_empty() {
            self.marks.extend(before);
        }
        if self.marks.len() >= MAX_MARKS {
            // Coarser: what is offered counts a little later.
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.marks.push_back(end);
    }

    /// Notes the sequence number up to which every subscriber was offered everything; `None` if there is nothing left.
    pub(crate) fn note(&mut self, behind: Option<u64>) {
        let Some(sequence) = behind else {
            self.marks.clear();
            return self.offered.set(None);
        };
        while self.marks.get(1).is_some_and(|next| next.sequence <= sequence) {
            self.marks.pop_front();
        }
        self.offered.set(Some(self.marks.front().unwrap_or(&self.end).bytes));
    }
}
