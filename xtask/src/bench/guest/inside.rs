//! What runs in the guest.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::attached::{Child, Finback};
use super::super::kernel::{Floor, Holdings};
use super::super::load;
use super::super::network::{Kind, Network};
use super::super::stats::{median, number};
use super::baseline::{Counts, FLOOR, NOTHING};
use crate::interrupt::sleep;
use crate::vm::FLAVOURS;

/// Before the one line of the result.
pub(super) const RESULT: &str = "RESULT ";
/// Until a program has worked off what the load left; the clock skips it.
const DRAIN: Duration = Duration::from_millis(500);

/// How much to count.
#[derive(Debug, clap::Args)]
pub(crate) struct GuestPart {
    /// The agent
    #[arg(long)]
    binary: PathBuf,
    /// Connections of each count
    #[arg(long, default_value_t = 1500)]
    connections: u64,
    /// Counts; the median is taken
    #[arg(long, default_value_t = 3)]
    counts: usize,
}

/// How a mode of finback is started.
type Start = fn(&Finback) -> Result<Child>;
const MODES: [(&str, Start); 3] = [
    ("quiet", Finback::quiet),
    ("transitions", Finback::transitions),
    ("connection", Finback::connection),
];

/// Counts everything and prints it as one line of JSON.
///
/// # Errors
/// The load fails.
pub(crate) fn run(part: &GuestPart) -> Result<()> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut meter = Meter::new(part)?;
    let floor = Floor::attach()?;
    let instructions = meter.during(None)?;
    drop(floor);
    meter.add(FLOOR, instructions)?;
    let mut verified = BTreeMap::new();
    let finback = Finback::new(&part.binary, "auto")?;
    for flavour in FLAVOURS {
        let finback = finback.with_flavour(flavour);
        for (mode, start) in MODES {
            let name = format!("{flavour} {mode}");
            let child = match start(&finback) {
                Ok(child) => child,
                Err(error) => {
                    eprintln!("{name}: not counted: {error:#}");
                    continue;
                }
            };
            let instructions = meter.during(Some(&child))?;
            for (program, held) in Holdings::of(child.id())?.programs {
                verified.insert(format!("{flavour} {program}"), held.verified);
            }
            drop(child);
            meter.add(&name, instructions)?;
        }
    }
    let counts = Counts {
        kernel: kernel.trim().to_owned(),
        instructions: meter.instructions(),
        verified,
    };
    println!("{RESULT}{}", serde_json::to_string(&counts)?);
    Ok(())
}

/// Counts, each between two with nothing attached: what the kernel remembers of past connections grows, and so does
/// what a connection takes.
struct Meter<'a> {
    part: &'a GuestPart,
    network: Network,
    nothing: Vec<f64>,
    /// What each variant adds to a connection.
    added: BTreeMap<String, f64>,
}

impl<'a> Meter<'a> {
    fn new(part: &'a GuestPart) -> Result<Self> {
        let mut meter = Self {
            part,
            network: Network::open(Kind::Lo)?,
            nothing: Vec::new(),
            added: BTreeMap::new(),
        };
        // The first connections fill caches of the kernel's memory.
        meter.during(None)?;
        meter.nothing.push(meter.during(None)?);
        Ok(meter)
    }

    /// Instructions per connection now.
    fn during(&self, child: Option<&Child>) -> Result<f64> {
        self.part.count(&self.network, child)
    }

    /// Keeps what was counted for a variant that has gone meanwhile.
    fn add(&mut self, name: &str, instructions: f64) -> Result<()> {
        let after = self.during(None)?;
        let before = self.nothing.last().copied().unwrap_or(after);
        let added = instructions - f64::midpoint(before, after);
        eprintln!("{name}: {added:.0} more than {before:.0} and {after:.0}");
        self.nothing.push(after);
        self.added.insert(name.to_owned(), added);
        Ok(())
    }

    fn instructions(&self) -> BTreeMap<String, f64> {
        let nothing = median(&self.nothing);
        let all = self.added.iter();
        let mut all: BTreeMap<_, _> = all
            .map(|(name, added)| (name.clone(), (nothing + added).round()))
            .collect();
        all.insert(NOTHING.to_owned(), nothing.round());
        all
    }
}

impl GuestPart {
    /// Instructions per connection: what passed meanwhile, and what the program still did afterwards.
    fn count(&self, network: &Network, child: Option<&Child>) -> Result<f64> {
        let cpu = || child.map_or(Ok(Duration::ZERO), Child::cpu);
        let mut all = Vec::new();
        for _ in 0..self.counts {
            let started = Instant::now();
            let made = load::connections_exactly(network, self.connections)?.made;
            let spent = started.elapsed();
            let then = cpu()?;
            sleep(DRAIN)?;
            let nanos = (spent + cpu()?.saturating_sub(then)).as_secs_f64() * 1e9;
            all.push(nanos / number(made));
        }
        Ok(median(&all))
    }
}
