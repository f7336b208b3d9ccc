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

/// Folders without what is in them: what the kernel shows, what apt has fetched, and what takes a guest's memory while no
/// test reads it.
const EMPTY: [&str; 9] = [
    "dev",
    "proc",
    "sys",
    "usr/share/doc",
    "usr/share/i18n",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
];

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
        if !EMPTY.contains(&path) {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use cpio::newc::Reader;

    use super::*;

    #[test]
    fn a_system_keeps_its_modes_and_links_and_is_asked_to_run_the_steps() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::create_dir_all(root.join("proc/1")).unwrap();
        fs::write(root.join("usr/bin/su"), b"x").unwrap();
        let set_user_id = fs::Permissions::from_mode(0o4755);
        fs::set_permissions(root.join("usr/bin/su"), set_user_id).unwrap();
        symlink("usr/bin", root.join("bin")).unwrap();
        let mut archive = Archive::default();
        add(&mut archive, root).unwrap();
        let bytes = archive.finish().unwrap();
        let mut found = Vec::new();
        let mut rest = &bytes[..];
        loop {
            let reader = Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let entry = reader.entry();
            found.push((entry.name().to_owned(), entry.mode(), entry.uid()));
            rest = reader.finish().unwrap();
        }
        let of = |name: &str| found.iter().find(|one| one.0 == name).map(|one| one.1);
        assert_eq!(of("usr/bin/su"), Some(0o104_755));
        assert_eq!(of("bin"), Some(0o120_777));
        assert_eq!(of("init"), Some(0o120_777));
        assert!(of(WANTS).is_some() && of("proc").is_some() && of("proc/1").is_none());
        let owner = fs::metadata(root.join("usr/bin/su")).unwrap().uid();
        assert!(
            found
                .iter()
                .any(|one| one.0 == "usr/bin/su" && one.2 == owner)
        );
    }
}
