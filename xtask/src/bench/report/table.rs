//! What a run found out, as text in columns.

use super::super::guest::Baseline;
use super::super::stats::{median, mib, range};
use super::budget;
use super::data::{CrowdStep, Losses, Mode, Report, Took};
use crate::table::{Table, cells};

/// Prints everything.
pub(crate) fn print(report: &Report, guests: &Baseline) {
    for table in all(report, guests) {
        println!("\n{}\n{}", table.title, table.text());
    }
}

/// Every table that has rows, in order.
pub(super) fn all(report: &Report, guests: &Baseline) -> Vec<Table> {
    let mut tables = vec![budgets(report, guests)];
    tables.extend(report.losses.iter().map(losses));
    tables.push(instructions(guests));
    tables.push(modes(&report.modes));
    tables.extend(report.modes.iter().map(programs));
    tables.push(growth(&report.crowd));
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn budgets(report: &Report, guests: &Baseline) -> Table {
    let lines = budget::lines(report, guests).into_iter();
    Table {
        title: "Budgets".into(),
        head: cells(["what", "budget", "measured", "kept"]),
        rows: lines
            .map(|line| {
                vec![
                    line.what,
                    line.budget,
                    line.measured,
                    line.kept.word().into(),
                ]
            })
            .collect(),
    }
}

fn losses(losses: &Losses) -> Table {
    let rows = losses.variants.iter().map(|loss| {
        vec![
            loss.variant.title().into(),
            loss.connections.to_string(),
            loss.connections_by_cpu.to_string(),
            loss.agent_us.plain(),
            loss.stream.to_string(),
            loss.stream_by_cpu.to_string(),
            format!("{:.0}", loss.output_bytes),
        ]
    });
    Table {
        title: format!(
            "Lost over {} (with nothing attached {:.0} short connections/s, {:.2} GB/s)",
            losses.network.title(),
            losses.connections_per_second,
            losses.bytes_per_second / 1e9
        ),
        head: cells([
            "attached",
            "connections",
            "connections by CPU time",
            "its CPU, us/connection",
            "bulk stream",
            "bulk stream by CPU time",
            "output, bytes/connection",
        ]),
        rows: rows.collect(),
    }
}

fn instructions(guests: &Baseline) -> Table {
    let rows = guests.iter().flat_map(|(series, guest)| {
        guest.instructions.iter().map(move |(variant, count)| {
            vec![
                series.clone(),
                variant.clone(),
                format!("{count:.0}"),
                format!("{:.2} %", guest.share(variant) * 100.0),
            ]
        })
    });
    Table {
        title: "Instructions per connection in guests".into(),
        head: cells(["kernel", "attached", "instructions", "lost"]),
        rows: rows.collect(),
    }
}

fn modes(modes: &[Mode]) -> Table {
    let shown = |bytes: u64| format!("{:.1}", mib(bytes));
    let rows = modes.iter().map(|mode| {
        vec![
            mode.variant.title().into(),
            mode.records
                .map_or_else(|| "-".into(), |records| format!("{records:.2}")),
            format!("{:.0}", mode.ring_bytes),
            format!("{:.0}", mode.output_bytes),
            format!("{:.2}", mode.entries.values().sum::<f64>()),
            format!("{:.3} %", mode.idle_cpu * 100.0),
            mode.resident.map(shown).join(" / "),
            mode.anonymous.map(shown).join(" / "),
        ]
    });
    Table {
        title: "The daemon (memory in MiB: idle / 1,000 connections / after a saturating load)"
            .into(),
        head: cells([
            "mode",
            "records/connection",
            "ring bytes",
            "output bytes",
            "map entries",
            "idle CPU",
            "resident",
            "of it anonymous",
        ]),
        rows: rows.collect(),
    }
}

fn programs(mode: &Mode) -> Table {
    let rows = mode.programs.iter().map(|program| {
        vec![
            program.name.clone(),
            format!("{:.2}", program.runs),
            format!("{:.0}", program.nanos),
            format!("{:.0}", program.runs * program.nanos),
            program.verified.to_string(),
        ]
    });
    Table {
        title: format!("Kernel programs, {}", mode.variant.title()),
        head: cells([
            "program",
            "runs/connection",
            "ns/run",
            "ns/connection",
            "verified instructions",
        ]),
        rows: rows.collect(),
    }
}

fn growth(steps: &[CrowdStep]) -> Table {
    let rows = steps.iter().map(|step| {
        vec![
            step.connections.to_string(),
            step.processes.to_string(),
            step.sockets
                .map_or_else(|| "-".into(), |sockets| format!("{sockets:.0}")),
            millis(&step.look),
            took(&step.start),
            took(&step.ls),
            took(&step.ss),
            format!("{:.1}", mib(step.resident)),
            format!("{:.1}", mib(step.anonymous)),
        ]
    });
    Table {
        title: "Growth with held connections (ms: median, smallest to largest; then CPU)".into(),
        head: cells([
            "connections",
            "processes",
            "sockets seen",
            "look",
            "start until ready",
            "finback ls",
            "ss -tanp",
            "resident MiB",
            "of it anonymous",
        ]),
        rows: rows.collect(),
    }
}

fn millis(seconds: &[f64]) -> String {
    if seconds.is_empty() {
        return "-".into();
    }
    let (low, high) = range(seconds);
    format!(
        "{:.0} ({:.0}-{:.0})",
        median(seconds) * 1e3,
        low * 1e3,
        high * 1e3
    )
}

fn took(all: &[Took]) -> String {
    if all.is_empty() {
        return "-".into();
    }
    let wall: Vec<f64> = all.iter().map(|took| took.wall).collect();
    let cpu: Vec<f64> = all.iter().map(|took| took.cpu).collect();
    format!("{}, CPU {:.0}", millis(&wall), median(&cpu) * 1e3)
}
