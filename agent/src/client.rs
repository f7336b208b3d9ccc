//! The client's side of the daemon's Unix socket.

use std::io;
use std::path::Path;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens, or we may not.
    #[error("cannot connect to the daemon: {0}")]
    Connect(#[source] io::Error),
    /// The daemon did not speak as it should.
    #[error("the daemon broke off: {0}")]
    Http(#[from] hyper::Error),
    /// The request could not be made.
    #[error("cannot ask for this: {0}")]
    Request(#[from] hyper::http::Error),
}

impl Error {
    /// Whether there is no daemon to be asked.
    pub fn is_nobody(&self) -> bool {
        let absent = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        matches!(self, Self::Connect(error) if absent.contains(&error.kind()))
    }
}

/// Asks the daemon that listens at `socket`. The connection lives in a task until the body has been read.
pub async fn get(socket: &Path, target: &str) -> Result<Response<Incoming>, Error> {
    let stream = UnixStream::connect(socket).await.map_err(Error::Connect)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the daemon broke");
        }
    });
    let request = Request::get(target)
        .header(header::HOST, "finback")
        .body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?)
}
