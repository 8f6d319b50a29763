use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use ssecast_hub::{Batch, Reason};

use crate::sync::{Mutex, lock};

/// What the task of a stream has still to take, and how to wake it.
///
/// One lock guards all of it: a task that found nothing has left its waker there before the next batch can come, and a
/// connection is paused and resumed in the order in which its queue became full and empty.
#[derive(Default)]
pub(crate) struct BatchQueue(Mutex<State>);

#[derive(Default)]
struct State {
    batches: VecDeque<Bytes>,
    bytes: usize,
    /// Nothing more comes until it is empty.
    is_full: bool,
    end: Option<End>,
    waker: Option<Waker>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// After everything that it was to get.
    Complete,
    /// Before that.
    Cut(Reason),
}

impl BatchQueue {
    /// Adds a batch, and pauses the connection if more than `limit` bytes wait by then. The caller wakes the task.
    pub(crate) fn push(&self, batch: &Batch, limit: usize, pause: impl FnOnce()) -> Option<Waker> {
        let mut state = lock(&self.0);
        state.bytes += batch.len();
        state.batches.push_back(batch.bytes());
        if state.bytes > limit && !state.is_full {
            state.is_full = true;
            pause();
        }
        state.waker.take()
    }

    /// Ends the stream: after what waits, unless it was cut. The caller wakes the task.
    pub(crate) fn end(&self, end: End) -> Option<Waker> {
        let mut state = lock(&self.0);
        if end != End::Complete {
            state.batches = VecDeque::new();
        }
        state.end = Some(end);
        state.waker.take()
    }

    /// Takes what is next, and resumes the connection when that is the last of what made the queue full.
    pub(crate) fn poll(
        &self,
        context: &Context<'_>,
        resume: impl FnOnce(),
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        let mut state = lock(&self.0);
        if let Some(batch) = state.batches.pop_front() {
            state.bytes -= batch.len();
            if state.batches.is_empty() {
                // An idle stream keeps no memory for the next burst.
                state.batches.shrink_to(1);
                if std::mem::take(&mut state.is_full) {
                    resume();
                }
            }
            return Poll::Ready(Some(Ok(batch)));
        }
        match state.end {
            Some(End::Complete) => Poll::Ready(None),
            Some(End::Cut(reason)) => {
                state.end = Some(End::Complete);
                Poll::Ready(Some(Err(reason)))
            }
            None => {
                let known = state.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
                let before = if known { None } else { state.waker.replace(context.waker().clone()) };
                // The last waker of a task that is over takes the task apart, which may own other streams.
                drop(state);
                drop(before);
                Poll::Pending
            }
        }
    }
}
