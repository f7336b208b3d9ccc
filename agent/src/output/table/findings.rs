//! Findings in columns, one line each.

use std::time::Duration;

use super::super::text::word;
use super::sockets::address;
use super::{Column, Table, short};
use crate::output::json::{Body, Endpoint, Event, Finding, Network, Subject};

/// No rows yet.
pub const fn findings() -> Table<7> {
    Table::new([
        Column::right("Id"),
        Column::left("Severity"),
        Column::left("Verdict"),
        Column::right("Age"),
        Column::right("Local Address:Port"),
        Column::left("Peer Address:Port"),
        Column::left("Process"),
    ])
}

impl Table<7> {
    /// A line of type `finding`; others are passed over.
    pub fn add(&mut self, event: &Event<'_>) {
        if let Body::Finding { subject, finding } = &event.body {
            self.push(row(event, subject, finding));
        }
    }
}

fn row(event: &Event<'_>, subject: &Subject<'_>, finding: &Finding<'_>) -> [String; 7] {
    let ends = subject.network.as_ref();
    let end = |end: fn(&Network) -> Endpoint| ends.map(end).map(address).unwrap_or_default();
    let process = subject.process.as_ref();
    [
        finding.id.to_string(),
        word(finding.severity),
        word(finding.verdict),
        age(event, finding),
        end(|network| network.local),
        end(|network| network.peer),
        process.map_or_else(String::new, |process| {
            format!("{}[{}]", process.comm, process.pid)
        }),
    ]
}

/// From one look alone only the least is known, or nothing.
fn age(event: &Event<'_>, finding: &Finding<'_>) -> String {
    let known = finding.half_closed_ns.map(Duration::from_nanos);
    let age = known.unwrap_or_else(|| event.time.since(finding.opened));
    let least = finding.missing.iter().any(|part| part == "history");
    match (least, age.is_zero()) {
        (true, true) => String::new(),
        (true, false) => format!("≥{}", short(age)),
        (false, _) => short(age),
    }
}
