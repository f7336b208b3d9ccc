//! `cargo xtask vm`: boots Debian cloud kernels in QEMU and runs programs inside.
//!
//! Kernels and the guest's programs are Debian packages, fetched below `target/vm` and kept.
//! A guest is an initramfs only: nothing is written to a disk. Its kernel log goes to
//! `target/vm/logs`, its programs' output to a serial line of its own ([`protocol`]).

mod accel;
mod apt;
mod args;
mod cpio;
mod elf;
mod guest;
mod host;
mod initramfs;
mod live;
mod machine;
mod mirror;
mod modules;
mod output;
mod protocol;
mod python;
mod score;
mod series;
mod store;
mod userland;

use std::{path::Path, sync::Mutex, time::Duration};

use crate::workspace;
use anyhow::{Context as _, Result, ensure};

use self::{guest::Guest, initramfs::Step, machine::Accel, series::Series, store::Store};

pub(crate) use self::{args::VmArgs, host::ensure as ensure_host, score::Summary};

/// Boots one guest per kernel, several at a time. Counts test cases, or each guest as one case when there is a
/// command. Guests that die (code 125) or take too long (code 124) have failed.
///
/// # Errors
/// The host lacks something, nothing is cached or to be fetched, the tests do not build.
pub(crate) fn run(args: &VmArgs) -> Result<Summary> {
    let sum = Summary::of_all(outcomes(args)?);
    if args.command.is_empty() {
        output::note(&sum.to_string());
    }
    Ok(sum)
}

fn outcomes(args: &VmArgs) -> Result<Vec<Summary>> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "guests are x86-64: this host is not"
    );
    ensure_host()?;
    let dir = workspace::target_dir().join("vm");
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
    for folder in ["live", "logs"] {
        std::fs::create_dir_all(dir.join(folder))?;
    }
    let mut files = args.file.clone();
    if args.command.is_empty() {
        files.extend(live::build(&dir.join("live"))?);
    }
    let store = Store::open(dir, args.offline, || args.mirrors())?;
    let userland = userland::archive(&store)?;
    let kernels: Vec<_> = args
        .kernel
        .iter()
        .map(|series| Ok((*series, store.kernel(*series)?)))
        .collect::<Result<_>>()?;
    drop(store);
    let (_, first) = kernels.first().context("no kernel named")?;
    let accel = if args.virtual_time {
        Accel::VirtualTime
    } else {
        accel::choose(args.accel, dir, &userland, first)?
    };
    let alone = kernels.len() == 1;
    let guest = |(series, kernel)| Guest {
        label: if alone && !args.command.is_empty() {
            String::new()
        } else {
            format!("{series}")
        },
        log: dir.join(format!("logs/{series}.log")),
        dir: dir.to_owned(),
        userland: userland.clone(),
        steps: steps(args, series),
        files: files.clone(),
        accel,
        cpus: args.smp,
        memory_mib: args.memory,
        timeout: Duration::from_secs(args.timeout),
        kernel,
    };
    Ok(kernels.into_iter().map(guest).collect())
}

fn steps(args: &VmArgs, series: Series) -> Vec<Step> {
    let mut steps = if args.command.is_empty() {
        live::steps(series, args.virtual_time)
    } else {
        vec![Step {
            label: String::new(),
            command: args.command.clone(),
            env: Vec::new(),
            is_test: false,
        }]
    };
    for step in &mut steps {
        step.env.extend_from_slice(&args.env);
    }
    steps
}
