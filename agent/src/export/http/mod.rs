//! One POST client for everybody who tells others: an endpoint that was checked, TLS with certificates that may be
//! replaced while it runs, a bound on every wait and on every answer.
//!
//! It tries once. Whether and when to try again is its caller's matter: [`Outcome`] says what the receiver thinks of it.

mod connection;
mod endpoint;
pub(super) mod file;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
pub mod headers;
mod outcome;
mod tls;

#[cfg(test)]
pub(crate) mod receiver;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request};
use tokio::time::timeout;

use self::connection::Connection;
use self::tls::{Shared, Tls};

pub use self::endpoint::Endpoint;
pub use self::outcome::Outcome;
pub use self::tls::{Identity, TlsFiles};

/// How to reach a receiver.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sent with every request. Mark secrets as sensitive: then no log shows them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Of `https`.
    pub tls: TlsFiles,
    /// For the name, the connection and the handshakes together.
    pub connect_timeout: Duration,
    /// For all of a request, a connection included.
    pub timeout: Duration,
    /// Bytes of an answer that are read.
    pub answer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            tls: TlsFiles::default(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            answer_bytes: 64 * 1024,
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    /// Below the endpoint's own path, with a slash in front; empty for the endpoint itself.
    pub path: &'a str,
    /// Of the body.
    pub content_type: &'static str,
    /// Of this request only, a signature for example.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is posted.
    pub body: Bytes,
}

/// Posts to one endpoint, one request after the other, over one connection that is kept.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    options: Options,
    tls: Tls,
    kept: Option<Connection>,
}

impl Client {
    /// Nothing is opened or read before the first request.
    pub fn new(endpoint: Endpoint, options: Options) -> Self {
        Self {
            tls: Tls::new(options.tls.clone()),
            endpoint,
            options,
            kept: None,
        }
    }

    /// Where it posts to.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Posts, and says what came of it. Needs a runtime with time and I/O. If it is dropped while it waits, so is the
    /// connection.
    pub async fn post(&mut self, post: &Post<'_>) -> Outcome {
        let limit = self.options.timeout;
        match timeout(limit, Box::pin(self.exchange(post))).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(why)) => Outcome::later(why),
            Err(_) => Outcome::later(format!(
                "no answer from {} within {} s",
                self.endpoint,
                limit.as_secs_f64()
            )),
        }
    }

    /// A connection that was kept may have been ended at the other side just now: then a new one is tried, so that only a
    /// receiver that fails twice has failed.
    async fn exchange(&mut self, post: &Post<'_>) -> Result<Outcome, String> {
        let request = self.request(post)?;
        let tls = self.tls()?;
        let kept = self.kept.take();
        if let Some(kept) = kept.filter(|kept| kept.is_usable(tls.as_ref())) {
            match self.send(kept, request.clone()).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => tracing::debug!(%error, "the connection that was kept has ended"),
            }
        }
        let limit = self.options.connect_timeout;
        let opened = timeout(limit, Box::pin(Connection::open(&self.endpoint, tls))).await;
        let fresh = opened.map_err(|_late| {
            let limit = limit.as_secs_f64();
            format!("cannot connect to {} within {limit} s", self.endpoint)
        })?;
        self.send(fresh?, request).await
    }

    fn tls(&mut self) -> Result<Option<Shared>, String> {
        if !self.endpoint.is_encrypted() {
            return Ok(None);
        }
        self.tls.current().map(Some)
    }

    async fn send(
        &mut self,
        mut connection: Connection,
        request: Request<Full<Bytes>>,
    ) -> Result<Outcome, String> {
        let broke = |error: String| format!("{} broke off: {error}", self.endpoint);
        let response = connection.send(request).await.map_err(broke)?;
        let (outcome, whole) = Outcome::read(response, self.options.answer_bytes).await;
        self.kept = whole.then_some(connection);
        Ok(outcome)
    }

    fn request(&self, post: &Post<'_>) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(post.body.clone()));
        *request.method_mut() = Method::POST;
        let target = self.endpoint.target(post.path);
        *request.uri_mut() = target
            .parse()
            .map_err(|error| format!("cannot ask for this path: {error}"))?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.endpoint.host_header());
        headers.insert(header::USER_AGENT, AGENT);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(post.content_type),
        );
        for (name, value) in self.options.headers.iter().chain(&post.headers) {
            headers.insert(name, value.clone());
        }
        Ok(request)
    }
}

const AGENT: HeaderValue = HeaderValue::from_static(concat!("finback/", env!("CARGO_PKG_VERSION")));

#[cfg(test)]
mod tests;
