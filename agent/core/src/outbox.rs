//! What the engine wants done or told, in order.

use std::collections::VecDeque;

use crate::model::event::{Body, Event, Output};
use crate::model::time::Timestamp;

/// So many there may be at any time.
const ROOM: usize = 4_096;

/// A queue of [`Output`]s.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Output>,
}

impl Outbox {
    /// Adds something to be done.
    pub(crate) fn put(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// Adds something to be told.
    pub(crate) fn tell(&mut self, time: Timestamp, body: Body) {
        self.put(Output::Event(Event { time, body }));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Those that came after the first so many.
    pub(crate) fn since(&mut self, first: usize) -> impl Iterator<Item = &mut Output> {
        self.queue.range_mut(first..)
    }

    /// Takes out the oldest. After a surge the memory of the queue is given back.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        let oldest = self.queue.pop_front();
        if oldest.is_none() {
            self.queue.shrink_to(ROOM);
        }
        oldest
    }
}
