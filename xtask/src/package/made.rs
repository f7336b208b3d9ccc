//! All that is made, kind by kind.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

use super::binary::{self, Libc};
use super::ground::{self, Ground};
use super::tree::Parts;
use super::{archive, chart, deb, image, rpm, sbom, tarball};

/// A kind of package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
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

/// Makes these, and the file with their sums.
///
/// # Errors
/// Something is missing, or does not build.
pub(super) fn make(ground: &Ground, kinds: &[Kind]) -> Result<Vec<PathBuf>> {
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
