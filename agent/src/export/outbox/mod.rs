//! What waits to be sent: bounded, tried again, and counted, whatever becomes of it.

mod answer;
mod backoff;
mod delivery;
mod limits;
mod parcel;
mod queue;
mod status;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

pub use self::answer::Answer;
pub use self::limits::Limits;
pub use self::parcel::Parcel;
pub use self::status::{Reason, State, Status};

pub(super) use self::delivery::deliver;

use self::queue::{Batch, Queue};

/// Takes parcels to their receiver.
pub trait Carrier<T>: Send + 'static {
    /// Tries once. It must come to an end by itself: whoever waits for an answer has a timeout.
    fn deliver(&mut self, batch: &[T]) -> impl Future<Output = Answer> + Send;
}

/// The end that parcels are put into. Never waits.
#[derive(Debug)]
pub struct Outbox<T>(Arc<Shared<T>>);

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<Queue<T>>,
    /// Something has come, or nothing more will.
    changed: Notify,
    limits: Limits,
    status: Arc<Status>,
}

impl<T: Parcel> Outbox<T> {
    pub(super) fn new(limits: Limits, status: Arc<Status>) -> Self {
        Self(Arc::new(Shared {
            queue: Mutex::default(),
            changed: Notify::new(),
            limits,
            status,
        }))
    }

    /// Puts in a parcel. The oldest go if there is no room.
    pub fn push(&self, parcel: T) {
        let until = Instant::now() + self.0.limits.patience;
        let mut queue = self.lock();
        queue.replace(&parcel);
        queue.push(parcel, until);
        let dropped = queue.shrink(&self.0.limits);
        self.0.status.set_queued(queue.count(), queue.bytes());
        drop(queue);
        self.0.status.dropped(Reason::Full, dropped);
        self.0.changed.notify_one();
    }

    /// Counts what is not even put in.
    pub fn leave_out(&self, reason: Reason, count: u64) {
        self.0.status.dropped(reason, count);
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().close();
        self.0.changed.notify_one();
    }

    /// The next parcels, oldest first; `None` when there are none and none will come. They count as waiting until
    /// [`Outbox::leave`].
    async fn next(&self) -> Option<Batch<T>> {
        loop {
            let changed = self.0.changed.notified();
            {
                let mut queue = self.lock();
                let batch = queue.take(&self.0.limits);
                if !batch.is_empty() {
                    return Some(batch);
                }
                if queue.is_closed() {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Of the batch that was taken out only this is still to be delivered.
    fn leave(&self, batch: &Batch<T>) {
        let mut queue = self.lock();
        queue.leave(batch.parcels.len(), batch.bytes());
        self.0.status.set_queued(queue.count(), queue.bytes());
    }

    fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
