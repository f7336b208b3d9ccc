//! Debian and Ubuntu packages: says what it installs and why, then installs it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// A package and what it is needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// As apt knows it.
    pub(crate) name: String,
    /// The end of the sentence "needed: …".
    pub(crate) why: String,
}

impl Package {
    /// A package and what it is needed for.
    pub(crate) fn new(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            why: why.into(),
        }
    }
}

/// Package lists older than this are fetched again before installing: mirrors drop superseded versions.
const LISTS_AGE: Duration = Duration::from_hours(24);

/// Whether this is a system with apt.
pub(crate) fn available() -> bool {
    process::find("apt-get").is_some() && process::find("dpkg-query").is_some()
}

/// Makes sure that all these packages are installed, and installs the missing ones.
///
/// # Errors
/// Not root (the error names the command to run), no apt, or apt refuses some (the error names them and the reason; the
/// others are installed).
pub(crate) fn ensure(packages: &[Package]) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        eprintln!("xtask: needs package {:<18} {}", package.name, package.why);
    }
    let names: Vec<&str> = missing
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let command = format!(
        "apt-get install --no-install-recommends {}",
        names.join(" ")
    );
    if !available() {
        bail!(
            "not a Debian or Ubuntu system: install these with the system's package manager: {}",
            names.join(" ")
        );
    }
    if !process::is_root() {
        bail!("not root; run this once, then try again:\n\n    sudo {command}\n");
    }
    refresh_lists()?;
    eprintln!("xtask: {command}");
    if install(&names).is_ok() {
        return Ok(());
    }
    // One that cannot be had must not cost the others.
    let refused: Vec<String> = names
        .iter()
        .filter_map(|name| Some(format!("{name}: {:#}", install(&[name]).err()?)))
        .collect();
    if !refused.is_empty() {
        bail!("apt-get could not install {}", refused.join("; "));
    }
    Ok(())
}

/// Installs packages, never at the price of something else: nothing is removed, downgraded or taken off hold.
fn install(names: &[&str]) -> Result<()> {
    let mut apt = apt_get();
    apt.args(["install", "--yes", "--no-install-recommends", "--no-remove"])
        .args(names);
    let done = apt
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .output()
        .context("cannot run apt-get")?;
    let said = String::from_utf8_lossy(&done.stderr);
    eprint!("{said}");
    if !done.status.success() {
        bail!(
            "{}",
            reason(&said).unwrap_or_else(|| done.status.to_string())
        );
    }
    Ok(())
}

/// What apt says is wrong, in one line.
fn reason(said: &str) -> Option<String> {
    let errors: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("E: "))
        .collect();
    (!errors.is_empty()).then(|| errors.join(" "))
}

/// Those of the packages that are not installed.
pub(crate) fn missing(packages: &[Package]) -> Vec<Package> {
    let installed = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status} ${Package}\n"])
        .output();
    let installed = installed
        .map(|out| installed_names(&String::from_utf8_lossy(&out.stdout)))
        .unwrap_or_default();
    packages
        .iter()
        .filter(|package| !installed.contains(&package.name))
        .cloned()
        .collect()
}

fn installed_names(dpkg: &str) -> BTreeSet<String> {
    dpkg.lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .map(str::to_owned)
        .collect()
}

/// Fetches the package lists unless they are there and fresh.
///
/// # Errors
/// `apt-get update` fails.
pub(crate) fn refresh_lists() -> Result<()> {
    if lists_are_fresh(Path::new("/var/lib/apt/lists")) {
        return Ok(());
    }
    eprintln!("xtask: apt-get update (the package lists are missing or older than a day)");
    process::run(apt_get().arg("update")).context("apt-get could not fetch the package lists")
}

fn lists_are_fresh(dir: &Path) -> bool {
    let Ok(entries) = fs::read_dir(dir) else {
        return false;
    };
    // Package lists keep the server's modification time; release files and the directory tell when we asked.
    let has_lists = entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"));
    let asked = fs::metadata(dir.join("partial")).and_then(|meta| meta.modified());
    has_lists && asked.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < LISTS_AGE))
}

/// The version that `apt-get install` would take, if there is one: `1.96.0+dfsg1-1~deb12u2`.
pub(crate) fn candidate(package: &str) -> Option<String> {
    let policy = process::output(
        Command::new("apt-cache")
            .args(["policy", package])
            .env("LC_ALL", "C"),
    )
    .ok()?;
    parse_candidate(&policy)
}

fn parse_candidate(policy: &str) -> Option<String> {
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// apt-get that asks nothing and waits for another apt instead of failing.
fn apt_get() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C");
    apt.args([
        "-q",
        "-o",
        "DPkg::Lock::Timeout=120",
        "-o",
        "Dpkg::Use-Pty=0",
    ]);
    if env::var_os("CI").is_some() {
        apt.args(["-o", "Acquire::Retries=3"]);
    }
    apt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_is_not_installed() {
        let names =
            installed_names("installed gcc\nconfig-files rustc-web\nnot-installed llvm-22-dev\n");
        assert_eq!(names, BTreeSet::from(["gcc".to_owned()]));
    }

    #[test]
    fn a_refusal_names_its_reason() {
        let said = "W: old list\nE: Packages need to be removed but remove is disabled.\n";
        let wanted = "Packages need to be removed but remove is disabled.";
        assert_eq!(reason(said).as_deref(), Some(wanted));
        assert_eq!(reason("W: old list\n"), None);
    }

    #[test]
    fn candidate_of_known_and_unknown_packages() {
        let known = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(
            parse_candidate(known).as_deref(),
            Some("1.96.0+dfsg1-1~deb12u2")
        );
        assert_eq!(
            parse_candidate("rustc-mozilla:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(parse_candidate(""), None);
    }

    #[test]
    fn lists_without_packages_are_not_fresh() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::create_dir(dir.path().join("partial")).expect("create");
        assert!(!lists_are_fresh(dir.path()));
        fs::write(
            dir.path()
                .join("mirror_dists_stable_main_binary-amd64_Packages.lz4"),
            "",
        )
        .expect("write");
        assert!(lists_are_fresh(dir.path()));
    }
}
