//! What runs in the guest.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::attached::{Child, Finback};
use super::super::interrupt::sleep;
use super::super::kernel::{Floor, Holdings};
use super::super::load;
use super::super::network::{Kind, Network};
use super::super::stats::{median, number};
use super::baseline::{Counts, FLOOR, NOTHING};

/// Before the one line of the result.
pub(super) const RESULT: &str = "RESULT ";
const FLAVOURS: [&str; 3] = ["fentry", "kprobe", "tracepoint"];
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
    let network = Network::open(Kind::Lo)?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut counts = Counts {
        kernel: kernel.trim().to_owned(),
        ..Counts::default()
    };
    // The first connections fill caches of the kernel's memory.
    load::connections_exactly(&network, part.connections)?;
    counts.add(NOTHING, part.count(&network, None)?);
    let floor = Floor::attach()?;
    counts.add(FLOOR, part.count(&network, None)?);
    drop(floor);
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
            counts.add(&name, part.count(&network, Some(&child))?);
            for (program, held) in Holdings::of(child.id())?.programs {
                counts
                    .verified
                    .insert(format!("{flavour} {program}"), held.verified);
            }
        }
    }
    println!("{RESULT}{}", serde_json::to_string(&counts)?);
    Ok(())
}

impl Counts {
    fn add(&mut self, name: &str, instructions: f64) {
        eprintln!("{name}: {instructions:.0}");
        self.instructions
            .insert(name.to_owned(), instructions.round());
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
