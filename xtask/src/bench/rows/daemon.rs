//! What a daemon holds and does in each of its modes: memory, records, entries, programs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::super::attached::{Attached, Child, Rivals, Variant};
use super::super::kernel::{Holdings, Statistics};
use super::super::load::{self, Crowd};
use super::super::network::{Kind, Network};
use super::super::report::{Mode, ProgramCost, Report};
use super::super::stats::number;
use crate::interrupt::{self, sleep};

/// Until what was begun is finished.
const SETTLE: Duration = Duration::from_secs(1);
const HELD: usize = 1000;
const LOAD: Duration = Duration::from_secs(1);

/// Measures every mode that this finback has.
///
/// # Errors
/// The load fails, or a signal came.
pub(crate) fn measure(rivals: &Rivals, idle: Duration, report: &mut Report) -> Result<()> {
    for variant in Variant::FINBACK {
        interrupt::check()?;
        eprintln!("xtask: the daemon: {}", variant.title());
        match rivals.attach(variant) {
            Ok(Attached::Program(child)) => {
                report.modes.push(mode(rivals, variant, &child, idle)?);
            }
            Ok(Attached::Nothing | Attached::Floor { .. }) => {}
            Err(error) => report.lacks(variant.title(), &error),
        }
    }
    Ok(())
}

fn mode(rivals: &Rivals, variant: Variant, child: &Child, idle: Duration) -> Result<Mode> {
    let network = Network::open(Kind::Lo)?;
    sleep(SETTLE)?;
    let idle_cpu = idle_cpu(child, idle)?;
    let alone = child.memory()?;
    let holdings = Holdings::of(child.id())?;
    let empty = holdings.entries()?;
    let mut crowd = Crowd::default();
    crowd.grow(&network, HELD)?;
    sleep(SETTLE)?;
    let held = child.memory()?;
    let entries = per_connection(&empty, &holdings.entries()?);
    drop(crowd);
    sleep(SETTLE)?;

    let (status, ring, written) = (
        rivals.finback.status()?,
        holdings.produced()?,
        child.written(),
    );
    let made = number(load::connections(&network, LOAD)?.made);
    sleep(SETTLE)?;
    let after = rivals.finback.status()?;
    let records = after.rise(&status, "records").map(|records| records / made);
    let ring_bytes = number(holdings.produced()? - ring) / made;
    let output_bytes = number(child.written() - written) / made;
    let worked = child.memory()?;
    Ok(Mode {
        variant,
        idle_cpu,
        resident: [alone.0, held.0, worked.0],
        anonymous: [alone.1, held.1, worked.1],
        maps_bytes: holdings.memory(),
        rings_bytes: holdings.rings(),
        records,
        ring_bytes,
        output_bytes,
        entries,
        scan_ns: after.number("scans.longest_ns"),
        programs: programs(child, &network)?,
    })
}

/// Share of one processor.
fn idle_cpu(child: &Child, span: Duration) -> Result<f64> {
    let (cpu, started) = (child.cpu()?, Instant::now());
    sleep(span)?;
    let used = child.cpu()?.saturating_sub(cpu);
    Ok(used.as_secs_f64() / started.elapsed().as_secs_f64())
}

fn per_connection(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
) -> BTreeMap<String, f64> {
    let more = |(name, value): (&String, &u64)| {
        let risen = value.saturating_sub(before.get(name).copied().unwrap_or(0));
        (name.clone(), number(risen) / number(HELD as u64))
    };
    after.iter().map(more).collect()
}

/// What the kernel counts for each program under load.
fn programs(child: &Child, network: &Network) -> Result<Vec<ProgramCost>> {
    let _statistics = Statistics::on()?;
    load::connections(network, LOAD / 5)?;
    let before = Holdings::of(child.id())?.programs;
    let made = number(load::connections(network, LOAD)?.made);
    let after = Holdings::of(child.id())
        .context("the daemon has gone")?
        .programs;
    let costs = after.into_iter().map(|(name, program)| {
        let earlier = before.get(&name).cloned().unwrap_or_default();
        let runs = number(program.runs - earlier.runs);
        let nanos = number(program.nanos - earlier.nanos);
        ProgramCost {
            name,
            runs: runs / made,
            nanos: if runs > 0.0 { nanos / runs } else { 0.0 },
            verified: program.verified,
        }
    });
    Ok(costs.collect())
}
