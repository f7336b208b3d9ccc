//! `cargo xtask vm`: boots Debian cloud kernels in QEMU and runs programs inside.
//!
//! QEMU, kernels and the guest's programs are Debian packages, fetched below `target/vm` and kept.
//! A guest is an initramfs only: nothing is written to a disk. Its kernel log goes to
//! `target/vm/logs`, its programs' output to a serial line of its own ([`machine::protocol`]).

mod args;
mod debian;
mod image;
mod machine;
mod output;
mod suite;

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use crate::{process, workspace};
use anyhow::{Context as _, Result, ensure};

use self::{
    debian::{host, kernel::Kernel, store::Store, tools::Tools},
    image::{initramfs::Step, userland},
    machine::{Accel, accel, guest::Guest},
};

pub(crate) use self::{
    args::VmArgs, debian::series::Series, machine::score::Outcome, suite::corpus::Corpus,
};

/// Boots one guest per kernel, several at a time. Counts test cases, or each guest as one case when there is a
/// command. Guests that die (code 125) or take too long (code 124) have failed.
///
/// # Errors
/// The host lacks something, nothing is cached or to be fetched, the tests do not build.
pub(crate) fn run(args: &VmArgs) -> Result<Outcome> {
    let sum = Outcome::of_all(outcomes(args)?);
    if args.command.is_empty() {
        output::note(&sum.to_string());
    }
    Ok(sum)
}

fn outcomes(args: &VmArgs) -> Result<Vec<Outcome>> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "guests are x86-64: this host is not"
    );
    let dir = folder();
    let guests = guests(args, &dir)?;
    let next = Mutex::new(guests.iter().enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let job = next.lock().ok().and_then(|mut jobs| jobs.next());
                    let Some((index, guest)) = job else { break };
                    let outcome = guest.run();
                    if let Ok(mut done) = done.lock() {
                        done.push((index, outcome));
                    }
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .ok()
        .context("a guest's thread panicked")?;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Everything that must be there before the first guest boots.
fn guests(args: &VmArgs, dir: &Path) -> Result<Vec<Guest>> {
    for folder in ["built", "logs"] {
        std::fs::create_dir_all(dir.join(folder))?;
    }
    let store = open(args, dir)?;
    let tools = Tools::open(&store)?;
    let userland = userland::archive(&store)?;
    let kernels: Vec<_> = args
        .kernel
        .iter()
        .map(|series| Ok((*series, Kernel::newest(&store, &tools, *series)?)))
        .collect::<Result<_>>()?;
    drop(store);
    let (_, first) = kernels.first().context("no kernel named")?;
    let accel = if args.virtual_time {
        Accel::VirtualTime
    } else {
        accel::choose(args.accel, dir, &tools, &userland, first)?
    };
    let guest = |series: Series, kernel: &Kernel| Guest {
        label: series.to_string(),
        tools: tools.clone(),
        kernel: kernel.clone(),
        userland: userland.clone(),
        files: args.file.clone(),
        steps: Vec::new(),
        dir: dir.to_owned(),
        log: dir.join(format!("logs/{series}.log")),
        accel,
        cpus: args.smp,
        memory_mib: args.memory,
        timeout: Duration::from_secs(args.timeout),
    };
    let mut guests = Vec::new();
    if !args.command.is_empty() {
        for (series, kernel) in &kernels {
            let mut guest = guest(*series, kernel);
            if kernels.len() == 1 {
                guest.label.clear();
            }
            guest.steps = steps(args, vec![Step::command(&args.command)]);
            guests.push(guest);
        }
    }
    for suite in args.suites() {
        let files = suite.files(&dir.join("built"))?;
        let wanted = args.kernels_of(*suite);
        for (series, kernel) in kernels.iter().filter(|(series, _)| wanted.contains(series)) {
            let mut guest = guest(*series, kernel);
            guest.log = dir.join(format!("logs/{series}-{}.log", suite.name()));
            guest.files.extend(files.iter().cloned());
            guest.steps = steps(args, suite.steps(*series, &args.corpus));
            guest.accel = suite.accel(accel, args.is_real_time());
            guests.push(guest);
        }
    }
    Ok(guests)
}

fn open(args: &VmArgs, dir: &Path) -> Result<Store> {
    host::ensure()?;
    Store::open(dir, args.offline, || args.mirrors())
}

/// Fetches the programs that run guests.
///
/// # Errors
/// They are not there and cannot be fetched.
pub(crate) fn fetch_tools() -> Result<()> {
    Tools::open(&open(&VmArgs::default(), &folder())?)?;
    Ok(())
}

/// The version of the emulator, if it has been fetched.
pub(crate) fn emulator() -> Option<String> {
    let mut qemu = Tools::fetched(&folder())?.qemu().ok()?;
    let said = process::output(qemu.arg("--version")).ok()?;
    said.lines().next().map(str::to_owned)
}

fn folder() -> PathBuf {
    workspace::target_dir().join("vm")
}

fn steps(args: &VmArgs, mut steps: Vec<Step>) -> Vec<Step> {
    for step in &mut steps {
        step.env.extend_from_slice(&args.env);
    }
    steps
}
