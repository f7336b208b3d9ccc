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

use crate::output::feed::Handle;

/// Reason of the `lost` line of a subscriber that reads too slowly.
pub const SLOW: &str = "subscriber_slow";

/// Something only the daemon's own task can answer; the answer is a JSON document.
#[derive(Debug)]
pub struct Query {
    /// What.
    pub about: About,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Bytes>,
}

/// What a [`Query`] asks for.
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

/// What the routes work with.
#[derive(Clone, Debug)]
struct State {
    feed: Handle,
    queries: mpsc::Sender<Query>,
}

impl State {
    async fn ask(&self, about: About) -> Option<Bytes> {
        let (answer, answered) = oneshot::channel();
        self.queries.try_send(Query { about, answer }).ok()?;
        tokio::time::timeout(PATIENCE, answered).await.ok()?.ok()
    }
}

/// Serves until `end` comes; streams end with the feed.
pub async fn serve(
    listener: UnixListener,
    feed: Handle,
    queries: mpsc::Sender<Query>,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = routes::router(State { feed, queries });
    axum::serve(listener, router)
        .with_graceful_shutdown(end)
        .await
}

#[cfg(test)]
mod tests;
