//! HTTP over a Unix socket: the stream for many readers, findings, status.

mod lock;
mod past;
mod query;
mod routes;

use std::future::Future;
use std::io;

use tokio::net::UnixListener;
use tokio::sync::mpsc;

pub use lock::{Error, Guard};
pub use past::Past;
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
    past: Past,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = routes::router(Queries::new(queries), past);
    axum::serve(listener, router)
        .with_graceful_shutdown(end)
        .await
}

#[cfg(test)]
mod tests;
