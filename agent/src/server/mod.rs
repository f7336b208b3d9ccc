//! HTTP over a Unix socket: the stream for many readers, findings, status.

mod lock;
mod routes;

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

pub use lock::{Error, Guard};

use crate::output::feed::Subscription;
use crate::output::select::Selection;

/// Reason of the `lost` line of a subscriber that reads too slowly.
pub const SLOW: &str = "subscriber_slow";

/// Something only the daemon's own task can do.
#[derive(Debug)]
pub enum Query {
    /// A JSON document.
    Document {
        /// About what.
        about: About,
        /// Where the answer goes.
        answer: oneshot::Sender<Bytes>,
    },
    /// A subscription, given once everything that was selected is being told.
    Subscribe {
        /// What is wanted.
        select: Selection,
        /// Where the subscription goes.
        answer: oneshot::Sender<Subscription>,
    },
}

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Hooks, counters, table size.
    Status,
    /// The last event of every open finding.
    Findings,
    /// Whether the daemon is at work at all.
    Readiness,
}

/// Queries that wait; more are refused.
pub const QUERIES: usize = 32;

/// A daemon that does not answer a query for so long is not well.
const PATIENCE: Duration = Duration::from_secs(2);

/// A subscription that has not begun after so long never will.
const BEGINNING: Duration = Duration::from_secs(10);

/// What the routes work with.
#[derive(Clone, Debug)]
struct State {
    queries: mpsc::Sender<Query>,
}

impl State {
    async fn document(&self, about: About) -> Option<Bytes> {
        let (answer, answered) = oneshot::channel();
        self.queries
            .try_send(Query::Document { about, answer })
            .ok()?;
        tokio::time::timeout(PATIENCE, answered).await.ok()?.ok()
    }

    /// Hooks may have to be attached, and a look to be waited for.
    async fn subscribe(&self, select: Selection) -> Option<Subscription> {
        let (answer, answered) = oneshot::channel();
        self.queries
            .try_send(Query::Subscribe { select, answer })
            .ok()?;
        tokio::time::timeout(BEGINNING, answered).await.ok()?.ok()
    }
}

/// Serves until `end` comes; streams end with the feed.
pub async fn serve(
    listener: UnixListener,
    queries: mpsc::Sender<Query>,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = routes::router(State { queries });
    axum::serve(listener, router)
        .with_graceful_shutdown(end)
        .await
}

#[cfg(test)]
mod tests;
