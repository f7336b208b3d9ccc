//! Writes initramfs archives: cpio "newc", as the kernel's `init/initramfs.c` reads it. Archives may be concatenated.

use std::{
    collections::BTreeSet,
    io::{Result, Write as _},
};

use cpio::newc::{self, Builder, ModeFileType};

/// Top-level folders that are links into `/usr` in the guest, as in Debian.
pub(crate) const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Whose a file is, and its permission bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) mode: u32,
}

/// An archive being written. Paths are relative to the guest's root; parents come by themselves.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    out: Vec<u8>,
    written: BTreeSet<String>,
}

impl Archive {
    pub(crate) fn dir(&mut self, path: &str) -> Result<()> {
        let path = normal(path);
        if path.is_empty() || self.written.contains(&path) {
            return Ok(());
        }
        self.entry(&path, ModeFileType::Directory, 0o755, &[])
    }

    /// A regular file; `mode` holds the permission bits.
    pub(crate) fn file(&mut self, path: &str, mode: u32, data: &[u8]) -> Result<()> {
        self.entry(&normal(path), ModeFileType::Regular, mode & 0o7777, data)
    }

    /// A folder of somebody's.
    pub(crate) fn dir_of(&mut self, path: &str, owner: Owner) -> Result<()> {
        let path = normal(path);
        if self.written.contains(&path) {
            return Ok(());
        }
        let of = |entry: Builder| entry.uid(owner.user).gid(owner.group);
        self.entry_with(&path, ModeFileType::Directory, owner.mode, &[], of)
    }

    /// A regular file of somebody's.
    pub(crate) fn file_of(&mut self, path: &str, owner: Owner, data: &[u8]) -> Result<()> {
        let of = |entry: Builder| entry.uid(owner.user).gid(owner.group);
        self.entry_with(&normal(path), ModeFileType::Regular, owner.mode, data, of)
    }

    pub(crate) fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        let path = normal(path);
        self.entry(&path, ModeFileType::Symlink, 0o777, target.as_bytes())
    }

    pub(crate) fn character_device(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        let device = |entry: Builder| entry.rdev_major(major).rdev_minor(minor);
        self.entry_with(&normal(path), ModeFileType::Char, 0o600, &[], device)
    }

    /// The whole archive with its trailer; its length is a multiple of four.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        newc::trailer(self.out)
    }

    /// Whether this path has been written.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.written.contains(&normal(path))
    }

    fn entry(&mut self, path: &str, kind: ModeFileType, mode: u32, data: &[u8]) -> Result<()> {
        self.entry_with(path, kind, mode, data, |entry| entry)
    }

    fn entry_with(
        &mut self,
        path: &str,
        kind: ModeFileType,
        mode: u32,
        data: &[u8],
        more: impl FnOnce(Builder) -> Builder,
    ) -> Result<()> {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.dir(parent)?;
        }
        self.written.insert(path.to_owned());
        // The kernel links files with one number and more than one name; every entry has its own.
        let inode = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
        let entry = Builder::new(path)
            .ino(inode)
            .mode(mode)
            .set_mode_file_type(kind);
        let size = u32::try_from(data.len()).map_err(std::io::Error::other)?;
        let mut writer = more(entry).write(&mut self.out, size);
        writer.write_all(data)?;
        writer.finish()?;
        Ok(())
    }
}

/// Without leading slash, and below `usr` where the guest's root only has a link: the kernel
/// replaces a link by a folder of the same name.
fn normal(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    if path.contains('/') && MERGED.contains(&first) {
        format!("usr/{path}")
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_written_once_and_before_their_children() {
        let mut archive = Archive::default();
        archive.file("/bin/a", 0o755, b"a program").unwrap();
        archive.file("/usr/bin/b", 0o755, b"").unwrap();
        archive.symlink("lib", "usr/lib").unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let mut rest = &bytes[..];
        let mut names = Vec::new();
        while let Ok(reader) = newc::Reader::new(rest) {
            names.push(reader.entry().name().to_owned());
            if reader.entry().is_trailer() {
                break;
            }
            rest = reader.finish().unwrap();
        }
        assert_eq!(
            names,
            [
                "usr",
                "usr/bin",
                "usr/bin/a",
                "usr/bin/b",
                "lib",
                "TRAILER!!!"
            ]
        );
    }

    #[test]
    fn a_device_node_carries_its_numbers() {
        let mut archive = Archive::default();
        archive.character_device("console", 5, 1).unwrap();
        let bytes = archive.finish().unwrap();
        let reader = newc::Reader::new(&bytes[..]).unwrap();
        let entry = reader.entry();
        assert_eq!(entry.mode(), 0o020_600);
        assert_eq!((entry.rdev_major(), entry.rdev_minor()), (5, 1));
    }
}
