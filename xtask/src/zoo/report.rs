//! What came of it: tables for people, and `docs/accuracy.md`.

use std::fs;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::cage::group;
use super::judge::{self, Judged, Record, Row, Severity, Wanted};
use super::life;
use super::trouble::{Fault, PREFIX, Wants};
use crate::table::{Table, cells};
use crate::workspace;

const PATH: &str = "docs/accuracy.md";
const HEAD: &str = "\
# Accuracy with real software

Written by `cargo xtask zoo --write-docs`; do not edit. Services and clients of Debian live in namespaces of their own
beside a finback with default settings: first their ordinary life, then faults provoked with the same programs while life
goes on. Of the living only what [may be said](#what-may-be-said-of-ordinary-life) may be said; nothing may become a
warning. What the known mistakes of small programs say of finback is in [corpus.md](corpus.md).

";

/// Of one run.
#[derive(Debug)]
pub(super) struct Report {
    minutes: [u64; 2],
    rows: Vec<Row>,
    pub(super) faults: Vec<Fault>,
    judged: Vec<Judged>,
    /// What went wrong besides.
    pub(super) failures: Vec<String>,
    lost: u64,
}

impl Report {
    /// Of so many minutes of life and of trouble; nothing is judged yet.
    pub(super) const fn new(life: u64, trouble: u64) -> Self {
        Self {
            minutes: [life, trouble],
            rows: Vec::new(),
            faults: Vec::new(),
            judged: Vec::new(),
            failures: Vec::new(),
            lost: 0,
        }
    }

    /// Judges all that was said. `marked`: when the fault of that name began.
    pub(super) fn judge(&mut self, record: &Record, marked: impl Fn(&str) -> Option<SystemTime>) {
        self.lost = record.lost;
        let services = life::services().map(|one| (one.name, one.ports));
        let clients = life::CLIENTS.iter().map(|one| (one.name, &[] as &[u16]));
        let names: Vec<_> = services.chain(clients).collect();
        let may = |of: &str, verdict: &str| {
            let mut list = life::MAY.iter();
            list.any(|may| may.of == of && may.verdict == verdict)
        };
        let faulty = |who: &str| who.starts_with(&group(PREFIX));
        self.rows = judge::judge_life(record, &names, group, may, faulty);
        for service in life::services() {
            let unused = |row: &&Row| row.name == service.name && row.connections == 0;
            if self.rows.iter().any(|row| unused(&row)) {
                self.failures
                    .push(format!("{} had no connection", service.name));
            }
        }
        self.judged = self
            .faults
            .iter()
            .map(|fault| {
                let who = group(&fault.group());
                let wanted = Wanted {
                    who: &who,
                    verdict: fault.verdict,
                    program: fault.program,
                    severity: severity(fault.severity),
                    forecast: fault.forecast,
                    since: marked(&fault.group()),
                };
                judge::judge_trouble(record, &wanted)
            })
            .collect();
    }

    /// Whether all was as it should be.
    pub(super) fn passed(&self) -> bool {
        self.failures.is_empty()
            && self.rows.iter().all(|row| row.wrong.is_empty())
            && self.judged.iter().all(|one| one.passed)
    }

    /// Prints the tables, what was wrong, and as the last line the sum.
    pub(super) fn print(&self) {
        for table in [self.life(), self.trouble()] {
            if !table.rows.is_empty() {
                println!("\n{}\n{}", table.title, table.text());
            }
        }
        for row in &self.rows {
            for wrong in &row.wrong {
                println!("wrong: {}: {wrong}", row.name);
            }
        }
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        println!("{}", self.sum());
    }

    fn sum(&self) -> String {
        let wrong: usize = self.rows.iter().map(|row| row.wrong.len()).sum();
        let warnings: u64 = self.rows.iter().map(|row| row.warnings).sum();
        let right = self.judged.iter().filter(|one| one.passed).count();
        format!(
            "{} services and {} clients, {} connections: {warnings} warnings, {wrong} wrong; {right} of {} faults right; {} \
             records lost",
            life::services().count(),
            life::CLIENTS.len(),
            self.rows.iter().map(|row| row.connections).sum::<u64>(),
            self.judged.len(),
            self.lost,
        )
    }

    fn life(&self) -> Table {
        let rows = self.rows.iter().filter(|row| is_told(row)).map(|row| {
            let findings = row
                .findings
                .iter()
                .map(|(verdict, count)| format!("{count} {verdict}"));
            let findings: Vec<String> = findings.collect();
            let connections = if row.connections == 0 {
                String::new()
            } else {
                row.connections.to_string()
            };
            vec![
                row.name.clone(),
                connections,
                findings.join(", "),
                row.warnings.to_string(),
            ]
        });
        Table {
            title: format!(
                "Ordinary life ({} minutes, and {} beside trouble)",
                self.minutes[0], self.minutes[1]
            ),
            head: cells(["who", "connections", "findings", "warnings"]),
            rows: rows.collect(),
        }
    }

    /// Who has no row: clients of which nothing was said.
    fn silent(&self) -> String {
        let silent = self.rows.iter().filter(|row| !is_told(row));
        let names: Vec<&str> = silent.map(|row| row.name.as_str()).collect();
        format!(
            "Nothing was said of these clients either: {}.",
            names.join(", ")
        )
    }

    fn trouble(&self) -> Table {
        let rows = self.faults.iter().zip(&self.judged).map(|(fault, judged)| {
            let wanted = format!("{}: {}", fault.program, fault.verdict);
            let got: Vec<&str> = judged.got.iter().map(String::as_str).collect();
            let got = if judged.found && judged.process_right && got.len() == 1 {
                "the same".to_owned()
            } else {
                got.join(", ")
            };
            let severity = judged.severity.word().to_owned();
            let reason = judged
                .reason
                .as_ref()
                .map_or(severity.clone(), |reason| format!("{severity} ({reason})"));
            vec![
                fault.name.to_owned(),
                wanted,
                got,
                if judged.process_right { "yes" } else { "no" }.into(),
                judged.delay.map_or_else(
                    || "-".into(),
                    |delay| format!("{:.0} s", delay.as_secs_f64()),
                ),
                reason,
                judged.forecast.map_or_else(|| "-".into(), minutes),
                if judged.passed { "yes" } else { "no" }.into(),
            ]
        });
        Table {
            title: format!("Trouble ({} minutes)", self.minutes[1]),
            head: cells([
                "fault",
                "wanted",
                "got",
                "process right",
                "delay",
                "incident",
                "descriptors last",
                "right",
            ]),
            rows: rows.collect(),
        }
    }

    fn exceptions() -> Table {
        let rows = life::MAY.iter();
        Table {
            title: "What may be said of ordinary life".into(),
            head: cells(["who", "verdict", "why"]),
            rows: rows
                .map(|may| vec![may.of.into(), may.verdict.into(), may.why.into()])
                .collect(),
        }
    }

    /// Writes it into the repository.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write_document(&self) -> Result<()> {
        let path = workspace::root().join(PATH);
        workspace::write_atomically(&path, &self.document())?;
        eprintln!("xtask: wrote {}", path.display());
        Ok(())
    }

    fn document(&self) -> String {
        let section = |table: Table| format!("## {}\n\n{}\n", table.title, table.markdown());
        let life = section(self.life()) + &self.silent() + "\n\n";
        let sections = life + &section(Self::exceptions()) + &section(self.trouble());
        let text = format!("{HEAD}{}.\n\n{}.\n\n{sections}", host(), self.sum());
        text.trim_end().to_owned() + "\n"
    }
}

