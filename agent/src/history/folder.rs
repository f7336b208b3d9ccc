//! The history's folder: it and its files belong to the daemon's user and to nobody else.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, open, openat, unlinkat};
use rustix::process::geteuid;

use super::segment;

/// Why a history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else could have written it, or could read it.
    #[error("the history {path} is not used: {why}", path = path.display())]
    Refused {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is none.
    #[error("there is no history in {path}", path = .0.display())]
    None(PathBuf),
    /// A system call failed.
    #[error("cannot {what} the history {path}: {source}", path = path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Error {
    /// Whether trying again may help.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Io { .. })
    }
}

/// Name of the file that the writing daemon has locked.
const LOCK: &str = "lock";

/// Opened, so that nothing that happens to its path matters any more.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    folder: File,
}

impl Folder {
    /// To be read: it must be our own or root's.
    pub(super) fn to_read(path: &Path) -> Result<Self, Error> {
        let folder = match open_folder(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::None(path.to_owned()));
            }
            opened => opened.map_err(|error| not_opened(path, error))?,
        };
        let folder = Self {
            path: path.to_owned(),
            folder,
        };
        folder.must_be_ours(&folder.folder, "it")?;
        Ok(folder)
    }

    /// To be written: it is made if it is missing, and locked for as long as the second value lives.
    pub(super) fn to_write(path: &Path) -> Result<(Self, File), Error> {
        make(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            what: "make",
            source,
        })?;
        let folder = Self::to_read(path)?;
        folder.must_be_private()?;
        let lock = folder.lock()?;
        Ok((folder, lock))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn refused(&self, why: impl Into<String>) -> Error {
        Error::Refused {
            path: self.path.clone(),
            why: why.into(),
        }
    }

    /// For `map_err`.
    fn failed(&self, what: &'static str) -> impl FnOnce(io::Error) -> Error {
        let path = self.path.clone();
        move |source| Error::Io { path, what, source }
    }

    fn must_be_ours(&self, file: &File, name: &str) -> Result<(), Error> {
        let found = file.metadata().map_err(self.failed("look at"))?;
        let (owner, own) = (found.uid(), geteuid().as_raw());
        if owner == own || owner == 0 {
            return Ok(());
        }
        Err(self.refused(format!(
            "{name} belongs to user {owner}, who could have written anything into it; choose another folder or chown it"
        )))
    }

    fn must_be_private(&self) -> Result<(), Error> {
        let found = self.folder.metadata().map_err(self.failed("look at"))?;
        let mode = found.mode() & 0o777;
        if mode & !0o700 == 0 {
            return Ok(());
        }
        Err(self.refused(format!(
            "others may look into it (mode {mode:03o}); choose a folder that is the history's own, or chmod it to 700"
        )))
    }

    fn lock(&self) -> Result<File, Error> {
        let lock = self.create(LOCK).map_err(self.failed("lock"))?;
        self.must_be_ours(&lock, "its lock file")?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(self.refused(
                "another finback writes it; give one of them another folder with --history, or none with --history off",
            )),
            Err(errno) => Err(self.failed("lock")(errno.into())),
        }
    }

    /// Opens a file to be written, and makes it if it is missing.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(openat(&self.folder, name, flags, mode)?.into())
    }

    /// Opens a segment to be read.
    pub(super) fn open(&self, number: u64) -> Result<File, Error> {
        let name = segment::name(number);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&self.folder, &name, flags, Mode::empty());
        let file = opened
            .map(File::from)
            .map_err(|errno| self.failed("read")(errno.into()))?;
        self.must_be_ours(&file, &name)?;
        Ok(file)
    }

    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        unlinkat(&self.folder, segment::name(number), AtFlags::empty())?;
        Ok(())
    }

    /// Numbers of its segments, the oldest first.
    pub(super) fn segments(&self) -> Result<Vec<u64>, Error> {
        let names = rustix::fs::Dir::read_from(&self.folder)
            .map_err(|errno| self.failed("list")(errno.into()))?;
        let mut numbers = Vec::new();
        for entry in names {
            let entry = entry.map_err(|errno| self.failed("list")(errno.into()))?;
            numbers.extend(segment::number(entry.file_name().to_bytes()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(open(path, flags, Mode::empty())?.into())
}

/// A symbolic link or a file in its place is not opened.
fn not_opened(path: &Path, source: io::Error) -> Error {
    let kind = fs::symlink_metadata(path).map(|found| found.file_type());
    let why = match kind {
        Ok(kind) if kind.is_symlink() => "it is a symbolic link; name the folder itself",
        Ok(kind) if !kind.is_dir() => "it is no folder; name another one",
        Ok(_) | Err(_) => {
            return Error::Io {
                path: path.to_owned(),
                what: "open",
                source,
            };
        }
    };
    Error::Refused {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

/// Folders above it are for everybody to look into, as they usually are.
fn make(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}
