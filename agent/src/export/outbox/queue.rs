//! The queue itself: no locks, no time of its own.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::limits::Limits;
use super::parcel::Parcel;

/// Parcels, oldest first.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: VecDeque<(T, Instant)>,
    waiting_bytes: usize,
    /// Taken out and not delivered yet.
    taken: usize,
    taken_bytes: usize,
    closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            taken: 0,
            taken_bytes: 0,
            closed: false,
        }
    }
}

/// Parcels that go together.
#[derive(Debug)]
pub(super) struct Batch<T> {
    pub(super) parcels: Vec<T>,
    /// When each is dropped if it is not delivered.
    until: Vec<Instant>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            parcels: Vec::new(),
            until: Vec::new(),
        }
    }
}

impl<T: Parcel> Queue<T> {
    pub(super) fn push(&mut self, parcel: T, until: Instant) {
        self.waiting_bytes += parcel.bytes();
        self.waiting.push_back((parcel, until));
    }

    /// Takes out what need not be sent once there is this one.
    pub(super) fn replace(&mut self, by: &T) {
        let Self {
            waiting,
            waiting_bytes,
            ..
        } = self;
        waiting.retain(|(parcel, _)| {
            let stays = !by.replaces(parcel);
            if !stays {
                *waiting_bytes = waiting_bytes.saturating_sub(parcel.bytes());
            }
            stays
        });
    }

    /// Drops the oldest that wait until the rest fits; how many. What has been taken out is on its way.
    pub(super) fn shrink(&mut self, limits: &Limits) -> u64 {
        let mut dropped = 0;
        while self.count() > limits.count || self.bytes() > limits.bytes {
            let Some((parcel, _)) = self.waiting.pop_front() else {
                break;
            };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(parcel.bytes());
            dropped += 1;
        }
        dropped
    }

    /// Takes out as many as go at once.
    pub(super) fn take(&mut self, limits: &Limits) -> Batch<T> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.parcels.len() < limits.batch.max(1)
            && let Some((parcel, _)) = self.waiting.front()
        {
            bytes += parcel.bytes();
            if bytes > limits.batch_bytes && !batch.is_empty() {
                break;
            }
            let Some((parcel, until)) = self.waiting.pop_front() else {
                break;
            };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(parcel.bytes());
            self.taken += 1;
            self.taken_bytes += parcel.bytes();
            batch.parcels.push(parcel);
            batch.until.push(until);
        }
        batch
    }

    /// Of what was taken out only so much is still to be delivered.
    pub(super) const fn leave(&mut self, count: usize, bytes: usize) {
        self.taken = count;
        self.taken_bytes = bytes;
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.taken
    }

    pub(super) const fn bytes(&self) -> usize {
        self.waiting_bytes + self.taken_bytes
    }

    pub(super) const fn close(&mut self) {
        self.closed = true;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }
}

impl<T: Parcel> Batch<T> {
    pub(super) const fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.parcels.len().try_into().unwrap_or(u64::MAX)
    }

    pub(super) fn bytes(&self) -> usize {
        self.parcels.iter().map(Parcel::bytes).sum()
    }

    /// When the next is to be dropped.
    pub(super) fn expires(&self) -> Option<Instant> {
        self.until.iter().min().copied()
    }

    /// Takes out those that have waited for too long.
    pub(super) fn expire(&mut self, now: Instant) -> Self {
        let pairs = self.parcels.drain(..).zip(self.until.drain(..));
        let (late, left): (Vec<_>, Vec<_>) = pairs.partition(|(_, until)| *until <= now);
        (self.parcels, self.until) = left.into_iter().unzip();
        let (parcels, until) = late.into_iter().unzip();
        Self { parcels, until }
    }
}
