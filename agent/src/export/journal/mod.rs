//! Incidents as entries of the journal, beside what the accused service itself has logged there.
//!
//! journald is told which process an entry is about (`OBJECT_PID`); it looks up that process's unit, and
//! `journalctl -u` shows the entry with the unit's own.

mod entry;
mod limit;
mod socket;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use self::entry::{Change, Entry};
use self::limit::{Limit, Rate};
use self::socket::Socket;
use super::{Job, Limits, Outbox, Packer, Passage, Reason, Threshold};
use crate::output::feed::Subscription;
use crate::output::json::{Action, Body, Event, SeverityChange};
use finback_core::model::finding::Severity;

/// Where journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// What is to be told, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// journald's socket.
    pub socket: PathBuf,
    /// From this severity on.
    pub severity: Severity,
    /// Where the documents of finback can be read, for `DOCUMENTATION=`.
    pub docs: String,
}

/// An incident whose numbers change is told of again so often.
const AGAIN: Duration = Duration::from_mins(10);

/// Entries a minute, whatever happens.
const RATE: Rate = Rate {
    entries: 60,
    period: Duration::from_mins(1),
};

/// The exporter, to be begun with a subscription to incidents; nothing where there is no journald.
pub fn job(settings: Settings, subscription: Subscription) -> Option<Job> {
    if !settings.socket.exists() {
        let socket = settings.socket.display();
        tracing::info!("there is no journald at {socket}: incidents are not told to the journal");
        return None;
    }
    let limits = Limits {
        // Each is an answer of its own: nothing is told twice.
        batch: 1,
        first: Duration::from_millis(100),
        longest: Duration::from_secs(5),
        ..Limits::default()
    };
    let socket = Socket::new(settings.socket);
    let packer = Journal {
        threshold: Threshold::new(settings.severity),
        limit: Limit::new(RATE, AGAIN),
        docs: settings.docs,
    };
    Some(Job::new("journal", subscription, limits, packer, socket))
}

/// Makes entries of incidents.
struct Journal {
    threshold: Threshold,
    limit: Limit,
    docs: String,
}

impl Packer for Journal {
    type Parcel = Entry;

    fn pack(&mut self, event: &Event<'_>, outbox: &Outbox<Entry>) {
        let Body::Incident { subject, incident } = &event.body else {
            return;
        };
        let passage = self.threshold.pass(incident);
        let change = match (passage, incident.action, incident.severity_change) {
            (Passage::Below, ..) => return,
            (_, Action::Resolved, _) => Change::Resolved,
            (Passage::Left, ..) | (_, _, Some(SeverityChange::Lowered)) => Change::Lowered,
            (_, _, Some(SeverityChange::Raised)) => Change::Raised,
            (_, Action::Opened, None) => Change::Opened,
            (_, Action::Updated, None) => Change::Updated,
        };
        let now = event.time;
        if change == Change::Updated && !self.limit.is_due(&incident.id, now) {
            return;
        }
        if !self.limit.allows(now) {
            outbox.leave_out(Reason::Limited, 1);
            return;
        }
        self.limit
            .told(&incident.id, now, change == Change::Resolved);
        outbox.push(Entry::of(event.time, subject, incident, change, &self.docs));
    }
}
