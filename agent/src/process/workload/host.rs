//! Files of the host, read with care: links stay below its root, what is no file or too large is not read, and nothing
//! waits.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};

/// Entries of a folder that are looked at.
const ENTRIES: usize = 1 << 16;

/// Largest file of users.
const PASSWD: u64 = 1 << 20;

/// The host.
#[derive(Debug)]
pub(super) struct Host {
    root: PathBuf,
}

impl Host {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// A file's contents, if it is one of so many bytes at most. `user` says in whose home it is, if in one.
    pub(super) fn read(&self, user: Option<u32>, path: &Path, most: u64) -> Option<Vec<u8>> {
        let file = match user {
            None => self.open(path, OFlags::NONBLOCK | OFlags::NOCTTY)?,
            Some(user) => self.open_at_home(user, path)?,
        };
        let stat = fstat(&file).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let mut content = Vec::new();
        let mut file = File::from(file).take(most + 1);
        file.read_to_end(&mut content).ok()?;
        (content.len() as u64 <= most).then_some(content)
    }

    /// The first name in a folder for which there is something.
    pub(super) fn find<T>(&self, folder: &Path, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let folder = self.open(folder, OFlags::DIRECTORY)?;
        let entries = Dir::read_from(folder).ok()?.take(ENTRIES);
        let mut names = entries.map_while(Result::ok);
        names.find_map(|entry| match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => None,
            Ok(name) => wanted(name),
        })
    }

    fn open(&self, path: &Path, flags: OFlags) -> Option<OwnedFd> {
        let root = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(&self.root, root, Mode::empty()).ok()?;
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
        openat2(root, path, flags, Mode::empty(), within).ok()
    }

    /// Nothing outside the home is opened, and nothing that is mounted there: a file system of the user's own could let
    /// us wait for ever.
    fn open_at_home(&self, user: u32, path: &Path) -> Option<OwnedFd> {
        let home = self.open(&self.home(user)?, OFlags::PATH | OFlags::DIRECTORY)?;
        if fstat(&home).ok()?.st_uid != user {
            return None;
        }
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        openat2(home, path, flags, Mode::empty(), within).ok()
    }

    /// As `/etc/passwd` says: `name:password:uid:gid:comment:home:shell`.
    fn home(&self, user: u32) -> Option<PathBuf> {
        let users = self.read(None, Path::new("/etc/passwd"), PASSWD)?;
        home_in(&users, user)
    }
}

/// The home that a list of users has for this one.
pub(super) fn home_in(users: &[u8], user: u32) -> Option<PathBuf> {
    let wanted = user.to_string();
    users.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':').skip(2);
        let home = fields.next().filter(|uid| *uid == wanted.as_bytes());
        let home = home.and_then(|_| fields.nth(2))?;
        Some(PathBuf::from(OsStr::from_bytes(home)))
    })
}
