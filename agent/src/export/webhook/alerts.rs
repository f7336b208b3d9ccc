//! Incidents as alerts that last: Alertmanager forgets what is not repeated, and takes an alert whose labels change for
//! another one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{Outbox, Packer, Passage, Threshold};
use super::alert::{Alert, Content};
use crate::output::clock::Time;
use crate::output::json::{Body, Event};

/// An alert that has not been told of for so long is over: as long as Alertmanager believes one that was not repeated.
pub(super) const BELIEVED: Duration = Duration::from_mins(4);

/// Alerts that last are repeated so often, so that two that get lost cost nothing.
const REPEATED: Duration = Duration::from_mins(1);

/// Alerts repeated at most.
const MOST: usize = 1000;

/// Makes alerts of lines.
#[derive(Debug)]
pub(super) struct Alerts {
    threshold: Threshold,
    docs: String,
    host: String,
    /// What lasts, by the incident's id.
    lasting: BTreeMap<Box<str>, Content>,
}

impl Alerts {
    pub(super) const fn new(threshold: Threshold, docs: String) -> Self {
        Self {
            threshold,
            docs,
            host: String::new(),
            lasting: BTreeMap::new(),
        }
    }

    fn lasts(&mut self, id: &str, content: Content, outbox: &Outbox<Alert>) {
        push(&content, believed(), outbox);
        // Else the alert as it was called before would go on beside this one.
        let before = self.lasting.remove(id);
        if let Some(before) = before.filter(|before| before.labels != content.labels) {
            push(&before, Time::now(), outbox);
        }
        if self.lasting.len() < MOST {
            self.lasting.insert(id.into(), content);
        }
    }
}

impl Packer for Alerts {
    type Parcel = Alert;

    fn pack(&mut self, event: &Event<'_>, outbox: &Outbox<Alert>) {
        if let Body::Hello { hello } = &event.body {
            self.host = hello.host.clone().into_owned();
        }
        let Body::Incident { subject, incident } = &event.body else {
            return;
        };
        match self.threshold.pass(incident) {
            Passage::Reached => {
                let content = Content::of(event.time, subject, incident, &self.host, &self.docs);
                self.lasts(&incident.id, content, outbox);
            }
            Passage::Left | Passage::Below => {
                if let Some(content) = self.lasting.remove(&*incident.id) {
                    push(&content, Time::now(), outbox);
                }
            }
        }
    }

    fn period(&self) -> Option<Duration> {
        Some(REPEATED)
    }

    fn tick(&mut self, outbox: &Outbox<Alert>) {
        for content in self.lasting.values() {
            push(content, believed(), outbox);
        }
    }
}

/// Until then an alert is believed without being repeated.
fn believed() -> Time {
    let believed = u64::try_from(BELIEVED.as_nanos()).unwrap_or(u64::MAX);
    Time::from_unix_nanos(Time::now().as_unix_nanos().saturating_add(believed))
}

fn push(content: &Content, until: Time, outbox: &Outbox<Alert>) {
    match content.until(until) {
        Ok(alert) => outbox.push(alert),
        Err(error) => tracing::warn!(%error, "an alert cannot be encoded"),
    }
}
