//! Whether packages hold what they promise.

mod chart;
mod host;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::ground::Ground;
use super::tree::Parts;
use super::{binary, deb};
use crate::stage::{Report, Verdict};
use crate::summary::Summary;
use crate::{agent, process, vm, workspace};

/// All checks of what has been made. Whether all hold.
pub(super) fn run(ground: &Ground) -> bool {
    let mut report = Report::default();
    let binary = binary::place(ground, binary::Libc::Glibc);
    if binary.is_file() {
        let deb = ground.dist.join(deb::name(ground));
        report.check("the unit", || host::unit(ground));
        report.check("lintian", || host::lintian(&deb));
        report.check("what is in the .deb", || host::runs(&deb));
        report.stage("a Debian with systemd", || life(ground, &binary));
    }
    report.check("the .rpm", || host::rpm(ground));
    report.check("the tarball", || host::tarball(ground));
    report.check("the image", || host::image(ground));
    report.check("the chart", || chart::check(ground));
    report.check("the sums", || host::sums(ground));
    report.finish()
}

/// The quick part of it for `cargo xtask test`, with the development build; the guest, too, if `full`.
pub(crate) fn stage(report: &mut Report, full: bool) {
    let making = || -> Result<(Ground, PathBuf)> {
        let ground = Ground::new(1)?;
        let binary = without_debug_info(&ground, agent::binary(false)?)?;
        Ok((ground, binary))
    };
    let mut made = None;
    let ready = report.check("packages: what they are made of", || {
        made = Some(making()?);
        Ok(Verdict::Passed)
    });
    let Some((ground, binary)) = made.filter(|_| ready) else {
        return;
    };
    report.check("packages: the unit", || host::unit(&ground));
    report.check("packages: the .deb", || {
        let folder = ground.work.join("quick");
        host::runs(&package(&ground, &binary, &folder)?)
    });
    if full {
        report.stage("packages: a Debian with systemd", || life(&ground, &binary));
    }
}

/// As packages have it, if there is a way: six sevenths of a development build are for debuggers.
fn without_debug_info(ground: &Ground, binary: PathBuf) -> Result<PathBuf> {
    if process::find("strip").is_none() {
        return Ok(binary);
    }
    let copy = ground.empty("stripped")?.join("finback");
    let mut strip = Command::new("strip");
    strip.arg("--strip-debug").arg("-o").arg(&copy).arg(binary);
    process::run(&mut strip)?;
    Ok(copy)
}

fn package(ground: &Ground, binary: &Path, into: &Path) -> Result<PathBuf> {
    let parts = Parts {
        ground,
        binary,
        sbom: None,
    };
    deb::make(parts, into)
}

/// Installs, upgrades, removes and purges the package in a guest.
fn life(ground: &Ground, binary: &Path) -> Result<Summary> {
    let folder = ground.work.join("guest");
    let newer = Ground {
        revision: ground.revision + 1,
        ..ground.clone()
    };
    let old = package(ground, binary, &folder)?;
    let new = package(&newer, binary, &folder)?;
    let script = workspace::root().join("xtask/src/package/check/life.sh");
    let files = [
        (script, "/life.sh"),
        (old, "/packages/old.deb"),
        (new, "/packages/new.deb"),
    ];
    let outcome = vm::system(
        &files,
        &["/life.sh", "/packages/old.deb", "/packages/new.deb"],
    )?;
    ensure!(outcome.counts.passed > 0, "the guest has told nothing");
    Ok(outcome.counts.at_least_exit(outcome.code == 0))
}