/// Where it was: delays depend on what else the machine does.
fn host() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let cpus = thread::available_parallelism().map_or(0, NonZero::get);
    format!(
        "Linux {}, {cpus} processors, load {} (1, 5, 15 minutes)",
        release.trim(),
        load.join(" ")
    )
}

fn is_told(row: &Row) -> bool {
    row.connections > 0 || !row.findings.is_empty() || row.warnings > 0
}

const fn severity(wanted: Wants) -> Severity {
    match wanted {
        Wants::Info => Severity::Info,
        Wants::Warning => Severity::Warning,
        Wants::Critical => Severity::Critical,
    }
}

fn minutes(span: Duration) -> String {
    format!("{:.0} min", span.as_secs_f64() / 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_in_which_nothing_was_said_has_not_proven_anything() {
        let mut report = Report::new(1, 0);
        let record = Record::new([1].into(), "/zoo/".into(), |_| None);
        report.judge(&record, |_| None);
        assert!(!report.passed());
        assert_eq!(report.failures.len(), life::services().count());
    }

    #[test]
    fn the_document_says_what_may_be_said() {
        let text = Report::new(1, 0).document();
        assert!(text.contains("## What may be said of ordinary life"));
        assert!(text.contains("| redis pool | stale_pooled |"));
        assert!(text.ends_with("|\n"));
    }
}
