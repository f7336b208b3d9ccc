//! A command that only root can have written.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Write permission for the group or for others.
const WRITABLE: u32 = 0o022;
const EXECUTABLE: u32 = 0o111;
/// In such a folder nobody can rename or remove what is another user's.
const STICKY: u32 = 0o1000;

/// Why a command is not run.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// It cannot be looked at.
    #[error("{path} cannot be looked at: {source}", path = path.display())]
    Unseen {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder, a device, or without the permission to execute.
    #[error("{} is no executable file", .0.display())]
    NoProgram(PathBuf),
    /// Its owner, or a folder's, may be somebody else.
    #[error("{path} belongs to user {user}, who could put something else in its place: only root's is run", path = path.display())]
    Owner {
        /// The file, or a folder above it.
        path: PathBuf,
        /// Whose it is.
        user: u32,
    },
    /// Others may write to it.
    #[error("{path} can be written to by others (mode {mode:o}), who could put something else in its place: chmod go-w", path = path.display())]
    Writable {
        /// The file, or a folder above it.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// Where the file really is, if it and every folder above it belong to root and nobody else can replace what is there: so
/// nobody else can change what is run between this moment and the next.
pub(super) fn check(command: &Path) -> Result<PathBuf, Distrust> {
    let unseen = |path: &Path| {
        let path = path.to_owned();
        move |source| Distrust::Unseen { path, source }
    };
    let real = fs::canonicalize(command).map_err(unseen(command))?;
    for path in real.ancestors() {
        let about = fs::metadata(path).map_err(unseen(path))?;
        let is_sticky = about.is_dir() && about.mode() & STICKY != 0;
        let writable = if is_sticky { 0 } else { WRITABLE };
        judge(path, about.uid(), about.mode() & 0o7777, writable)?;
    }
    let file = fs::metadata(&real).map_err(unseen(&real))?;
    if !file.is_file() || file.mode() & EXECUTABLE == 0 {
        return Err(Distrust::NoProgram(real));
    }
    Ok(real)
}

fn judge(path: &Path, user: u32, mode: u32, writable: u32) -> Result<(), Distrust> {
    let path = path.to_owned();
    if user != 0 {
        return Err(Distrust::Owner { path, user });
    }
    if mode & writable != 0 {
        return Err(Distrust::Writable { path, mode });
    }
    Ok(())
}
