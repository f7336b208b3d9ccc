//! The receiver: one request after the other.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{self, HeaderValue};

use super::logs::{self, Record};
use super::metrics::{self, Reading};
use super::partial::Partial;
use super::resource::Host;
use crate::export::http::{Client, Outcome, Post};
use crate::export::{Answer, Carrier};

/// Less is not worth the time.
const WORTH_IT: usize = 1024;

/// A collector, reached by a client of its own.
#[derive(Debug)]
pub struct Collector {
    client: Client,
    host: Arc<Host>,
}

impl Collector {
    /// Told about this host.
    pub const fn new(client: Client, host: Arc<Host>) -> Self {
        Self { client, host }
    }

    async fn post(&mut self, path: &str, body: Vec<u8>, partial: Reader) -> Answer {
        let (body, headers) = match packed(&body) {
            Some(packed) => (packed, vec![(header::CONTENT_ENCODING, GZIP)]),
            None => (body, Vec::new()),
        };
        let post = Post {
            path,
            content_type: "application/x-protobuf",
            headers,
            body: body.into(),
        };
        match self.client.post(&post).await {
            Outcome::Delivered { answer } => taken(partial(&answer)),
            Outcome::Later { after, why } => Answer::Later { after, why },
            Outcome::Refused { why } => Answer::Refused { why },
        }
    }
}

/// Reads what an answer says of what was not taken.
type Reader = fn(&[u8]) -> Option<Partial>;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

fn taken(partial: Option<Partial>) -> Answer {
    match partial {
        None => Answer::Delivered,
        Some(Partial { refused: 0, why }) => {
            tracing::warn!("the collector took everything and says: {why}");
            Answer::Delivered
        }
        Some(Partial { refused, why }) => Answer::Partly { refused, why },
    }
}

fn packed(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < WORTH_IT {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Memory does not fail.
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

impl Carrier<Record> for Collector {
    async fn deliver(&mut self, batch: &[Record]) -> Answer {
        let body = logs::request(batch, &self.host);
        self.post(logs::PATH, body, logs::partial).await
    }
}

impl Carrier<Reading> for Collector {
    async fn deliver(&mut self, batch: &[Reading]) -> Answer {
        // Each replaces the one before: there is one.
        let Some(reading) = batch.last() else {
            return Answer::Delivered;
        };
        let body = reading.body().to_vec();
        self.post(metrics::PATH, body, metrics::partial).await
    }
}
