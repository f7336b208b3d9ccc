//! One daemon per socket path. The lock, not the socket file, says whether one is there: a file left behind by
//! a daemon that was killed is replaced, one of a living daemon never.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, fchmod, flock};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use tokio::net::UnixListener;

/// Why the daemon cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another daemon does.
    #[error("another finback is already running with the socket {}", .0.display())]
    Running(PathBuf),
    /// There is a file at the path that is no socket.
    #[error("{} exists and is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// A system call failed.
    #[error("cannot listen on {path}: cannot {what}: {source}", path = path.display())]
    Io {
        /// Path of the socket.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// The right to listen at a path. Dropping it removes the socket; the lock file stays, because removing it
/// would let two newcomers lock two different files.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    _lock: File,
}

impl Guard {
    /// Takes the lock and listens. Makes the directory (mode 0755) if it is missing; the socket has mode 0600.
    pub fn listen(path: &Path) -> Result<(Self, UnixListener), Error> {
        let failed = |what| {
            move |source| Error::Io {
                path: path.to_owned(),
                what,
                source,
            }
        };
        if let Some(directory) = path.parent() {
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(0o755).create(directory);
            made.map_err(failed("make its directory"))?;
        }
        let lock = lock(path)?;
        remove_stale(path)?;
        let socket = bind(path).map_err(failed("bind it"))?;
        let guard = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        let listener = listen(socket).map_err(failed("listen"))?;
        Ok((guard, listener))
    }
}

/// Makes the socket's file. Linux gives it the permissions that the socket has by then (`unix_bind` in
/// `net/unix/af_unix.c`): there is no moment at which others may connect.
fn bind(path: &Path) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn listen(socket: OwnedFd) -> io::Result<UnixListener> {
    net::listen(&socket, BACKLOG)?;
    UnixListener::from_std(socket.into())
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the socket cannot be removed");
        }
    }
}

/// Locks `PATH.lock`.
fn lock(path: &Path) -> Result<File, Error> {
    let failed = |what, source| Error::Io {
        path: path.to_owned(),
        what,
        source,
    };
    let mut options = OpenOptions::new();
    // In a folder of somebody else it may be a link to a file of ours, or a pipe that nobody reads.
    let odd = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let options = options.custom_flags(odd.bits().cast_signed());
    let file = options
        .open(path.with_added_extension("lock"))
        .map_err(|source| failed("open its lock file", source))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Running(path.to_owned())),
        Err(errno) => Err(failed("lock its lock file", errno.into())),
    }
}

fn remove_stale(path: &Path) -> Result<(), Error> {
    let failed = |what, source| Error::Io {
        path: path.to_owned(),
        what,
        source,
    };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(Error::NotASocket(path.to_owned())),
        Ok(_) => fs::remove_file(path).map_err(|source| failed("remove the old one", source)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed("look at it", source)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Somebody who owns the folder may have put anything there.
    #[test]
    fn a_lock_that_is_a_link_or_a_pipe_is_refused_and_nothing_is_made_or_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("s"), dir.path().join("victim"));
        let lock = dir.path().join("s.lock");
        std::os::unix::fs::symlink(&victim, &lock).unwrap();
        assert!(matches!(Guard::listen(&path), Err(Error::Io { .. })));
        assert!(!victim.exists());
        fs::remove_file(&lock).unwrap();
        let pipe = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &lock, pipe, Mode::RUSR, 0).unwrap();
        assert!(matches!(Guard::listen(&path), Err(Error::Io { .. })));
    }

    /// Nothing else happens before connections are possible.
    #[test]
    fn the_socket_is_private_from_its_first_moment() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _socket = bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
