//! Writes initramfs archives: cpio "newc", as the kernel's `init/initramfs.c` reads it
//! (Documentation/driver-api/early-userspace/buffer-format.rst). Archives may be concatenated.

use std::collections::BTreeSet;

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// Top-level folders that are links into `/usr` in the guest, as in Debian.
pub(super) const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// An archive being written. Paths are relative to the guest's root; parents come by themselves.
#[derive(Debug, Default)]
pub(super) struct Archive {
    out: Vec<u8>,
    inode: u32,
    written: BTreeSet<String>,
}

impl Archive {
    pub(super) fn dir(&mut self, path: &str) {
        let path = normal(path);
        if path.is_empty() || self.written.contains(&path) {
            return;
        }
        self.parents_of(&path);
        self.entry(&path, DIRECTORY | 0o755, (0, 0), &[]);
    }

    /// A regular file; `mode` holds the permission bits.
    pub(super) fn file(&mut self, path: &str, mode: u32, data: &[u8]) {
        let path = normal(path);
        self.parents_of(&path);
        self.entry(&path, REGULAR | (mode & 0o7777), (0, 0), data);
    }

    pub(super) fn symlink(&mut self, path: &str, target: &str) {
        let path = normal(path);
        self.parents_of(&path);
        self.entry(&path, SYMLINK | 0o777, (0, 0), target.as_bytes());
    }

    pub(super) fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        let path = normal(path);
        self.parents_of(&path);
        self.entry(&path, CHARACTER | 0o600, (major, minor), &[]);
    }

    /// The whole archive with its trailer; its length is a multiple of four.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.out
    }

    /// Whether this path has been written.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.written.contains(&normal(path))
    }

    fn parents_of(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.dir(parent);
        }
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), data: &[u8]) {
        self.inode += 1;
        self.written.insert(path.to_owned());
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let name = u32::try_from(path.len() + 1).unwrap_or(u32::MAX);
        let (major, minor) = device;
        // ino mode uid gid nlink mtime filesize dev(2) rdev(2) namesize check
        let fields = [
            self.inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name, 0,
        ];
        self.out.extend_from_slice(b"070701");
        for field in fields {
            self.out
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.out.extend_from_slice(path.as_bytes());
        self.out.push(0);
        self.pad();
        self.out.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.out.resize(self.out.len().next_multiple_of(4), 0);
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
    fn an_entry_is_header_name_and_data_each_padded_to_four() {
        let mut archive = Archive::default();
        archive.file("ab", 0o755, b"hello");
        let bytes = archive.finish();
        let header = "07070100000001000081ed00000000000000000000000100000000\
                      0000000500000000000000000000000000000000\
                      0000000300000000";
        assert_eq!(std::str::from_utf8(&bytes[..110]).unwrap(), header);
        assert_eq!(&bytes[110..116], b"ab\0\0\0\0"); // 113 bytes, padded to 116
        assert_eq!(&bytes[116..124], b"hello\0\0\0");
        assert_eq!(&bytes[124..130], b"070701");
        assert!(bytes.ends_with(b"TRAILER!!!\0\0\0\0"));
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn parents_are_written_once_and_before_their_children() {
        let mut archive = Archive::default();
        archive.file("/bin/a", 0o755, b"");
        archive.file("/usr/bin/b", 0o755, b"");
        archive.symlink("lib", "usr/lib");
        assert_eq!(
            names(&archive.finish()),
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
        archive.character_device("console", 5, 1);
        let bytes = archive.finish();
        assert_eq!(&bytes[14..22], b"00002180");
        assert_eq!(&bytes[78..94], b"0000000500000001");
    }

    /// Walks an archive the way the kernel does: header, name, data.
    fn names(mut bytes: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        while bytes.len() >= 110 {
            let number = |at: usize| {
                let digits = std::str::from_utf8(&bytes[at..at + 8]).unwrap();
                usize::from_str_radix(digits, 16).unwrap()
            };
            let (size, name) = (number(54), number(94));
            let text = &bytes[110..110 + name - 1];
            names.push(String::from_utf8(text.to_vec()).unwrap());
            let data = (110 + name).next_multiple_of(4);
            bytes = &bytes[data + size.next_multiple_of(4)..];
        }
        names
    }
}
