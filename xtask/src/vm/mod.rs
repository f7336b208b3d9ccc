//! `cargo xtask vm`: boots Debian cloud kernels in QEMU and runs programs inside.
//!
//! Kernels and the guest's programs are Debian packages, fetched below `target/vm` and kept.
//! A guest is an initramfs only: nothing is written to a disk. Its kernel log goes to
//! `target/vm/logs`, its programs' output to a serial line of its own ([`protocol`]).

mod accel;
mod apt;
mod cpio;
mod elf;
mod guest;
mod initramfs;
mod live;
mod machine;
mod mirror;
mod modules;
mod output;
mod protocol;
mod series;
mod store;
mod userland;

use std::{path::Path, sync::Mutex, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser};

use crate::{apt::Package, process, workspace};

use self::{
    accel::Choice,
    guest::Guest,
    initramfs::{GuestFile, Step},
    machine::Accel,
    mirror::Mirrors,
    series::Series,
    store::Store,
};

pub(crate) use self::guest::Summary;

/// What the host needs for guests: a program or file, its Debian package, and what for.
const HOST_NEEDS: [(&str, &str, &str); 4] = [
    ("qemu-system-x86_64", "qemu-system-x86", "runs the guests"),
    (
        "depmod",
        "kmod",
        "finds out which kernel modules need which",
    ),
    (
        "xz",
        "xz-utils",
        "unpacks the modules of kernels from 6.12 on",
    ),
    (
        apt::KEYRING,
        "debian-archive-keyring",
        "checks the signatures of the guests' packages",
    ),
];

/// Installs what the host lacks for running guests.
///
/// # Errors
/// As [`crate::apt::ensure`].
pub(crate) fn ensure_host() -> Result<()> {
    let lacks =
        |need: &&(&str, _, _)| !Path::new(need.0).exists() && process::find(need.0).is_none();
    let missing: Vec<Package> = HOST_NEEDS
        .iter()
        .filter(lacks)
        .map(|(_, package, why)| Package::new(*package, *why))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        crate::apt::ensure(&missing)
    }
}

/// Which guests, and what to run in them.
#[derive(Args, Debug)]
pub(crate) struct VmArgs {
    /// Kernel series, or `latest`
    #[arg(long, value_delimiter = ',', default_value = "5.10,6.1,6.12,latest")]
    kernel: Vec<Series>,
    /// How to run the guest's processor
    #[arg(long, value_enum, default_value = "auto")]
    accel: Choice,
    /// Let the guest's clock count instructions and skip idle time (one emulated processor)
    #[arg(long, conflicts_with_all = ["accel", "smp"])]
    virtual_time: bool,
    /// Use only what is cached
    #[arg(long)]
    offline: bool,
    /// Seconds of wall time after which a guest is killed
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    timeout: u64,
    /// Guests at the same time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Processors of a guest
    #[arg(long, default_value_t = 1)]
    smp: u32,
    /// Memory of a guest
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    memory: u32,
    /// Copy a file (with the libraries it needs) or a folder into the guest
    #[arg(long, value_name = "HOST[:GUEST]")]
    file: Vec<GuestFile>,
    /// Set a variable in the guest
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    env: Vec<(String, String)>,
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
    /// What to run in the guest; without it, the project's live tests
    #[arg(last = true)]
    command: Vec<String>,
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

/// Boots one guest per kernel, several at a time. Counts test cases, or each guest as one case when there is a
/// command. Guests that die (code 125) or take too long (code 124) have failed.
///
/// # Errors
/// The host lacks something, nothing is cached or to be fetched, the tests do not build.
pub(crate) fn run(args: &VmArgs) -> Result<Summary> {
    let mut sum = Summary::default();
    for outcome in outcomes(args)? {
        sum.add(outcome);
    }
    if args.command.is_empty() {
        let Summary {
            passed,
            failed,
            skipped,
            ..
        } = sum;
        output::note(&format!(
            "{passed} passed; {failed} failed; {skipped} skipped"
        ));
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
    let mut files = args.file.clone();
    if args.command.is_empty() {
        files.extend(live::build()?);
    }
    std::fs::create_dir_all(dir.join("logs"))?;
    let store = Store::open(dir, args.offline, || mirrors(args))?;
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
        live::steps(series)
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

fn mirrors(args: &VmArgs) -> Result<Mirrors> {
    match (&args.mirror, &args.security_mirror) {
        (Some(archive), Some(security)) => Ok(Mirrors {
            archive: archive.clone(),
            security: security.clone(),
        }),
        _ => Mirrors::from_sys(),
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
