//! The distribution's packages that make a compiler for the kernel crate.

use std::process::Command;

use anyhow::{Result, bail};

use super::compiler::major_minor;
use crate::apt::{self, Package};
use crate::process;

/// The packages of one compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    rustc: String,
    cargo: String,
    source: String,
    clippy: String,
}

impl Family {
    fn new(rustc: &str, cargo: &str, source: &str, clippy: &str) -> Self {
        Self {
            rustc: rustc.into(),
            cargo: cargo.into(),
            source: source.into(),
            clippy: clippy.into(),
        }
    }

    /// Debian's compiler for browsers (kept recent in stable), the ordinary one, and Ubuntu's versioned ones.
    fn all(versioned: &str) -> Vec<Self> {
        let mut families = vec![
            Self::new("rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"),
            Self::new("rustc", "cargo", "rust-src", "rust-clippy"),
        ];
        let mut versions: Vec<_> = versioned
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.strip_prefix("rustc-"))
            .filter_map(|version| Some((major_minor(version)?, version)))
            .collect();
        versions.sort_unstable();
        families.extend(versions.iter().rev().map(|(_, v)| {
            Self::new(
                &format!("rustc-{v}"),
                &format!("cargo-{v}"),
                &format!("rust-{v}-src"),
                &format!("rust-{v}-clippy"),
            )
        }));
        families
    }

    fn packages(&self, version: &str) -> Vec<Package> {
        let Self {
            rustc,
            cargo,
            source,
            clippy: _,
        } = self;
        vec![
            Package::new(
                rustc,
                format!(
                    "Rust {version}: compiles the kernel programs (stable Rust has no core for BPF)"
                ),
            ),
            Package::new(cargo, "drives that compiler"),
            Package::new(source, "the source of core, compiled for BPF"),
        ]
    }
}

/// Installs the first family whose candidate is new enough.
///
/// # Errors
/// Not Debian or Ubuntu, not root, no family new enough, or apt fails.
pub(crate) fn install(rust_version: (u32, u32)) -> Result<()> {
    if !apt::available() {
        bail!(
            "no compiler for the kernel programs, and no apt to install one with; with rustup:\n\n    \
             rustup toolchain install nightly --component rust-src\n"
        );
    }
    // Only root can fetch lists; for others the lists on disk name the packages.
    if process::is_root() {
        apt::refresh_lists()?;
    }
    let Some((family, version)) = candidate(rust_version) else {
        let (major, minor) = rust_version;
        bail!(
            "this distribution has no Rust {major}.{minor} or later; with rustup:\n\n    \
             rustup toolchain install nightly --component rust-src\n"
        );
    };
    apt::ensure(&family.packages(&version))
}

/// Installs the clippy that belongs to the distribution's compiler, if there is such a package.
///
/// # Errors
/// As [`apt::ensure`].
pub(crate) fn install_clippy(rustc: &str) -> Result<()> {
    let owner = process::output(Command::new("dpkg-query").args(["-S", rustc]))?;
    let package = owner.split(':').next().unwrap_or_default().to_owned();
    let family = Family::all(&package)
        .into_iter()
        .find(|family| family.rustc == package);
    let Some(Family { clippy, .. }) = family else {
        bail!("no clippy package known for {rustc}")
    };
    if apt::candidate(&clippy).is_none() {
        bail!("package {clippy} is not in the package lists");
    }
    apt::ensure(&[Package::new(
        clippy,
        "lints the kernel programs for the BPF target",
    )])
}

fn candidate(rust_version: (u32, u32)) -> Option<(Family, String)> {
    let versioned = process::output(Command::new("apt-cache").args([
        "search",
        "--names-only",
        r"^rustc-1\.[0-9]+$",
    ]));
    let families = Family::all(&versioned.unwrap_or_default());
    let with_version = families.into_iter().filter_map(|family| {
        let version = apt::candidate(&family.rustc)?;
        Some((family, version))
    });
    choose(with_version, rust_version)
}

fn choose(
    candidates: impl IntoIterator<Item = (Family, String)>,
    rust_version: (u32, u32),
) -> Option<(Family, String)> {
    candidates
        .into_iter()
        .find(|(_, version)| major_minor(version).is_some_and(|version| version >= rust_version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(families: Vec<Family>, versions: &[&str]) -> Vec<(Family, String)> {
        families
            .into_iter()
            .zip(versions.iter().map(|v| (*v).to_owned()))
            .collect()
    }

    #[test]
    fn debian_12_takes_the_web_compiler() {
        let all = with(
            Family::all(""),
            &["1.96.0+dfsg1-1~deb12u2", "1.63.0+dfsg1-2"],
        );
        let (family, version) = choose(all, (1, 95)).expect("a family");
        assert_eq!(
            (family.rustc.as_str(), version.as_str()),
            ("rustc-web", "1.96.0+dfsg1-1~deb12u2")
        );
    }

    #[test]
    fn ubuntu_takes_the_newest_versioned_compiler() {
        let listed = "rustc-1.89 - Rust systems programming language\nrustc-1.101 - Rust\nrustc-1.95 - Rust\n";
        let families = Family::all(listed);
        let names: Vec<_> = families
            .iter()
            .map(|family| family.rustc.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "rustc-web",
                "rustc",
                "rustc-1.101",
                "rustc-1.95",
                "rustc-1.89"
            ]
        );
        assert_eq!(families[2].source, "rust-1.101-src");
    }

    #[test]
    fn an_old_distribution_has_none() {
        assert_eq!(
            choose(with(Family::all(""), &["1.85.0", "1.63.0"]), (1, 95)),
            None
        );
    }
}
