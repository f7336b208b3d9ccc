//! Everything that must be there before the first guest boots.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;

use super::{
    args::VmArgs,
    debian::{
        apt::PrivateApt,
        arch::Arch,
        bootstrap, host,
        kernel::Kernel,
        platform::Platform,
        series::Series,
        store::{self, Store},
        tools::Tools,
    },
    image::{
        initramfs::{Base, GuestFile, Step},
        userland,
    },
    machine::{Accel, accel, guest::Guest, score::Outcome},
    output,
    suite::{self, kind::Suite, matrix::Cell},
};

/// Guests to boot.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) guests: Vec<Guest>,
    /// What could not be made, and has been told. The other guests run all the same.
    pub(super) lost: Vec<Outcome>,
}

impl Plan {
    /// Fetches and builds.
    ///
    /// # Errors
    /// There can be no guest at all.
    pub(super) fn new(args: &VmArgs, dir: &Path) -> Result<Self> {
        let mut plan = Self::default();
        let kit = Kit::new(args, dir, &mut plan)?;
        let dir = &kit.dir;
        if !args.command.is_empty() {
            for (series, kernel) in &kit.kernels {
                let mut guest = kit.guest(*series, kernel, vec![Step::command(&args.command)]);
                if kit.kernels.len() == 1 {
                    guest.label.clear();
                }
                plan.guests.push(guest);
            }
            return Ok(plan);
        }
        let cells = args.cells();
        let mut built: Vec<(Suite, Vec<GuestFile>)> = Vec::new();
        for suite in suites(&cells) {
            match suite::files(suite, args.arch, &dir.join("built")) {
                Ok(files) => built.push((suite, files)),
                Err(error) => plan.lose(&format!("no {} tests: {error:#}", suite.name())),
            }
        }
        for cell in &cells {
            let files = built.iter().find(|(suite, _)| *suite == cell.suite);
            let kernel = kit
                .kernels
                .iter()
                .find(|(series, _)| *series == cell.series);
            if let (Some((_, files)), Some((_, kernel))) = (files, kernel) {
                plan.guests.push(kit.guest_of(cell, kernel, files));
            }
        }
        Ok(plan)
    }

    fn lose(&mut self, what: &str) {
        output::note(what);
        self.lost.push(Outcome::FAILED);
    }
}

fn suites(cells: &[Cell]) -> Vec<Suite> {
    let used = |suite: &&Suite| cells.iter().any(|cell| cell.suite == **suite);
    Suite::value_variants()
        .iter()
        .filter(used)
        .copied()
        .collect()
}

/// Fetches the programs that run guests.
///
/// # Errors
/// They are not there and cannot be fetched.
pub(super) fn fetch_tools(args: &VmArgs, dir: &Path) -> Result<()> {
    Tools::open(&open(args, dir)?, args.arch)?;
    Ok(())
}

/// The folder in which packages are unpacked that have nothing to do with guests.
///
/// # Errors
/// They are neither there nor to be fetched.
pub(super) fn unpacked(
    args: &VmArgs,
    dir: &Path,
    what: &str,
    packages: &[&str],
) -> Result<PathBuf> {
    let name = store::folder_name(what, &packages.join(" "));
    folder(args, dir, &name, |apt, into| apt.unpack(packages, into))
}

/// As [`unpacked`], with all that the packages need, down to the C library.
///
/// # Errors
/// They are neither there nor to be fetched.
pub(super) fn unpacked_with_dependencies(
    args: &VmArgs,
    dir: &Path,
    what: &str,
    packages: &[&str],
) -> Result<PathBuf> {
    let name = store::folder_name(what, &packages.join(" "));
    folder(args, dir, &name, |apt, into| {
        apt.unpack(&apt.closure(packages)?, into)
    })
}

/// The folder of that name, filled if it is not there.
fn folder(
    args: &VmArgs,
    dir: &Path,
    name: &str,
    fill: impl FnOnce(&PrivateApt, &Path) -> Result<()>,
) -> Result<PathBuf> {
    let there = dir.join(name);
    if there.is_dir() {
        return Ok(there);
    }
    open(args, dir)?.folder(name, fill)
}

