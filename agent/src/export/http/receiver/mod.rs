//! A receiver for tests: a real server, on loopback, that keeps what it is sent and answers as it is told.

mod authority;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(crate) use authority::Authority;

/// What it was sent.
#[derive(Debug)]
pub(crate) struct Got {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Over its how many-th connection, from 1.
    pub(crate) connection: usize,
    /// What the client has shown of itself, DER.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// What it says.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// This.
    Say(u16, Vec<(&'static str, &'static str)>, Bytes),
    /// Nothing, ever.
    Silence,
    /// Nothing: it hangs up.
    HangUp,
}

impl Answer {
    /// Nothing but a status.
    pub(crate) const fn status(status: u16) -> Self {
        Self::Say(status, Vec::new(), Bytes::new())
    }
}

/// Requests that wait to be looked at.
const MOST: usize = 1024;

type Answers = Arc<Mutex<VecDeque<Answer>>>;

/// The server. It is gone, with its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    got: mpsc::Receiver<Got>,
    answers: Answers,
    task: JoinSet<()>,
}

impl Receiver {
    /// At an address of its own.
    pub(crate) async fn start() -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), None).await
    }

    /// The same with TLS.
    pub(crate) async fn encrypted(config: ServerConfig) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), Some(config)).await
    }

    /// Where another one was before.
    pub(crate) async fn at(address: SocketAddr, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, got) = mpsc::channel(MOST);
        let answers = Answers::default();
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let mut task = JoinSet::new();
        task.spawn(listen(listener, tls, heard, Arc::clone(&answers)));
        Self {
            address,
            got,
            answers,
            task,
        }
    }

    /// Ends it; nobody listens at its address any more.
    pub(crate) async fn end(mut self) -> SocketAddr {
        self.task.shutdown().await;
        self.address
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says to the requests to come; 200 and nothing to all that follow.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// The next request, as soon as it is here.
    pub(crate) async fn got(&mut self) -> Got {
        self.got.recv().await.unwrap()
    }

    /// The next request if it is here.
    pub(crate) fn try_got(&mut self) -> Option<Got> {
        self.got.try_recv().ok()
    }
}

async fn listen(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    heard: mpsc::Sender<Got>,
    answers: Answers,
) {
    let mut connections = JoinSet::new();
    for connection in 1.. {
        let (stream, _) = listener.accept().await.unwrap();
        let service = Service {
            heard: heard.clone(),
            answers: Arc::clone(&answers),
            connection,
            certificate: None,
        };
        connections.spawn(welcome(stream, tls.clone(), service));
    }
}

async fn welcome(stream: TcpStream, tls: Option<TlsAcceptor>, mut service: Service) {
    let Some(tls) = tls else {
        return Box::pin(service.serve(stream)).await;
    };
    // A client that it does not trust, or that does not trust it: nothing is served.
    let Ok(stream) = Box::pin(tls.accept(stream)).await else {
        return;
    };
    let shown = stream.get_ref().1.peer_certificates();
    service.certificate = shown.and_then(|chain| Some(chain.first()?.to_vec()));
    Box::pin(service.serve(stream)).await;
}

#[derive(Clone)]
struct Service {
    heard: mpsc::Sender<Got>,
    answers: Answers,
    connection: usize,
    certificate: Option<Vec<u8>>,
}

impl Service {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let answer = service_fn(|request| self.clone().answer(request));
        let serving = hyper::server::conn::http1::Builder::new();
        // A client that hangs up is no matter of this.
        drop(serving.serve_connection(TokioIo::new(stream), answer).await);
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, HungUp> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_gone| HungUp)?.to_bytes();
        let next = self.answers.lock().unwrap().pop_front();
        let got = Got {
            target: head.uri.to_string(),
            headers: head.headers,
            body,
            connection: self.connection,
            certificate: self.certificate,
        };
        // A test that has seen enough has dropped the other end.
        drop(self.heard.try_send(got));
        match next.unwrap_or(Answer::status(200)) {
            Answer::Silence => std::future::pending().await,
            Answer::HangUp => Err(HungUp),
            Answer::Say(status, headers, body) => {
                let mut response = Response::new(Full::new(body));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                for (name, value) in headers {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
                Ok(response)
            }
        }
    }
}

/// Ends the connection.
#[derive(Debug, thiserror::Error)]
#[error("hangs up")]
struct HungUp;
