//! The options of `cargo xtask bench`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::guest::GuestPart;
use super::load::HoldPart;
use super::network::Kind;

/// What to measure.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Examples:
  cargo xtask bench --quick --network lo           a first impression, two minutes
  cargo xtask bench --json now.json --write-docs   everything, and docs/performance.md from it
  cargo xtask bench --from now.json --write-docs   the document again, without measuring
  cargo xtask bench --only loss --rounds 100       the loss of the saturating loop, more exactly
  cargo xtask bench --guest-instructions --check   counted instructions against xtask/baseline.json

The loss of a row is the mean of its middle half and its standard error; what is within two errors of zero is called
noise. Other work on the machine widens the errors: measure on a quiet one."
)]
pub(crate) struct BenchArgs {
    /// Measure only these rows
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROW")]
    only: Vec<Row>,
    /// Networks for the loss
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "lo,rps,veth",
        value_name = "NETWORK"
    )]
    pub(super) network: Vec<Kind>,
    /// Few rounds: shows that it works and the large differences
    #[arg(long)]
    quick: bool,
    /// Rounds of the loss; in each every variant has one burst [default: 30, with --quick 6]
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<usize>,
    /// Length of a burst
    #[arg(long, default_value_t = 180, value_name = "MILLISECONDS")]
    pub(super) burst_ms: u64,
    /// Connections that are held for the look and the growth
    #[arg(long, default_value_t = 50_000, value_name = "NUMBER")]
    pub(super) connections: usize,
    /// Flavour that the daemon is told to use
    #[arg(long, default_value = "auto")]
    pub(super) attach: String,
    /// Measure this finback instead of building one
    #[arg(long, value_name = "FILE")]
    pub(super) binary: Option<PathBuf>,
    /// Keep the numbers
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Measure nothing, show these numbers
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "quick", "json", "guest_instructions"])]
    pub(super) from: Option<PathBuf>,
    /// Write docs/performance.md
    #[arg(long, conflicts_with = "guest_instructions")]
    pub(super) write_docs: bool,
    /// Count instructions in guests instead: per connection, and of the verifier
    #[arg(long)]
    pub(super) guest_instructions: bool,
    /// Kernel series of the guests
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "6.12",
        requires = "guest_instructions",
        value_name = "SERIES"
    )]
    pub(super) kernel: Vec<String>,
    /// Fail if a connection takes 3 % more instructions than recorded, or a program twice as many of the verifier
    #[arg(long, requires = "guest_instructions")]
    pub(super) check: bool,
    /// Record the counts in xtask/baseline.json
    #[arg(long, requires = "guest_instructions")]
    pub(super) write_baseline: bool,
    #[command(subcommand)]
    pub(super) part: Option<Part>,
}

/// What the benchmark starts of itself elsewhere.
#[derive(Debug, Subcommand)]
pub(super) enum Part {
    /// Holds connections in a process of its own
    #[command(hide = true)]
    Hold(HoldPart),
    /// Counts instructions in a guest
    #[command(hide = true)]
    Guest(GuestPart),
}

/// What belongs together in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Row {
    /// Short connections and bulk streams lost, agent CPU: per network and variant
    Loss,
    /// Records, map entries, memory, idle CPU, kernel programs of each mode
    Daemon,
    /// Start to first event
    Start,
    /// Records lost at a burst
    Burst,
    /// Many held connections: the look beside ss, memory
    Crowd,
}

impl Row {
    /// As on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Daemon => "daemon",
            Self::Start => "start",
            Self::Burst => "burst",
            Self::Crowd => "crowd",
        }
    }
}

impl BenchArgs {
    /// In the order in which they are measured.
    pub(super) fn rows(&self) -> Vec<Row> {
        let wanted = |row: &&Row| self.only.is_empty() || self.only.contains(row);
        Row::value_variants()
            .iter()
            .filter(wanted)
            .copied()
            .collect()
    }

    pub(super) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 6 } else { 30 })
    }

    pub(super) fn idle_seconds(&self) -> u64 {
        if self.quick { 3 } else { 10 }
    }
}
