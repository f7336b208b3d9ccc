//! A guest whose first process is a whole Debian's: systemd, which runs the steps as a service.

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::Path,
};

use anyhow::{Context as _, Result};

use super::cpio::{Archive, Owner};

/// As the other guests' first process: the same steps, the same words.
const STEPS: &str = include_str!("steps.sh");
const UNIT: &str = "\
[Unit]
Description=The steps of this guest
After=multi-user.target

[Service]
ExecStart=/bin/sh /guest/steps.sh
StandardOutput=null
";
const WANTS: &str = "etc/systemd/system/default.target.wants/guest.service";

/// Adds a system that was installed below `root`, and what makes it run the steps.
pub(crate) fn add(archive: &mut Archive, root: &Path) -> Result<()> {
    for name in ["dev", "proc", "sys", "tmp", "run"] {
        archive.dir(name)?;
    }
    archive.character_device("dev/console", 5, 1)?;
    tree(archive, root, "")?;
    // What the kernel starts first.
    archive.symlink("init", "/lib/systemd/systemd")?;
    archive.file("guest/steps.sh", 0o644, STEPS.as_bytes())?;
    archive.file("etc/systemd/system/guest.service", 0o644, UNIT.as_bytes())?;
    archive.symlink(WANTS, "../guest.service")?;
    // One for each installation, which this one would be at each boot; and no name to be asked for.
    archive.file(
        "etc/machine-id",
        0o444,
        b"c0ffee00c0ffee00c0ffee00c0ffee00\n",
    )?;
    archive.file("etc/hostname", 0o644, b"guest\n")?;
    Ok(())
}

fn tree(archive: &mut Archive, root: &Path, below: &str) -> Result<()> {
    let folder = root.join(below);
    let entries = fs::read_dir(&folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names {
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        add_one(archive, root, &path)?;
    }
    Ok(())
}

fn add_one(archive: &mut Archive, root: &Path, path: &str) -> Result<()> {
    let host = root.join(path);
    let meta = fs::symlink_metadata(&host)?;
    let kind = meta.file_type();
    let owner = Owner {
        user: meta.uid(),
        group: meta.gid(),
        mode: meta.permissions().mode() & 0o7777,
    };
    if kind.is_dir() {
        archive.dir_of(path, owner)?;
        // Lists and packages of apt, and what the kernel shows.
        let skipped = ["proc", "sys", "dev", "var/cache/apt", "var/lib/apt/lists"];
        if !skipped.contains(&path) {
            tree(archive, root, path)?;
        }
    } else if kind.is_symlink() {
        let target = fs::read_link(&host)?;
        let target = String::from_utf8_lossy(target.as_os_str().as_bytes()).into_owned();
        archive.symlink(path, &target)?;
    } else if kind.is_file() {
        archive.file_of(path, owner, &fs::read(&host)?)?;
    }
    Ok(())
}
