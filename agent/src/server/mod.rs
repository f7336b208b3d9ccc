//! HTTP over a Unix socket: the stream for many readers, findings, status. Over TCP, if that is wanted, metrics only.
//!
//! What is served where is one table, `table::ROUTES`, from which all else follows: the check of parameters, the
//! list of paths in a 404, the OpenAPI document.
//!
//! - A new path is a row there. If nothing gives its answer yet, it is a variant of `table::Source`, too, with an arm
//!   in `routes::Routes::body`; if only the daemon's task can, a variant of [`About`], which is answered there.
//! - A new parameter is a constant in `parameter`, is named in the rows of its paths, and read in `routes` by
//!   `given.value(&NAME)?`: its type says by `FromStr` what it takes and by the error's `Display` what is wrong.
//! - After that the test `the_openapi_document_is_the_one_checked_in` wants `BLESS=1` once.

mod accept;
mod body;
mod connections;
mod explained;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod limits;
mod lock;
mod openapi;
mod parameter;
mod past;
mod query;
mod refused;
mod routes;
mod table;
mod told;

use futures_util::FutureExt as _;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;

use self::routes::Routes;
pub use connections::Shown;
pub use lock::{Error, Guard};
pub use openapi::document as openapi;
pub use past::Past;
pub use query::{About, Queries, Query};

/// Reason of the `lost` line of a subscriber that reads too slowly.
pub const SLOW: &str = "subscriber_slow";

/// Queries that wait; more are refused.
pub const QUERIES: usize = 32;

/// Serves until `end` comes; streams end with the feed. Whoever can reach `open` may ask for metrics, and for nothing
/// else.
pub async fn serve(
    listener: UnixListener,
    open: Option<TcpListener>,
    queries: mpsc::Sender<Query>,
    past: Past,
    end: impl Future<Output = ()> + Send + 'static,
) {
    let routes = Routes::new(Queries::new(queries), past);
    let end = end.shared();
    let (metrics, ended) = (routes.only_metrics(), end.clone());
    let open = async {
        if let Some(open) = open {
            accept::serve(open, metrics, ended).await;
        }
    };
    tokio::join!(accept::serve(listener, routes, end), open);
}

#[cfg(test)]
mod tests;
