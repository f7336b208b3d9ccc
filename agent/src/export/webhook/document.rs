//! A line about an incident as a document of its own.

use bytes::Bytes;
use serde::Serialize;

use super::super::{Outbox, Packer, Parcel, Passage, Threshold};
use crate::output::json::{Action, Body, Event};

/// The line, and who says it.
#[derive(Debug, Serialize)]
pub(super) struct Told<'a> {
    /// Version of finback.
    pub(super) version: &'a str,
    /// Name of the host.
    pub(super) host: &'a str,
    #[serde(flatten)]
    pub(super) event: &'a Event<'a>,
}

/// A document to be sent.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) body: Bytes,
    incident: Box<str>,
    /// Nothing but numbers has changed.
    is_update: bool,
}

impl Parcel for Document {
    fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Newer numbers replace older ones.
    fn replaces(&self, waiting: &Self) -> bool {
        waiting.is_update && waiting.incident == self.incident
    }
}

/// Makes documents of lines.
#[derive(Debug)]
pub(super) struct Documents {
    threshold: Threshold,
    version: String,
    host: String,
}

impl Documents {
    pub(super) const fn new(threshold: Threshold) -> Self {
        Self {
            threshold,
            version: String::new(),
            host: String::new(),
        }
    }
}

impl Packer for Documents {
    type Parcel = Document;

    fn pack(&mut self, event: &Event<'_>, outbox: &Outbox<Document>) {
        let incident = match &event.body {
            Body::Hello { hello } => {
                self.version = hello.version.clone().into_owned();
                self.host = hello.host.clone().into_owned();
                return;
            }
            Body::Incident { incident, .. } => incident,
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Finding { .. }
            | Body::Connection { .. }
            | Body::Socket { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => return,
        };
        if self.threshold.pass(incident) == Passage::Below {
            return;
        }
        let told = Told {
            version: &self.version,
            host: &self.host,
            event,
        };
        match serde_json::to_vec(&told) {
            Ok(body) => outbox.push(Document {
                body: body.into(),
                incident: Box::from(&*incident.id),
                is_update: incident.action == Action::Updated && incident.severity_change.is_none(),
            }),
            Err(error) => tracing::warn!(%error, "an incident cannot be encoded"),
        }
    }
}
