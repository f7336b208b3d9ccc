//! Incidents and findings as log records.
//!
//! Where OpenTelemetry has a name, its name; everything else under `finback.`, named by its place in the line.

use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use serde::Serialize;

use super::resource::Host;
use super::subject;
use super::value::{Attributes, text_value};
use crate::output::clock::Time;
use crate::output::json::{Action, Body, Event, Severity};
use crate::output::text::word;

/// The record of an incident or a finding; other lines have none. `now` is when it was read.
pub(super) fn record(event: &Event<'_>, host: &Host, now: Time) -> Option<LogRecord> {
    let mut attributes = Attributes::default();
    let what = match &event.body {
        Body::Incident { subject, incident } => {
            subject::put(&mut attributes, subject);
            document(&mut attributes, "finback.incident", incident)?;
            What {
                name: "finback.incident",
                action: incident.action,
                severity: incident.severity,
                summary: &incident.summary,
            }
        }
        Body::Finding { subject, finding } => {
            subject::put(&mut attributes, subject);
            document(&mut attributes, "finback.finding", finding)?;
            What {
                name: "finback.finding",
                action: finding.action,
                severity: finding.severity,
                summary: &finding.summary,
            }
        }
        Body::Hello { .. }
        | Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Connection { .. }
        | Body::Socket { .. }
        | Body::Destroyed { .. }
        | Body::Remedy { .. }
        | Body::Explanation { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => return None,
    };
    // A record may come twice: this says that it is the same.
    let uid = format!(
        "{}-{}-{}",
        host.boot_id,
        event.time.as_unix_nanos(),
        event.seq
    );
    attributes.put("log.record.uid", text_value(uid));
    let (number, text) = what.severity();
    Some(LogRecord {
        time_unix_nano: event.time.as_unix_nanos(),
        observed_time_unix_nano: now.as_unix_nanos(),
        severity_number: number.into(),
        severity_text: text,
        body: Some(text_value(what.summary)),
        attributes: attributes.into_pairs(),
        event_name: what.name.to_owned(),
        ..LogRecord::default()
    })
}

struct What<'a> {
    name: &'static str,
    action: Action,
    severity: Severity,
    summary: &'a str,
}

impl What<'_> {
    /// That something is over is nobody's alarm, however bad it was.
    fn severity(&self) -> (SeverityNumber, String) {
        let severity = match self.action {
            Action::Resolved => Severity::Info,
            Action::Opened | Action::Updated => self.severity,
        };
        let number = match severity {
            Severity::Info => SeverityNumber::Info,
            Severity::Warning => SeverityNumber::Warn,
            // As `critical` of syslog is mapped.
            Severity::Critical => SeverityNumber::Error2,
        };
        (number, word(severity))
    }
}

/// What is said of it, the sentence apart: that is the body.
fn document(attributes: &mut Attributes, path: &str, said: &impl Serialize) -> Option<()> {
    let mut said = serde_json::to_value(said).ok()?;
    said.as_object_mut()?.remove("summary");
    attributes.document(path, &said);
    Some(())
}
