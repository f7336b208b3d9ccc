//! The files of a package as they lie on a system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::archive::{gzip, write_gzip};
use super::ground::{self, Ground};
use crate::process;

/// Where distributions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Deb,
    Rpm,
}

/// Documents that are packed as they are.
const DOCS: &str = "usr/share/doc/finback";

/// What there is to stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) ground: &'a Ground,
    /// The program; it is asked for its man pages and completions.
    pub(super) binary: &'a Path,
    /// The bill of materials, if there is one.
    pub(super) sbom: Option<&'a Path>,
}

impl Parts<'_> {
    /// Lays everything out below `into`.
    ///
    /// # Errors
    /// Something is missing.
    pub(super) fn stage(self, kind: Kind, into: &Path) -> Result<()> {
        let Self { ground, binary, .. } = self;
        let sources = ground.sources();
        let put = |place: &str, mode, from: &Path| {
            ground::write(&into.join(place), mode, &ground::read(from)?)
        };
        put("usr/bin/finback", 0o755, binary)?;
        let unit = "usr/lib/systemd/system/finback.service";
        put(unit, 0o644, &sources.join("finback.service"))?;
        let annotated = ground.root.join("docs/finback.toml");
        put("etc/finback/finback.toml", 0o644, &annotated)?;
        self.man(&into.join("usr/share/man/man1"))?;
        self.completions(kind, into)?;
        self.docs(&into.join(DOCS))?;
        tidy(into)
    }

    /// Standard output of the program.
    fn said(self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(self.binary);
        Ok(process::output(command.args(arguments))?.into_bytes())
    }

    pub(super) fn man(self, into: &Path) -> Result<()> {
        let mut command = Command::new(self.binary);
        command.args(["generate", "man", "--output"]).arg(into);
        process::run(&mut command)?;
        for page in names(into)? {
            gzip(self.ground, &into.join(page))?;
        }
        Ok(())
    }

    pub(super) fn completions(self, kind: Kind, into: &Path) -> Result<()> {
        let zsh = match kind {
            Kind::Deb => "usr/share/zsh/vendor-completions/_finback",
            Kind::Rpm => "usr/share/zsh/site-functions/_finback",
        };
        for (shell, place) in [
            ("bash", "usr/share/bash-completion/completions/finback"),
            ("zsh", zsh),
            ("fish", "usr/share/fish/vendor_completions.d/finback.fish"),
        ] {
            let script = self.said(&["generate", "completions", shell])?;
            ground::write(&into.join(place), 0o644, &script)?;
        }
        Ok(())
    }

    /// `docs/` as it is: the runbooks of alerts and journal entries are found there.
    pub(super) fn docs(self, into: &Path) -> Result<()> {
        let docs = self.ground.root.join("docs");
        for file in files(&docs)? {
            ground::write(&into.join(&file), 0o644, &ground::read(&docs.join(&file))?)?;
        }
        let examples = into.join("examples");
        for (what, name) in [("alerts", "alerts.yml"), ("dashboard", "dashboard.json")] {
            let made = self.said(&["generate", what])?;
            ground::write(&examples.join(name), 0o644, &made)?;
        }
        let log = ground::read(&self.ground.root.join("CHANGELOG.md"))?;
        write_gzip(self.ground, &into.join("changelog"), &log)?;
        if let Some(sbom) = self.sbom {
            let place = into.join("sbom.cdx.json");
            ground::write(&place, 0o644, &ground::read(sbom)?)?;
        }
        Ok(())
    }
}

/// Folders that everybody can enter, whatever this machine's mask is.
fn tidy(into: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(into, fs::Permissions::from_mode(0o755))?;
    for name in names(into)? {
        let path = into.join(name);
        if path.is_dir() {
            tidy(&path)?;
        }
    }
    Ok(())
}

/// What is in a folder, in order.
///
/// # Errors
/// It cannot be read.
pub(super) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Every file below a folder, by its path in it, in order.
///
/// # Errors
/// One cannot be read.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        if path.is_dir() {
            let inner = files(&path)?.into_iter();
            found.extend(inner.map(|file| Path::new(&name).join(file)));
        } else {
            found.push(name.into());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_order_and_with_their_folders() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["b", "a/z", "a/c/d"] {
            ground::write(&dir.path().join(file), 0o600, b"x").unwrap();
        }
        let found = files(dir.path()).unwrap();
        assert_eq!(found, [Path::new("a/c/d"), "a/z".as_ref(), "b".as_ref()]);
    }
}
