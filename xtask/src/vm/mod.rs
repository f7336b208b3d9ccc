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
mod plan;
mod suite;

use std::path::PathBuf;

use crate::{parallel, process, workspace};
use anyhow::{Result, ensure};

use self::{
    debian::{arch::Arch, platform, tools::Tools},
    image::initramfs::{GuestFile, Step},
    plan::Plan,
};

pub(crate) use self::{
    args::VmArgs,
    debian::series::Series,
    machine::score::Outcome,
    suite::{corpus::Corpus, kind::ALL as FLAVOURS, matrix::Matrix},
};

/// Boots one guest per kernel, several at a time. Counts test cases, or each guest as one case when there is a
/// command. Guests that die (code 125) or take too long (code 124) have failed, and so has what cannot be made.
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
    let Plan { guests, lost } = Plan::new(args, &folder())?;
    let ran = parallel::each(&guests, args.jobs, |guest| {
        guest.run().unwrap_or_else(|error| {
            output::note(&format!("{error:#}"));
            Outcome::FAILED
        })
    });
    Ok(lost.into_iter().chain(ran).collect())
}

/// Fetches the programs that run guests.
///
/// # Errors
/// They are not there and cannot be fetched.
pub(crate) fn fetch_tools() -> Result<()> {
    plan::fetch_tools(&VmArgs::default(), &folder())
}

/// The folder in which these packages are unpacked, fetched unless they are there.
///
/// # Errors
/// They are neither there nor to be fetched.
pub(crate) fn unpacked(what: &str, packages: &[&str]) -> Result<PathBuf> {
    plan::unpacked(&VmArgs::default(), &folder(), what, packages)
}

/// As [`unpacked`], with all that the packages need, down to the C library: programs run with it as their root.
///
/// # Errors
/// They are neither there nor to be fetched.
pub(crate) fn unpacked_with_dependencies(what: &str, packages: &[&str]) -> Result<PathBuf> {
    plan::unpacked_with_dependencies(&VmArgs::default(), &folder(), what, packages)
}

/// Boots a whole Debian with its own kernel and systemd, with these files in it (place on the host, place in the guest),
/// and runs a script of `sh` there that reports as a test binary does.
///
/// # Errors
/// There can be no such guest.
pub(crate) fn system(files: &[(PathBuf, &str)], script: &[&str]) -> Result<Outcome> {
    let args = VmArgs::of_debian();
    let files = files.iter().map(|(host, guest)| GuestFile {
        host: host.clone(),
        guest: (*guest).to_owned(),
    });
    let words = ["sh"].iter().chain(script);
    let mut step = Step::command(&words.map(|word| (*word).to_owned()).collect::<Vec<_>>());
    step.is_test = true;
    step.in_a_row = true;
    plan::debian(&args, &folder(), files.collect(), vec![step])?.run()
}

/// The version of the emulator, if it has been fetched.
pub(crate) fn emulator() -> Option<String> {
    let mut qemu = Tools::fetched(&folder(), Arch::Amd64)?.qemu().ok()?;
    let said = process::output(qemu.arg("--version")).ok()?;
    said.lines().next().map(str::to_owned)
}

/// The program that runs arm64's on this machine.
///
/// # Errors
/// It is neither there nor to be fetched.
pub(crate) fn emulator_of_programs() -> Result<PathBuf> {
    platform::emulator(unpacked)
}

fn folder() -> PathBuf {
    workspace::target_dir().join("vm")
}
