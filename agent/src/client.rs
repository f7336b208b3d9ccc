//! The client's side of the daemon's Unix socket.

use std::io;
use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::refusal::{Reason, Refusal};

/// Bytes of a refusal that are read.
const REFUSAL: usize = 64 * 1024;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens, or we may not.
    #[error("cannot connect to the daemon: {0}")]
    Connect(#[source] io::Error),
    /// The daemon did not speak as it should.
    #[error("the daemon broke off: {0}")]
    Http(#[from] hyper::Error),
    /// It does not do what it was asked for.
    #[error("the daemon refuses: {}", .reason.as_ref().map_or_else(|| .status.to_string(), |reason| reason.message.clone()))]
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// What is wrong, if it says so.
        reason: Option<Reason>,
    },
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

    /// The code with which it was refused, if the daemon gives one.
    pub fn code(&self) -> Option<&str> {
        if let Self::Refused { reason, .. } = self {
            return reason.as_ref().map(|reason| &*reason.code);
        }
        None
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

/// As [`get`]; a refusal is an error.
pub async fn ask(socket: &Path, target: &str) -> Result<Response<Incoming>, Error> {
    let response = get(socket, target).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = Limited::new(response.into_body(), REFUSAL).collect().await;
    let reason = body.ok().and_then(|body| reason(&body.to_bytes()));
    Err(Error::Refused { status, reason })
}

/// What is wrong, fit for a terminal.
pub(crate) fn reason(body: &[u8]) -> Option<Reason> {
    let Refusal { error } = serde_json::from_slice(body).ok()?;
    let clean = |text: String| text.replace(char::is_control, " ");
    Some(Reason {
        message: clean(error.message),
        help: clean(error.help),
        ..error
    })
}
