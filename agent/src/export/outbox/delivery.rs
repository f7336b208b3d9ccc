//! Taking parcels to their receiver until there are no more.

use tokio::time::{Instant, sleep_until};

use super::answer::Answer;
use super::backoff::Backoff;
use super::queue::Batch;
use super::status::Reason;
use super::{Carrier, Outbox, Parcel};

/// Delivers what is put into the outbox. When nothing more will come, what is left is tried once.
pub(in crate::export) async fn deliver<T: Parcel>(outbox: Outbox<T>, mut carrier: impl Carrier<T>) {
    while let Some(mut batch) = outbox.next().await {
        carry(&mut batch, &outbox, &mut carrier).await;
        outbox.leave(&Batch::default());
    }
}

async fn carry<T: Parcel>(batch: &mut Batch<T>, outbox: &Outbox<T>, carrier: &mut impl Carrier<T>) {
    let status = &outbox.0.status;
    let mut backoff = Backoff::new(&outbox.0.limits);
    loop {
        let late = batch.expire(Instant::now());
        status.dropped(Reason::Expired, late.count());
        outbox.leave(batch);
        let Some(expires) = batch.expires() else {
            return;
        };
        // Asked before the try: one that comes after the end is the last.
        let last = outbox.is_closed();
        match carrier.deliver(&batch.parcels).await {
            Answer::Delivered => return status.delivered(batch.count()),
            Answer::Partly { refused, why } => {
                status.delivered(batch.count().saturating_sub(refused));
                return status.refused(refused.min(batch.count()), &why);
            }
            Answer::Refused { why } => return status.refused(batch.count(), &why),
            Answer::Later { why, .. } if last => {
                status.failed(&why);
                return status.dropped(Reason::Ended, batch.count());
            }
            Answer::Later { after, why } => {
                status.failed(&why);
                let due = Instant::now() + backoff.next(after).min(outbox.0.limits.patience);
                wait(due.min(expires), outbox).await;
            }
        }
    }
}

/// Until then, or until nothing more will come.
async fn wait<T: Parcel>(due: Instant, outbox: &Outbox<T>) {
    loop {
        let changed = outbox.0.changed.notified();
        if outbox.is_closed() {
            return;
        }
        tokio::select! {
            () = sleep_until(due) => return,
            () = changed => {}
        }
    }
}
