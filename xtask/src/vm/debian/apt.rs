//! apt with its own state, cache and sources: reads other releases' packages without
//! touching the system's configuration. Works without root.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{process, vm::output};

use super::{
    arch::Arch,
    mirror::Mirrors,
    series::{ARCHIVE_SUITES, SECURITY_SUITES},
};

pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Package lists younger than this are used as they are.
const FRESH: Duration = Duration::from_hours(6);

/// A private apt below one folder.
#[derive(Debug)]
pub(crate) struct PrivateApt {
    dir: PathBuf,
    /// Of the packages.
    arch: Arch,
}

impl PrivateApt {
    /// Writes the configuration and updates the lists if they are not [`FRESH`].
    /// A failed update is only a warning as long as some lists are there.
    pub(crate) fn open(dir: &Path, arch: Arch, mirrors: &Mirrors) -> Result<Self> {
        for folder in ["state/lists/partial", "cache/archives/partial", "sources"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        ensure!(
            Path::new(KEYRING).exists(),
            "{KEYRING} is missing: install debian-archive-keyring"
        );
        let apt = Self {
            dir: dir.to_owned(),
            arch,
        };
        let sources = sources(mirrors);
        let file = dir.join("sources/guests.sources");
        let same = fs::read_to_string(&file).is_ok_and(|old| old == sources);
        fs::write(&file, sources)?;
        if !same || !apt.is_fresh() {
            apt.update()?;
        }
        Ok(apt)
    }

    /// Names of all packages that start with `prefix`.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let text = self.query(&["pkgnames", prefix])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Names in the `Depends` field of the package's candidate version, without alternatives.
    pub(crate) fn depends(&self, package: &str) -> Result<Vec<String>> {
        let text = self.query(&["show", "--no-all-versions", package])?;
        Ok(parse_depends(&text))
    }

    /// `packages` and all that they need, counted from a machine that has nothing. Works on any host alike.
    pub(crate) fn closure(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut simulate = self.command("apt-get");
        simulate.args(["-qq", "--simulate", "--no-install-recommends", "install"]);
        let text = process::output(simulate.args(packages))?;
        Ok(parse_simulation(&text))
    }

    /// Downloads `packages` and unpacks them one over the other into `into`, a folder that may have new neighbours.
    pub(crate) fn unpack<S: AsRef<OsStr>>(&self, packages: &[S], into: &Path) -> Result<()> {
        let parent = into.parent().context("no folder for the packages")?;
        let debs = tempfile::tempdir_in(parent)?;
        let download = || {
            let mut apt_get = self.command("apt-get");
            apt_get.args(["-qq", "download"]).args(packages);
            run(apt_get.current_dir(debs.path()))
        };
        // A mirror drops a version as soon as there is a newer one, which only new lists know.
        download().or_else(|_outdated| self.update().and_then(|()| download()))?;
        fs::create_dir_all(into)?;
        let mut count = 0;
        for deb in fs::read_dir(debs.path())? {
            run(Command::new("dpkg-deb")
                .arg("-x")
                .arg(deb?.path())
                .arg(into))?;
            count += 1;
        }
        ensure!(
            count == packages.len(),
            "{count} of {} packages arrived",
            packages.len()
        );
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        fs::metadata(self.stamp())
            .and_then(|meta| meta.modified())
            .is_ok_and(|at| {
                SystemTime::now()
                    .duration_since(at)
                    .is_ok_and(|age| age < FRESH)
            })
    }

    fn stamp(&self) -> PathBuf {
        self.dir.join("updated")
    }

    fn update(&self) -> Result<()> {
        output::note("reading the Debian package lists");
        let Err(error) = run(self.command("apt-get").args(["-qq", "update"])) else {
            return fs::write(self.stamp(), "").context("cannot remember the update");
        };
        let old = self.names("linux-image-").unwrap_or_default();
        if old.is_empty() {
            return Err(error.context("cannot read the Debian package lists"));
        }
        output::note(&format!(
            "warning: not all package lists are new: {error:#}"
        ));
        Ok(())
    }

    fn query(&self, args: &[&str]) -> Result<String> {
        process::output(self.command("apt-cache").args(args))
    }

    /// The machine's own `apt.conf.d` (proxies) still counts; its sources, pins and state do not.
    fn command(&self, program: &str) -> Command {
        let dir = self.dir.display();
        let mut command = Command::new(program);
        command.env("LC_ALL", "C");
        for option in [
            format!("Dir::State={dir}/state"),
            format!("Dir::Cache={dir}/cache"),
            format!("Dir::Etc::sourceparts={dir}/sources"),
            "Dir::Etc::sourcelist=/dev/null".into(),
            "Dir::Etc::preferences=/dev/null".into(),
            "Dir::Etc::preferencesparts=/dev/null".into(),
            "Dir::State::status=/dev/null".into(),
            format!("APT::Architecture={}", self.arch.name()),
            // Else the list of this machine's dpkg counts too.
            format!("APT::Architectures={}", self.arch.name()),
            "APT::Sandbox::User=root".into(),
            "Acquire::Languages=none".into(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into(),
            // Else a source that cannot be reached is only a warning of apt's.
            "APT::Update::Error-Mode=any".into(),
            "Acquire::Retries=2".into(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }
}

/// Like [`process::output`], with an error that says what failed instead of a command of many lines.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said
            .lines()
            .find(|line| line.starts_with("E: "))
            .or(said.lines().next());
        bail!(
            "{program}: {}: {}",
            output.status,
            first.unwrap_or("no message")
        );
    }
    Ok(())
}

fn sources(mirrors: &Mirrors) -> String {
    let stanza = |address: &str, suites: &str| {
        format!(
            "Types: deb\nURIs: {address}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n\n"
        )
    };
    stanza(&mirrors.archive, ARCHIVE_SUITES) + &stanza(&mirrors.security, SECURITY_SUITES)
}

/// Names in the lines `Inst NAME (VERSION ORIGIN [ARCHITECTURE])` of `apt-get --simulate`.
fn parse_simulation(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn parse_depends(text: &str) -> Vec<String> {
    let field = text.lines().find_map(|line| line.strip_prefix("Depends: "));
    field
        .unwrap_or_default()
        .split(',')
        .filter_map(|one| one.split(['|', '(', ':']).next())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_lose_versions_and_alternatives() {
        let text = "Package: linux-image-7.3.4+deb13-cloud-amd64\nDepends: \
                    linux-binary-7.3.4+deb13-cloud-amd64 (= 7.3.4-1~bpo13+1), \
                    linux-base-7.3.4 | other, kmod:any\nSize: 1\n";
        assert_eq!(
            parse_depends(text),
            [
                "linux-binary-7.3.4+deb13-cloud-amd64",
                "linux-base-7.3.4",
                "kmod"
            ]
        );
    }

    #[test]
    fn a_simulation_names_what_it_would_install() {
        let text = "Inst libc6 (2.36-9 Debian:12/stable [amd64]) []\n\
                    Inst kmod (30-1 Debian:12/stable [amd64])\nConf libc6 (2.36-9 Debian:12/stable [amd64])\n";
        assert_eq!(parse_simulation(text), ["libc6", "kmod"]);
    }

    #[test]
    fn every_stanza_is_signed() {
        let text = sources(&Mirrors {
            archive: "a://x".into(),
            security: "a://y".into(),
        });
        assert_eq!(text.matches("Signed-By: ").count(), 2);
        assert!(text.contains("URIs: a://y\nSuites: bullseye-security bookworm-security\n"));
    }
}
