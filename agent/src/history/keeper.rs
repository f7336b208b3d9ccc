//! The thread that keeps the history: a reader of the feed like any other, so that it can be slow and stop nobody.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::statistics::Statistics;
use super::writer::Writer;
use super::{Bounds, Place};
use crate::output::clock::Time;
use crate::output::feed::Subscription;

/// Lines wait for so long at most: few of them in a frame pack badly.
const FLUSH: Duration = Duration::from_secs(3);

/// What is too old is looked for so often.
const TRIM: Duration = Duration::from_mins(1);

/// A disk that has not taken what waits after so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Requests that wait; more are not answered.
const REQUESTS: usize = 32;

/// What is asked of the thread.
#[derive(Debug)]
enum Request {
    /// To write what was told before; the sender's being dropped says that it is done.
    Flush(oneshot::Sender<()>),
    /// To keep so much from now on.
    Bound(Bounds),
}

/// What others need of the history that is being written.
#[derive(Clone, Debug)]
pub struct Handle {
    place: Arc<Place>,
    run: Time,
    statistics: Arc<Statistics>,
    requests: mpsc::Sender<Request>,
}

impl Handle {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Names this daemon in the lines ([`super::Line::run`]).
    pub const fn run(&self) -> Time {
        self.run
    }

    /// What it counts.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Other bounds from now on. What is beyond them goes soon.
    pub fn bound(&self, bounds: Bounds) {
        if self.requests.try_send(Request::Bound(bounds)).is_err() {
            tracing::warn!(
                "the history's disk is slow: its bounds stay as they were, reload again"
            );
        }
    }

    /// Waits until all that was told before is where readers find it, but not for ever.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel::<()>();
        if self.requests.try_send(Request::Flush(done)).is_ok() {
            // A disk that does not answer costs the reader the last seconds.
            drop(timeout(PATIENCE, written).await);
        }
    }
}

/// The thread.
#[derive(Debug)]
pub struct Keeper {
    handle: Handle,
    ended: oneshot::Receiver<()>,
}

impl Keeper {
    /// Begins to write what the subscription brings. It ends with the feed, or with the first sentence that says why
    /// this folder cannot be used.
    pub fn spawn(place: Place, subscription: Subscription) -> io::Result<Self> {
        let (requests, asked) = mpsc::channel(REQUESTS);
        let (end, ended) = oneshot::channel::<()>();
        let handle = Handle {
            place: Arc::new(place),
            run: Time::now(),
            statistics: Arc::default(),
            requests,
        };
        let own = handle.clone();
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        thread::Builder::new()
            .name("finback-history".into())
            .spawn(move || {
                runtime.block_on(own.keep(subscription, asked));
                // Its being dropped tells the end.
                drop(end);
            })?;
        Ok(Self { handle, ended })
    }

    /// For those who read or count.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until everything is written; the feed must have ended.
    pub async fn end(self, deadline: Instant) {
        let Self { handle, ended } = self;
        drop(handle);
        // The thread drops the other end.
        if tokio::time::timeout_at(deadline, ended).await.is_err() {
            tracing::warn!("the disk is slow: the last lines of the history are lost");
        }
    }
}

impl Handle {
    async fn keep(self, subscription: Subscription, asked: mpsc::Receiver<Request>) {
        let Self {
            place,
            run,
            statistics,
            requests,
        } = self;
        // Else it would wait for requests of its own.
        drop(requests);
        let writer = Writer::new(&place, run, &statistics);
        let result = match writer {
            Ok(writer) => work(writer, subscription, asked).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = result {
            tracing::warn!("no history is kept: {error}");
            statistics.set_error(Some(error));
        }
    }
}

async fn work(
    mut writer: Writer<'_>,
    mut subscription: Subscription,
    mut asked: mpsc::Receiver<Request>,
) -> Result<(), String> {
    writer.open().map_err(|error| error.to_string())?;
    let mut trim = Instant::now() + TRIM;
    let mut due = trim;
    loop {
        tokio::select! {
            lines = subscription.next() => {
                let Some(lines) = lines else {
                    writer.flush();
                    return Ok(());
                };
                if !writer.has_lines() {
                    due = Instant::now() + FLUSH;
                }
                writer.take(&lines);
            }
            Some(request) = asked.recv() => match request {
                Request::Flush(done) => {
                    while let Some(lines) = subscription.try_next() {
                        writer.take(&lines);
                    }
                    writer.flush();
                    drop(done);
                }
                Request::Bound(bounds) => writer.bound(bounds),
            },
            () = sleep_until(due) => {
                writer.flush();
                if Instant::now() >= trim {
                    writer.trim();
                    trim = Instant::now() + TRIM;
                }
                due = trim;
            }
        }
    }
}
