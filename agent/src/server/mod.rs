//! HTTP over a Unix socket: the stream for many readers, findings, status.

mod connections;
mod lock;
mod query;
mod routes;

use std::future::Future;
use std::io;

use tokio::net::UnixListener;
use tokio::sync::mpsc;

pub use connections::Shown;
pub use lock::{Error, Guard};
pub use query::{About, Query};

use self::query::Queries;

/// Reason of the `lost` line of a subscriber that reads too slowly.
pub const SLOW: &str = "subscriber_slow";

/// Queries that wait; more are refused.
pub const QUERIES: usize = 32;

/// Serves until `end` comes; streams end with the feed.
pub async fn serve(
    listener: UnixListener,
    queries: mpsc::Sender<Query>,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = routes::router(Queries::new(queries));
    axum::serve(listener, router)
        .with_graceful_shutdown(end)
        .await
}

#[cfg(test)]
mod tests;
