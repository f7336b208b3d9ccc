//! Whether packages hold what they promise.

mod chart;
mod host;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::ground::Ground;
use super::tree::Parts;
use super::{binary, deb};
use crate::stage::{Report, Verdict};
use crate::summary::Summary;
use crate::{agent, strip, vm, workspace};

/// All checks of what has been made, and of the way to it from an older package. Whether all hold.
pub(super) fn run(ground: &Ground, from: Option<&Path>) -> bool {
    let mut report = Report::default();
    let binary = binary::place(ground, binary::Libc::Glibc);
    if binary.is_file() {
        let deb = ground.dist.join(deb::name(ground));
        report.check("the unit", || host::unit(ground));
        report.check("lintian", || host::lintian(&deb));
        report.check("what is in the .deb", || host::runs(&deb));
        report.stage("a Debian with systemd", || {
            if let Some(from) = from {
                return life(from, &package(ground, &binary, &ground.work.join("guest"))?);
            }
            let other = stripped(ground, &agent::binary(false)?, "--strip-debug")?;
            life_of_two(ground, &binary, &other)
        });
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
        let binary = stripped(&ground, &agent::binary(false)?, "--strip-debug")?;
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
        report.stage("packages: a Debian with systemd", || {
            // The same code in another file: two builds take too long here.
            let other = stripped(&ground, &binary, "--strip-all")?;
            life_of_two(&ground, &binary, &other)
        });
    }
}

/// As packages have it.
fn stripped(ground: &Ground, binary: &Path, how: &str) -> Result<PathBuf> {
    let folder = ground.work.join("making");
    fs::create_dir_all(&folder)?;
    strip::stripped("strip", how, binary, &folder.join(format!("finback{how}")))
}

fn package(ground: &Ground, binary: &Path, into: &Path) -> Result<PathBuf> {
    let parts = Parts {
        ground,
        binary,
        sbom: None,
    };
    deb::make(parts, into)
}

/// The life of one build that is upgraded to another one.
fn life_of_two(ground: &Ground, binary: &Path, other: &Path) -> Result<Summary> {
    let folder = ground.work.join("guest");
    let newer = Ground {
        revision: ground.revision + 1,
        ..ground.clone()
    };
    life(
        &package(ground, binary, &folder)?,
        &package(&newer, other, &folder)?,
    )
}

/// Installs, upgrades, removes and purges the package in a guest.
fn life(old: &Path, new: &Path) -> Result<Summary> {
    let script = workspace::root().join("xtask/src/package/check/life.sh");
    let files = [
        (script, "/life.sh"),
        (old.to_owned(), "/packages/old.deb"),
        (new.to_owned(), "/packages/new.deb"),
    ];
    let outcome = vm::system(
        &files,
        &["/life.sh", "/packages/old.deb", "/packages/new.deb"],
    )?;
    ensure!(outcome.counts.passed > 0, "the guest has told nothing");
    Ok(outcome.counts.at_least_exit(outcome.code == 0))
}
