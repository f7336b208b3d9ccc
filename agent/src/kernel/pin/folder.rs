//! A folder of pins: whose it is, and who uses it. One folder below it for each version of the ABI.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use finback_common::ABI_VERSION;
use rustix::fs::{FlockOperation, flock, fstatfs};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::refusal::Refusal;

/// `BPF_FS_MAGIC` (`include/uapi/linux/magic.h`).
const BPF_FS: i64 = 0xcafe_4a11;
/// What group and others may write to.
const WRITABLE: u32 = 0o022;
/// Only who owns a file in such a folder can exchange it.
const STICKY: u32 = 0o1000;
/// The folder may be exchanged between opening and locking it, by `finback unpin`.
const ATTEMPTS: usize = 3;

/// A folder that this process owns, in both senses: the lock goes with it.
#[derive(Debug)]
pub(super) struct Folder {
    base: PathBuf,
    /// The open folder, locked: bpf file systems have no files to lock.
    lock: Option<File>,
}

impl Folder {
    /// Takes it; makes it if it is missing.
    pub(super) fn take(base: &Path) -> Result<Self, Refusal> {
        check_parent(base)?;
        for _ in 0..ATTEMPTS {
            make(base)?;
            match Self::lock(base) {
                Err(error) if error.is_absence() => {}
                locked => return locked,
            }
        }
        Err(Refusal::Busy(base.to_owned()))
    }

    /// The one that is there, if nobody uses it.
    pub(super) fn lock(base: &Path) -> Result<Self, Refusal> {
        let mut folder = Self::look(base)?;
        let open = open(base)?;
        match flock(&open, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(Refusal::Busy(base.to_owned())),
            Err(errno) => return Err(Refusal::io("lock", base)(errno.into())),
        }
        // It may have been removed, and made anew, since it was opened.
        let (locked, now) = (open.metadata(), fs::symlink_metadata(base));
        let same = match (locked, now) {
            (Ok(locked), Ok(now)) => locked.ino() == now.ino() && locked.dev() == now.dev(),
            _ => false,
        };
        if !same {
            return Err(Refusal::io("lock", base)(io::ErrorKind::NotFound.into()));
        }
        folder.lock = Some(open);
        Ok(folder)
    }

    /// The one that is there, only to look at it.
    pub(super) fn look(base: &Path) -> Result<Self, Refusal> {
        check_parent(base)?;
        trust(base, &open(base)?)?;
        Ok(Self {
            base: base.to_owned(),
            lock: None,
        })
    }

    /// Where it is.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// Where this version's pins are.
    pub(super) fn own(&self) -> PathBuf {
        self.base.join(format!("v{ABI_VERSION}"))
    }

    /// The same; makes it if it is missing.
    pub(super) fn make_own(&self) -> Result<PathBuf, Refusal> {
        let own = self.own();
        make(&own)?;
        trust(&own, &open(&own)?)?;
        Ok(own)
    }

    /// The versions that are there, with their folders. What is named otherwise is not ours.
    pub(super) fn versions(&self) -> Result<Vec<(u32, PathBuf)>, Refusal> {
        let mut versions = Vec::new();
        for (name, path) in entries(&self.base)? {
            let version = name.strip_prefix('v').and_then(|text| text.parse().ok());
            versions.extend(version.map(|version| (version, path)));
        }
        versions.sort_unstable();
        Ok(versions)
    }

    /// Removes it if nothing is in it any more.
    pub(super) fn remove(self) -> Result<(), Refusal> {
        match fs::remove_dir(&self.base) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            done => done.map_err(Refusal::io("remove", &self.base)),
        }
    }
}

/// What is in a folder, by name.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, Refusal> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Refusal::io("read", folder))? {
        let entry = entry.map_err(Refusal::io("read", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push((name, entry.path()));
    }
    found.sort_unstable();
    Ok(found)
}

/// Whoever can exchange the folder itself would have all of it.
fn check_parent(base: &Path) -> Result<(), Refusal> {
    let parent = base.parent().filter(|_| base.is_absolute());
    let parent = parent.ok_or_else(|| Refusal::Relative(base.to_owned()))?;
    let folder = File::open(parent).map_err(Refusal::io("open", parent))?;
    let about =
        fstatfs(folder.as_fd()).map_err(|errno| Refusal::io("look at", parent)(errno.into()))?;
    if about.f_type & 0xffff_ffff != BPF_FS {
        return Err(Refusal::NoFileSystem(parent.to_owned()));
    }
    let about = folder.metadata().map_err(Refusal::io("look at", parent))?;
    let (owner, own) = (about.uid(), geteuid().as_raw());
    if owner != own && owner != 0 {
        let path = parent.to_owned();
        return Err(Refusal::Owner { path, owner, own });
    }
    if about.mode() & WRITABLE != 0 && about.mode() & STICKY == 0 {
        return Err(mode(parent, about.mode()));
    }
    Ok(())
}

fn make(path: &Path) -> Result<(), Refusal> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done.map_err(Refusal::io("make", path)),
    }
}

fn open(path: &Path) -> Result<File, Refusal> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(flags);
    options.open(path).map_err(Refusal::io("open", path))
}

/// Whether nobody else can have put there what is in it.
fn trust(path: &Path, folder: &File) -> Result<(), Refusal> {
    let about = folder.metadata().map_err(Refusal::io("look at", path))?;
    let (owner, own) = (about.uid(), geteuid().as_raw());
    if owner != own {
        let path = path.to_owned();
        return Err(Refusal::Owner { path, owner, own });
    }
    if about.mode() & WRITABLE != 0 {
        return Err(mode(path, about.mode()));
    }
    Ok(())
}

fn mode(path: &Path, mode: u32) -> Refusal {
    Refusal::Mode {
        path: path.to_owned(),
        mode: mode & 0o7777,
    }
}
