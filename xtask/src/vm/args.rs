//! The options of `cargo xtask vm`.

use anyhow::Result;
use clap::{Args, Parser};

use crate::parallel;

use super::{
    debian::{arch::Arch, mirror::Mirrors, series::Series},
    image::initramfs::GuestFile,
    machine::accel::Choice,
    suite::{
        corpus::Corpus,
        kind::Suite,
        matrix::{Cell, Matrix},
    },
};

/// Which guests, and what to run in them.
#[derive(Args, Debug)]
pub(crate) struct VmArgs {
    /// Kernel series, or `latest`
    #[arg(long, value_delimiter = ',', default_value = "5.10,6.1,6.12,latest")]
    pub(super) kernel: Vec<Series>,
    /// The guests' kind of machine
    #[arg(long, value_enum, default_value = "amd64")]
    pub(super) arch: Arch,
    /// How to run the guest's processor
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) accel: Choice,
    /// Let the guest's clock count instructions and skip idle time (one emulated processor). Without a command or a
    /// suite: the suite of timers
    #[arg(long, conflicts_with_all = ["accel", "smp"])]
    pub(super) virtual_time: bool,
    /// The project's tests to run, without a command: live, unless virtual time is asked for
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "command")]
    pub(super) suite: Vec<Suite>,
    /// All suites, each on the kernels that it is for, instead of naming them
    #[arg(long, value_enum, conflicts_with_all = ["command", "suite", "kernel", "virtual_time"])]
    matrix: Option<Matrix>,
    #[arg(skip)]
    pub(super) corpus: Corpus,
    /// Use only what is cached
    #[arg(long)]
    pub(super) offline: bool,
    /// Seconds of wall time after which a guest is killed
    #[arg(long, default_value_t = 1800, value_name = "SECONDS")]
    pub(super) timeout: u64,
    /// Guests at the same time; by default one for each processor of this machine
    #[arg(long, default_value_t = parallel::processors())]
    pub(super) jobs: usize,
    /// Processors of a guest
    #[arg(long, default_value_t = 1)]
    pub(super) smp: u32,
    /// Memory of a guest
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    pub(super) memory: u32,
    /// Copy a file (with the libraries it needs) or a folder into the guest
    #[arg(long, value_name = "HOST[:GUEST]")]
    pub(super) file: Vec<GuestFile>,
    /// Set a variable in the guest
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub(super) env: Vec<(String, String)>,
    /// Debian archive to fetch from; by default the one that this machine's apt uses
    #[arg(
        long,
        env = "FINBACK_VM_MIRROR",
        requires = "security_mirror",
        value_name = "ADDRESS"
    )]
    mirror: Option<String>,
    /// Debian security archive to fetch from
    #[arg(
        long,
        env = "FINBACK_VM_SECURITY_MIRROR",
        requires = "mirror",
        value_name = "ADDRESS"
    )]
    security_mirror: Option<String>,
    /// What to run in the guest; without it, the project's tests
    #[arg(last = true)]
    pub(super) command: Vec<String>,
}

impl Default for VmArgs {
    /// As on the command line without any option: the guest tests on all kernels.
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            args: VmArgs,
        }
        Alone::parse_from(["vm"]).args
    }
}

impl VmArgs {
    /// The corpus, on these kernels.
    pub(crate) fn of_corpus(kernels: &[Series], corpus: Corpus) -> Self {
        Self {
            kernel: kernels.to_vec(),
            suite: vec![Suite::Corpus],
            corpus,
            ..Self::default()
        }
    }

    /// A whole Debian, with the kernel of its release.
    pub(super) fn of_debian() -> Self {
        Self {
            kernel: vec![Series::Fixed(6, 1)],
            memory: 2048,
            // Its script ends by itself within 40 minutes; installing and booting an emulated one takes some, too.
            timeout: 3000,
            ..Self::default()
        }
    }

    /// Every suite, on as many kernels and with as many flavours as asked.
    pub(crate) fn all(matrix: Matrix) -> Self {
        Self {
            matrix: Some(matrix),
            ..Self::default()
        }
    }

    /// Whether the guests' clocks were asked to be those of real machines.
    pub(super) fn is_real_time(&self) -> bool {
        self.accel != Choice::Auto || self.smp > 1
    }

    /// What the guests run; nothing if there is a command.
    pub(super) fn cells(&self) -> Vec<Cell> {
        if !self.command.is_empty() {
            return Vec::new();
        }
        if let Some(matrix) = self.matrix {
            return matrix.cells();
        }
        let suites: &[Suite] = match (&self.suite[..], self.virtual_time) {
            ([], true) => &[Suite::Timers],
            ([], false) => &[Suite::Live],
            (named, _) => named,
        };
        let mut cells = Vec::new();
        for suite in suites {
            cells.extend(self.kernel.iter().map(|series| self.cell(*suite, *series)));
        }
        cells
    }

    fn cell(&self, suite: Suite, series: Series) -> Cell {
        let mut cell = Cell::full(suite, series);
        if suite == Suite::Corpus && !self.corpus.attach.is_empty() {
            cell.flavours.clone_from(&self.corpus.attach);
        }
        cell
    }

    /// The kernels of all guests.
    pub(super) fn series(&self) -> Vec<Series> {
        if self.matrix.is_none() {
            return self.kernel.clone();
        }
        let mut all = Vec::new();
        for cell in self.cells() {
            if !all.contains(&cell.series) {
                all.push(cell.series);
            }
        }
        all
    }

    /// The archives named, else those of the machine's apt.
    pub(super) fn mirrors(&self) -> Result<Mirrors> {
        match (&self.mirror, &self.security_mirror) {
            (Some(archive), Some(security)) => Ok(Mirrors {
                archive: archive.clone(),
                security: security.clone(),
            }),
            _ => Mirrors::from_sys(),
        }
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
