//! One alert as Alertmanager's interface takes it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::super::Parcel;
use super::super::labels::{labels, page, short, verdict};
use crate::output::clock::Time;
use crate::output::json::{Incident, Subject};
use crate::output::text::incident_line;

/// Names the alert, and everything else there is to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    pub(super) labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(flatten)]
    content: &'a Content,
    ends_at: Time,
}

/// Bytes of a description at most.
const DESCRIPTION: usize = 2048;

impl Content {
    pub(super) fn of(
        time: Time,
        subject: &Subject<'_>,
        incident: &Incident<'_>,
        host: &str,
        docs: &str,
    ) -> Self {
        let own = [
            ("alertname", "FinbackIncident".to_owned()),
            ("host", short(host)),
        ];
        let mut description = incident_line(time, incident);
        description.truncate(description.floor_char_boundary(DESCRIPTION));
        let annotations = [
            ("summary", short(&incident.summary)),
            ("description", description),
            ("runbook_url", page(docs, verdict(incident))),
        ];
        Self {
            labels: own.into_iter().chain(labels(subject, incident)).collect(),
            annotations: annotations.into(),
            starts_at: incident.opened,
        }
    }

    /// To be sent: it is over at that moment, unless it is told of again before.
    pub(super) fn until(&self, ends_at: Time) -> serde_json::Result<Alert> {
        let wire = Wire {
            content: self,
            ends_at,
        };
        Ok(Alert {
            body: serde_json::to_vec(&wire)?.into(),
            labels: self.labels.clone(),
        })
    }
}

/// An alert to be sent.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    pub(super) body: Bytes,
    /// Its name, to Alertmanager.
    labels: BTreeMap<&'static str, String>,
}

impl Parcel for Alert {
    fn bytes(&self) -> usize {
        // Names and values stand in the body; here they cost about the same once more.
        self.body.len() * 2
    }

    /// The last word about an alert is the one that counts.
    fn replaces(&self, waiting: &Self) -> bool {
        self.labels == waiting.labels
    }
}
