//! Accepts connections, as many as there may be, and serves each in a task of its own.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{CONNECTIONS, HARD, HEAD, HEADERS, PATIENCE, TURNED_AWAY};
use super::routes::{self, Routes};

/// After an accept that has failed: descriptors are scarce, and are so for a while.
const PAUSE: Duration = Duration::from_secs(1);

/// Where connections come from.
pub(super) trait Listener {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    /// Whoever reads nothing for so long is given up: his place is wanted. By the kernel, which knows what he has read.
    async fn next(&self) -> io::Result<TcpStream> {
        let stream = self.accept().await?.0;
        let patience = u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = set_tcp_user_timeout(&stream, patience) {
            tracing::debug!(%error, "a client's patience cannot be bounded");
        }
        Ok(stream)
    }
}

/// Serves until `end` comes, then until the last answer is written.
pub(super) async fn serve<L: Listener>(listener: L, routes: Routes, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    let places = Arc::new(Semaphore::new(CONNECTIONS + TURNED_AWAY));
    let graceful = GracefulShutdown::new();
    loop {
        let next = tokio::select! {
            biased;
            () = &mut end => break,
            next = next(&listener, &places) => next,
        };
        let Some((stream, place)) = next else {
            break;
        };
        let full = places.available_permits() < TURNED_AWAY;
        let one = connection(stream, place, routes.clone(), full, graceful.watcher());
        tokio::spawn(one);
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The next connection, and its place.
async fn next<L: Listener>(
    listener: &L,
    places: &Arc<Semaphore>,
) -> Option<(L::Stream, OwnedSemaphorePermit)> {
    // Nobody closes the semaphore.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.next().await {
            Ok(stream) => return Some((stream, place)),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection until its end. Where all places are taken it is told so, and that is its end.
pub(super) async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    place: OwnedSemaphorePermit,
    routes: Routes,
    full: bool,
    watcher: Watcher,
) {
    let service = service_fn(|request| {
        let routes = routes.clone();
        async move {
            Ok::<_, Infallible>(if full {
                routes::turn_away()
            } else {
                routes.answer(request).await
            })
        }
    });
    let served = builder().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!(%error, "a client's connection broke");
    }
    drop(place);
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HARD * HEAD)
        .max_header_size(HARD * HEAD)
        .max_headers(HARD * HEADERS);
    builder
}
