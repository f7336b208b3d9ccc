//! `cargo xtask package`: what people install, made from a release build: `.deb`, `.rpm`, a static program for every
//! Linux, a container image, a chart.
//!
//! The distributions' own programs pack (dpkg-deb, rpmbuild, tar); what they need beside the sources is in
//! `agent/package`. The same sources give the same bytes wherever and whenever: files are as old as the last commit,
//! owned by root and in order, and the program names no folder of this machine.

mod archive;
mod audit;
mod binary;
mod chart;
mod check;
mod deb;
mod glibc;
mod ground;
mod image;
mod musl;
mod reproduce;
mod rpm;
mod sbom;
mod tarball;
mod tool;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use self::binary::Libc;
use self::ground::Ground;
use self::tree::Parts;

pub(crate) use self::audit::run as audit;
pub(crate) use self::check::stage;

/// What to make, and whether to try it.
#[derive(Debug, clap::Args)]
pub(crate) struct PackageArgs {
    /// Only these, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
    /// Of the packaging, counted from 1 for each version
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    revision: u32,
    /// Then tries them: the .deb in a Debian guest with systemd (installed, upgraded, removed, purged), the unit, the
    /// tarball, the image, the chart
    #[arg(long)]
    check: bool,
    /// Builds twice, here and in a clone of the last commit in another folder, and compares what comes out. Takes long
    #[arg(long, conflicts_with = "check")]
    reproduce: bool,
}

/// A kind of package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// For Debian and Ubuntu
    Deb,
    /// For Fedora, RHEL, SUSE
    Rpm,
    /// The static program with all that belongs to it
    Tarball,
    /// For container engines: an OCI archive
    Image,
    /// For Kubernetes: a Helm chart, and the same as a plain manifest
    Chart,
    /// Bill of materials (`CycloneDX`)
    Sbom,
}

/// Makes what is asked for and prints where it is.
///
/// # Errors
/// Something is missing, does not build, or does not hold.
pub(crate) fn run(args: &PackageArgs) -> Result<()> {
    let ground = Ground::new(args.revision)?;
    if args.reproduce {
        return reproduce::run(&ground, &args.kinds());
    }
    for file in make(&ground, &args.kinds())? {
        println!("{}", file.display());
    }
    if args.check {
        ensure!(check::run(&ground), "not all of it holds");
    }
    Ok(())
}

impl PackageArgs {
    fn kinds(&self) -> Vec<Kind> {
        if self.only.is_empty() {
            return Kind::value_variants().to_vec();
        }
        self.only.clone()
    }
}

/// Makes these, and the file with their sums.
fn make(ground: &Ground, kinds: &[Kind]) -> Result<Vec<PathBuf>> {
    let wants = |some: &[Kind]| kinds.iter().any(|kind| some.contains(kind));
    let into = &ground.dist;
    fs::create_dir_all(into)?;
    let mut made = Vec::new();
    let mut sbom = None;
    if wants(&[Kind::Sbom, Kind::Deb, Kind::Rpm, Kind::Tarball]) {
        let file = sbom::make(ground, into)?;
        made.push(file.clone());
        sbom = Some(file);
    }
    let sbom = sbom.as_deref();
    if wants(&[Kind::Deb, Kind::Rpm]) {
        let binary = &binary::build(ground, Libc::Glibc)?;
        let parts = Parts {
            ground,
            binary,
            sbom,
        };
        if wants(&[Kind::Deb]) {
            made.push(deb::make(parts, into)?);
        }
        if wants(&[Kind::Rpm]) {
            made.push(rpm::make(parts, into)?);
        }
    }
    if wants(&[Kind::Tarball, Kind::Image]) {
        let binary = &binary::build(ground, Libc::Musl)?;
        let parts = Parts {
            ground,
            binary,
            sbom,
        };
        if wants(&[Kind::Tarball]) {
            made.push(tarball::make(parts, into)?);
        }
        if wants(&[Kind::Image]) {
            made.push(image::make(ground, binary, into)?);
        }
    }
    if wants(&[Kind::Chart]) {
        made.extend(chart::make(ground, into)?);
    }
    made.push(sums(&made, into)?);
    Ok(made)
}

/// What `sha256sum --check` reads.
fn sums(files: &[PathBuf], into: &Path) -> Result<PathBuf> {
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        lines.push(format!("{}  {name}\n", archive::sha256(file)?));
    }
    let place = into.join("SHA256SUMS");
    ground::write(&place, 0o644, lines.concat().as_bytes())?;
    Ok(place)
}
