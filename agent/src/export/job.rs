//! One exporter at work.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::outbox::{self, Carrier, Limits, Outbox, Parcel, Reason, Status};
use crate::output::feed::Subscription;
use crate::output::json::{Body, Event};

/// Makes of lines what a receiver wants. It is called in turn, and is not to take long.
pub trait Packer: Send + 'static {
    /// What is sent.
    type Parcel: Parcel;

    /// A line of the feed: first `hello`, then what was subscribed to.
    fn pack(&mut self, event: &Event<'_>, outbox: &Outbox<Self::Parcel>);

    /// How often [`Packer::tick`] is to be called; never, by default.
    fn period(&self) -> Option<Duration> {
        None
    }

    /// What is due without a line.
    fn tick(&mut self, outbox: &Outbox<Self::Parcel>) {
        let _: &Outbox<Self::Parcel> = outbox;
    }
}

/// Whether the exporters have been told to end.
pub(super) type Ending = watch::Receiver<bool>;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An exporter that can be begun.
pub struct Job {
    begin: Box<dyn FnOnce(Ending) -> Work + Send>,
    status: Arc<Status>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Job {
    /// An exporter of this name, which is one word.
    pub fn new<P: Packer>(
        name: &'static str,
        subscription: Subscription,
        limits: Limits,
        packer: P,
        carrier: impl Carrier<P::Parcel>,
    ) -> Self {
        let status = Arc::new(Status::new(name));
        let outbox = Outbox::new(limits, Arc::clone(&status));
        let begin = move |ending: Ending| -> Work {
            Box::pin(async move {
                let packing = pack(subscription, packer, outbox.clone(), ending);
                let delivering = outbox::deliver(outbox, carrier);
                tokio::join!(packing, delivering);
            })
        };
        Self {
            begin: Box::new(begin),
            status,
        }
    }

    pub(super) const fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// Works until the feed has ended, or the exporters are told to, and everything was tried.
    pub(super) fn begin(self, ending: Ending) -> Work {
        (self.begin)(ending)
    }
}

async fn pack<P: Packer>(
    mut subscription: Subscription,
    mut packer: P,
    outbox: Outbox<P::Parcel>,
    mut ending: Ending,
) {
    // The first after a period: there is nothing to be repeated yet.
    let ticks = |period| interval_at(Instant::now() + period, period);
    let mut ticks = packer.period().map(ticks);
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            lines = subscription.next() => match lines {
                Some(lines) => take(&lines, &mut packer, &outbox),
                None => break,
            },
            () = tick(&mut ticks) => packer.tick(&outbox),
            // Also if whoever would tell is gone.
            _ = ending.changed() => {
                while let Some(lines) = subscription.try_next() {
                    take(&lines, &mut packer, &outbox);
                }
                break;
            }
        }
    }
    outbox.close();
}

/// Never, if there are none.
async fn tick(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => {
            ticks.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn take<P: Packer>(lines: &[u8], packer: &mut P, outbox: &Outbox<P::Parcel>) {
    for line in lines.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Event<'_>>(line) {
            Ok(Event {
                body: Body::Lost { lost },
                ..
            }) => outbox.leave_out(Reason::Slow, lost.records),
            Ok(event) => packer.pack(&event, outbox),
            Err(error) => tracing::warn!(%error, "a line of the feed cannot be read"),
        }
    }
}
