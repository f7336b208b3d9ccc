//! Files that processes have mapped: kept open, so that a process that has ended, a deleted file or one in another
//! container can still be read, and shared by all processes. They are opened here and read elsewhere.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

/// A file's name for as long as it is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    owner: u32,
}

impl FileId {
    pub(super) fn of(data: &std::fs::Metadata) -> Self {
        Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            owner: data.uid(),
        }
    }
}

/// A file that a process has mapped.
#[derive(Debug)]
pub(super) struct OpenFile {
    /// What the readers call it.
    pub(super) number: u64,
    pub(super) id: FileId,
    /// Path as the process has it.
    pub(super) path: Arc<str>,
    /// Build id in hexadecimal, once a reader has told it.
    pub(super) build_id: OnceLock<Arc<str>>,
    pub(super) file: File,
}

/// What the names in a file are remembered under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// Two files with the same build id are one program, if one user owns both: anybody can copy a build id.
    Build(Arc<str>, u64, u32),
    File(FileId),
}

impl OpenFile {
    pub(super) fn identity(&self) -> Identity {
        match self.build_id.get() {
            Some(build_id) => Identity::Build(Arc::clone(build_id), self.id.size, self.id.owner),
            None => Identity::File(self.id),
        }
    }
}

/// Files kept open at most; beyond that, those that no kept stack refers to are closed.
const MAX: usize = 256;

/// The files seen lately.
#[derive(Debug, Default)]
pub(super) struct Files {
    known: FxHashMap<FileId, Arc<OpenFile>>,
    opened: u64,
}

impl Files {
    /// The same file as ever, if it is known.
    pub(super) fn get(&mut self, file: File, path: &str) -> io::Result<Arc<OpenFile>> {
        let id = FileId::of(&file.metadata()?);
        if let Some(known) = self.known.get(&id) {
            return Ok(Arc::clone(known));
        }
        if self.known.len() >= MAX {
            self.known.retain(|_, file| Arc::strong_count(file) > 1);
            if self.known.len() > MAX / 2 {
                self.known.clear();
            }
        }
        self.opened += 1;
        let file = Arc::new(OpenFile {
            number: self.opened,
            id,
            path: path.into(),
            build_id: OnceLock::new(),
            file,
        });
        self.known.insert(id, Arc::clone(&file));
        Ok(file)
    }
}

/// Opens the file that a link of `/proc` stands for.
pub(super) fn open_link(link: &str) -> io::Result<File> {
    open_regular(&File::from(openat(CWD, link, PATH_ONLY, Mode::empty())?))
}

/// Opens a file under its path as a process sees it, whatever links the process has made.
pub(super) fn open_in(pid: u32, path: &str) -> io::Result<File> {
    let root = format!("/proc/{pid}/root");
    let root = openat(CWD, root, PATH_ONLY | OFlags::DIRECTORY, Mode::empty())?;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(root, Path::new(path), PATH_ONLY, Mode::empty(), inside)?;
    open_regular(&File::from(file))
}

const PATH_ONLY: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Opening a device does something and opening a pipe waits: neither is done.
fn open_regular(file: &File) -> io::Result<File> {
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(CWD, &pipe, Mode::RUSR).unwrap();
        let pid = std::process::id();
        // Would wait for a writer.
        assert!(open_in(pid, pipe.to_str().unwrap()).is_err());
        assert!(open_in(pid, "/dev/null").is_err());
        let link = dir.path().join("link");
        symlink("/proc/self/exe", &link).unwrap();
        assert!(open_in(pid, link.to_str().unwrap()).is_err());
        assert!(open_in(pid, std::env::current_exe().unwrap().to_str().unwrap()).is_ok());
        assert!(open_link("/proc/self/exe").is_ok());
    }
}
