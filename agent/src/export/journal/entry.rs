//! One entry: fields with values, as journald takes them.

use super::super::Parcel;
use super::super::labels::{labels, page, verdict};
use crate::output::clock::Time;
use crate::output::json::{Incident, Severity, Subject};
use crate::output::text::{clean, incident_line, word};

/// What has happened to an incident. Each has an id of its own, for `journalctl MESSAGE_ID=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Raised,
    Lowered,
    Updated,
    Resolved,
}

impl Change {
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [
        Self::Opened,
        Self::Raised,
        Self::Lowered,
        Self::Updated,
        Self::Resolved,
    ];

    /// Promised in docs/export.md.
    pub(super) const fn message_id(self) -> &'static str {
        match self {
            Self::Opened => "91d09cb61cbf476f91d110459425bfb0",
            Self::Raised => "06a47184771a459c84ad18b14a689a30",
            Self::Lowered => "4a3acd061fbf49e1b13d18c1d8f58c11",
            Self::Updated => "142b3b2c8afd4982981cd31ca228c87a",
            Self::Resolved => "1909477e8ab541a5b1f6acfcb71a3b6c",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Raised => "raised",
            Self::Lowered => "lowered",
            Self::Updated => "updated",
            Self::Resolved => "resolved",
        }
    }

    /// As syslog counts: 2 critical, 4 warning, 5 notice, 6 informational.
    const fn priority(self, severity: Severity) -> u8 {
        match (self, severity) {
            (Self::Resolved | Self::Lowered, _) => 5,
            (_, Severity::Critical) => 2,
            (_, Severity::Warning) => 4,
            (_, Severity::Info) => 6,
        }
    }
}

/// A process as lines name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accused {
    pub(super) pid: u32,
    pub(super) start: Time,
}

/// An entry to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// All that is known now.
    pub(super) fields: Vec<u8>,
    /// To be named when it is sent, if it still lives.
    pub(super) accused: Option<Accused>,
}

impl Entry {
    pub(super) fn of(
        time: Time,
        subject: &Subject<'_>,
        incident: &Incident<'_>,
        change: Change,
        docs: &str,
    ) -> Self {
        let mut entry = Self {
            fields: Vec::with_capacity(1024),
            accused: subject.process.as_ref().map(|process| Accused {
                pid: process.pid,
                start: process.start_time,
            }),
        };
        entry.put("MESSAGE", long(&incident_line(time, incident)));
        entry.put("MESSAGE_ID", change.message_id());
        entry.put("PRIORITY", &change.priority(incident.severity).to_string());
        entry.put("SYSLOG_IDENTIFIER", "finback");
        entry.put("DOCUMENTATION", &page(docs, verdict(incident)));
        entry.put("FINBACK_ACTION", change.name());
        for (name, value) in labels(subject, incident) {
            entry.put(&format!("FINBACK_{}", name.to_ascii_uppercase()), &value);
        }
        if let Some(reason) = incident.reason {
            entry.put("FINBACK_REASON", &word(reason));
        }
        entry.put("FINBACK_ROLE", &word(incident.cause.role));
        if let Some(port) = incident.cause.port {
            entry.put("FINBACK_PORT", &port.to_string());
        }
        entry.put("FINBACK_CONNECTIONS", &incident.connections.to_string());
        entry.put("FINBACK_TOTAL", &incident.total.to_string());
        if let Some(accused) = entry.accused {
            entry.put("FINBACK_PID", &accused.pid.to_string());
        }
        entry.put("FINBACK_HINT", long(&clean(&incident.hint)));
        entry
    }

    /// Adds a field. A value of several lines goes with its length.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        put(&mut self.fields, name, value);
    }
}

/// The protocol's two forms: `NAME=value`, or the name, the length as 64 bits and the value.
pub(super) fn put(fields: &mut Vec<u8>, name: &str, value: &str) {
    fields.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
        fields.push(b'\n');
        fields.extend_from_slice(&length.to_le_bytes());
    } else {
        fields.push(b'=');
    }
    fields.extend_from_slice(value.as_bytes());
    fields.push(b'\n');
}

/// A sentence of a reasonable length: an entry must fit into one datagram.
fn long(sentence: &str) -> &str {
    const LONGEST: usize = 2048;
    let end = sentence.floor_char_boundary(LONGEST);
    sentence.get(..end).unwrap_or_default()
}

impl Parcel for Entry {
    fn bytes(&self) -> usize {
        self.fields.len()
    }
}
