//! What the whole run has come to: the table that `cargo xtask accuracy` shows.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};

use super::daemon::lines;
use super::play::Run;
use super::table::{self, Expect, Scenario};
use super::wire::{Action, Event};

/// One expectation of one scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    verdict: &'static str,
    mechanism: &'static str,
    /// Connections (or processes) that must be found.
    pub(crate) expected: usize,
    /// Those that were, under the right name.
    pub(crate) found: usize,
    /// Those that were found under another name only.
    pub(crate) wrong_verdict: usize,
    /// Those whose process or descriptors are wrong.
    pub(crate) wrong_process: usize,
    /// From threshold to finding.
    pub(crate) delays: Vec<Duration>,
}

impl Outcome {
    /// Nothing counted yet.
    pub(crate) fn new(scenario: &Scenario, expect: &Expect) -> Self {
        Self {
            verdict: expect.verdict,
            mechanism: scenario.mechanism,
            expected: 0,
            found: 0,
            wrong_verdict: 0,
            wrong_process: 0,
            delays: Vec::new(),
        }
    }
}

/// Findings in the corpus's namespaces or about its processes that no scenario has claimed.
fn false_alarms(run: &Run) -> Vec<Event> {
    let shared = run.shared();
    run.daemon.stream().select(0, |event| {
        let netns = event.socket.as_ref().map(|socket| socket.netns);
        let ours = netns.is_some_and(|netns| shared.namespaces.contains(&netns))
            || event
                .pid()
                .is_some_and(|pid| shared.programs.contains(&pid));
        let void = event.pid().is_some_and(|pid| shared.void.contains(&pid));
        ours && !void
            && event.finding.as_ref().is_some_and(|finding| {
                finding.action == Action::Opened
                    && !shared.claimed.contains(&finding.id.to_string())
            })
    })
}

/// Fails if there is one, or if the stream itself was not as promised.
pub(crate) fn nothing_else(run: &Run) -> Result<()> {
    run.daemon.stream().check()?;
    let alarms = false_alarms(run);
    if alarms.is_empty() {
        return Ok(());
    }
    bail!("{}", lines(&alarms))
}

/// The corpus cannot be played.
pub(crate) fn failed(error: &anyhow::Error) {
    println!("corpus: {error:#}");
}

/// Prints one line per verdict and the sum.
pub(crate) fn print(run: &Run) {
    let alarms = false_alarms(run);
    let shared = run.shared();
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for outcome in &shared.outcomes {
        rows.entry(outcome.verdict).or_default().add(outcome);
    }
    for alarm in &alarms {
        let verdict = alarm.finding.as_ref().map(|finding| &finding.verdict);
        let known = verdict.and_then(|name| table::VERDICTS.iter().find(|row| row.0 == name));
        rows.entry(known.map_or("(another)", |row| row.0))
            .or_default()
            .alarms += 1;
    }
    println!(
        "{:<20} {:>12} {:>13} {:>13} {:>12} {:>12}  mechanisms",
        "verdict", "found", "wrong verdict", "wrong process", "false alarms", "median delay"
    );
    let mut sum = Row::default();
    for (verdict, row) in &rows {
        row.print(verdict);
        sum.merge(row);
    }
    sum.mechanisms.sort_unstable();
    sum.mechanisms.dedup();
    let count = sum.mechanisms.len();
    sum.print("all");
    println!("{count} mechanisms played");
    let elsewhere = table::all().count() - table::here().count();
    if elsewhere > 0 {
        println!("not played: {elsewhere} scenarios whose runtimes do not fit into a guest");
    }
}

#[derive(Debug, Default)]
struct Row {
    expected: usize,
    found: usize,
    wrong_verdict: usize,
    wrong_process: usize,
    alarms: usize,
    delays: Vec<Duration>,
    mechanisms: Vec<&'static str>,
}

impl Row {
    fn add(&mut self, outcome: &Outcome) {
        self.expected += outcome.expected;
        self.found += outcome.found;
        self.wrong_verdict += outcome.wrong_verdict;
        self.wrong_process += outcome.wrong_process;
        self.delays.extend(&outcome.delays);
        if !self.mechanisms.contains(&outcome.mechanism) {
            self.mechanisms.push(outcome.mechanism);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.expected += other.expected;
        self.found += other.found;
        self.wrong_verdict += other.wrong_verdict;
        self.wrong_process += other.wrong_process;
        self.alarms += other.alarms;
        self.delays.extend(&other.delays);
        self.mechanisms.extend(&other.mechanisms);
    }

    fn print(&self, name: &str) {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        let median = delays
            .get(delays.len() / 2)
            .map_or_else(|| "-".into(), |delay| format!("{} ms", delay.as_millis()));
        println!(
            "{name:<20} {:>12} {:>13} {:>13} {:>12} {median:>12}  {}",
            format!("{} / {}", self.found, self.expected),
            self.wrong_verdict,
            self.wrong_process,
            self.alarms,
            self.mechanisms.join(" ")
        );
    }
}
