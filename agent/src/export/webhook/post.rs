//! Posting, and what the answers mean.

use bytes::{BufMut as _, Bytes, BytesMut};
use hyper::header::{HeaderName, HeaderValue};

use super::alert::Alert;
use super::document::Document;
use super::secret::Secret;
use crate::export::http::{Client, Outcome, Post};
use crate::export::{Answer, Carrier};
use crate::output::clock::Time;

const SIGNATURE: HeaderName = HeaderName::from_static("finback-signature");

/// Alertmanager's path for new alerts.
const ALERTS: &str = "/api/v2/alerts";

/// The other end.
#[derive(Debug)]
pub(super) struct Receiver {
    client: Client,
    secret: Option<Secret>,
}

impl Receiver {
    pub(super) const fn new(client: Client, secret: Option<Secret>) -> Self {
        Self { client, secret }
    }

    async fn post(&mut self, path: &str, body: Bytes) -> Answer {
        let post = Post {
            path,
            content_type: "application/json",
            headers: self.signed(&body),
            body,
        };
        match self.client.post(&post).await {
            Outcome::Delivered { .. } => Answer::Delivered,
            Outcome::Later { after, why } => Answer::Later { after, why },
            Outcome::Refused { why } => Answer::Refused { why },
        }
    }

    /// Signed with the time of this try: receivers do not believe old ones.
    fn signed(&self, body: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
        let signature = self.secret.as_ref().and_then(|secret| {
            let seconds = Time::now().as_unix_nanos() / 1_000_000_000;
            HeaderValue::try_from(secret.signature(seconds, body)).ok()
        });
        signature
            .map(|value| (SIGNATURE, value))
            .into_iter()
            .collect()
    }
}

/// Takes documents, one at a time.
#[derive(Debug)]
pub(super) struct Webhook(pub(super) Receiver);

impl Carrier<Document> for Webhook {
    async fn deliver(&mut self, batch: &[Document]) -> Answer {
        for document in batch {
            let answer = self.0.post("", document.body.clone()).await;
            if answer != Answer::Delivered {
                return answer;
            }
        }
        Answer::Delivered
    }
}

/// Takes alerts, many at a time.
#[derive(Debug)]
pub(super) struct Alertmanager(pub(super) Receiver);

impl Carrier<Alert> for Alertmanager {
    async fn deliver(&mut self, batch: &[Alert]) -> Answer {
        let mut body = BytesMut::new();
        for alert in batch {
            body.put_u8(if body.is_empty() { b'[' } else { b',' });
            body.put_slice(&alert.body);
        }
        body.put_u8(b']');
        let path = if self.0.client.endpoint().ends_with(ALERTS) {
            ""
        } else {
            ALERTS
        };
        self.0.post(path, body.freeze()).await
    }
}