/// Packages for this machine.
fn open(args: &VmArgs, dir: &Path) -> Result<Store> {
    host::ensure()?;
    Store::open(dir, Arch::Amd64, args.offline, || args.mirrors())
}

/// A guest that is a whole Debian, with these files in it. Its kernel is the first that the arguments name.
///
/// # Errors
/// There can be none.
pub(super) fn debian(
    args: &VmArgs,
    dir: &Path,
    files: Vec<GuestFile>,
    steps: Vec<Step>,
) -> Result<Guest> {
    let kit = Kit::new(args, dir, &mut Plan::default())?;
    let root = bootstrap::root(&open(args, dir)?, || args.mirrors())?;
    let (series, kernel) = kit.kernels.first().context("no kernel")?;
    let mut guest = kit.guest(*series, kernel, steps);
    "debian".clone_into(&mut guest.label);
    guest.log = dir.join("logs/debian.log");
    guest.base = Base::Debian(root);
    guest.files.extend(files);
    Ok(guest)
}

/// What all guests share.
struct Kit<'a> {
    args: &'a VmArgs,
    /// For all that belongs to guests of this kind.
    dir: PathBuf,
    tools: Tools,
    platform: Platform,
    base: Base,
    kernels: Vec<(Series, Kernel)>,
    accel: Accel,
}

impl<'a> Kit<'a> {
    fn new(args: &'a VmArgs, dir: &Path, plan: &mut Plan) -> Result<Self> {
        let store = open(args, dir)?;
        let tools = Tools::open(&store, args.arch)?;
        let platform = Platform::open(args.arch, |what, packages| {
            unpacked(args, dir, what, packages)
        })?;
        let (dir, store) = match args.arch {
            Arch::Amd64 => (dir.to_owned(), store),
            Arch::Arm64 => {
                let dir = dir.join(args.arch.name());
                let store = Store::open(&dir, args.arch, args.offline, || args.mirrors())?;
                (dir, store)
            }
        };
        for folder in ["built", "logs"] {
            std::fs::create_dir_all(dir.join(folder))?;
        }
        let base = Base::Userland(userland::archive(&store, &platform)?);
        let mut kernels = Vec::new();
        for series in args.series() {
            match Kernel::newest(&store, &tools, series) {
                Ok(kernel) => kernels.push((series, kernel)),
                Err(error) => plan.lose(&format!("no guest {series}: {error:#}")),
            }
        }
        drop(store);
        let (_, first) = kernels.first().context("there is no kernel to boot")?;
        let accel = if args.virtual_time {
            Accel::VirtualTime
        } else {
            accel::choose(args.accel, &dir, &tools, &platform, &base, first)?
        };
        Ok(Self {
            args,
            dir,
            tools,
            platform,
            base,
            kernels,
            accel,
        })
    }

    fn guest_of(&self, cell: &Cell, kernel: &Kernel, files: &[GuestFile]) -> Guest {
        let steps = suite::steps(cell, self.args.corpus.filter.as_deref());
        let mut guest = self.guest(cell.series, kernel, steps);
        let log = format!("logs/{}-{}.log", cell.series, cell.suite.name());
        guest.log = self.dir.join(log);
        guest.files.extend(files.iter().cloned());
        guest.accel = cell.suite.accel(self.accel, self.args.is_real_time());
        guest
    }

    fn guest(&self, series: Series, kernel: &Kernel, mut steps: Vec<Step>) -> Guest {
        for step in &mut steps {
            step.env.extend_from_slice(&self.args.env);
        }
        Guest {
            label: series.to_string(),
            tools: self.tools.clone(),
            platform: self.platform.clone(),
            kernel: kernel.clone(),
            base: self.base.clone(),
            files: self.args.file.clone(),
            steps,
            dir: self.dir.clone(),
            log: self.dir.join(format!("logs/{series}.log")),
            accel: self.accel,
            cpus: self.args.smp,
            memory_mib: self.args.memory,
            timeout: Duration::from_secs(self.args.timeout),
        }
    }
}
