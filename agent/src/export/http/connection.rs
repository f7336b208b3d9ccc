//! One connection to a receiver.

use std::error::Error as _;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::endpoint::{Endpoint, Origin};
use super::tls::Shared;

/// An open connection, and the task that moves its bytes. That notices at once when the receiver hangs up; it ends with
/// this.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    tls: Option<Shared>,
    _task: JoinSet<()>,
}

impl Connection {
    #[expect(clippy::large_stack_frames, reason = "its caller has it on the heap")]
    pub(super) async fn open(endpoint: &Endpoint, tls: Option<Shared>) -> Result<Self, String> {
        let failed = |error| format!("cannot connect to {endpoint}: {error}");
        let (host, port) = match endpoint.origin() {
            Origin::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(failed)?;
                return Self::speak(endpoint, stream, tls).await;
            }
            Origin::Tcp { host, port, .. } => (host, *port),
        };
        let stream = TcpStream::connect((&**host, port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let Some(config) = tls else {
            return Self::speak(endpoint, stream, None).await;
        };
        let name = ServerName::try_from(host.clone())
            .map_err(|_any| format!("no certificate can be about the name in {endpoint}"))?;
        let connector = TlsConnector::from(Arc::clone(&config));
        let stream = Box::pin(connector.connect(name, stream)).await;
        Self::speak(endpoint, stream.map_err(failed)?, Some(config)).await
    }

    async fn speak<S>(endpoint: &Endpoint, stream: S, tls: Option<Shared>) -> Result<Self, String>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
        TokioIo<S>: Read + Write,
    {
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| format!("{endpoint} broke off: {}", causes(&error)))?;
        let mut task = JoinSet::new();
        task.spawn(async {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to a receiver broke");
            }
        });
        Ok(Self {
            sender,
            tls,
            _task: task,
        })
    }

    /// Whether it is still open, and rests on the certificates that are there now.
    pub(super) fn is_usable(&self, tls: Option<&Shared>) -> bool {
        let same = match (&self.tls, tls) {
            (Some(own), Some(now)) => Arc::ptr_eq(own, now),
            (own, now) => own.is_none() && now.is_none(),
        };
        same && !self.sender.is_closed()
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        self.sender.ready().await.map_err(|error| causes(&error))?;
        self.sender
            .send_request(request)
            .await
            .map_err(|error| causes(&error))
    }
}

/// An error with what led to it: hyper's own words say little.
fn causes(error: &hyper::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words
}
