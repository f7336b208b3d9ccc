//! Metrics over TCP, if they are wanted there.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::Error;
use crate::config::MetricsListen;

/// Listens, and says where.
pub(super) async fn listen(
    wanted: MetricsListen,
) -> Result<Option<(TcpListener, SocketAddr)>, Error> {
    let MetricsListen::At(address) = wanted else {
        return Ok(None);
    };
    let failed = |source| Error::Metrics { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "metrics are served");
    Ok(Some((listener, address)))
}
