//! The network namespaces of this host and sockets inside them.

pub mod destroy;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
pub mod guard;
pub mod local_ports;
pub mod sock_diag;
pub mod unheld;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use rustc_hash::FxHashSet;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where tools keep namespaces that no process lives in (`ip netns`, container runtimes).
const MOUNTS: &[&str] = &["/run/netns", "/run/docker/netns"];

/// One network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its inode number, as the records carry it.
    pub id: u32,
    /// A file that leads to it.
    pub path: PathBuf,
}

/// Every network namespace that a process lives in or that is mounted where tools mount them, by inode number.
///
/// One that only an open descriptor or a socket holds is not among them: see [`held`].
pub fn all() -> io::Result<Vec<Namespace>> {
    let own = fs::metadata("/proc/self/ns/net")?;
    let mut found = BTreeMap::new();
    let mut add = |path: PathBuf| {
        // Processes end while /proc is read, and others must not be looked at: not found, not an error.
        if let Ok(file) = fs::metadata(&path)
            && file.dev() == own.dev()
            && let Ok(id) = u32::try_from(file.ino())
        {
            found.entry(id).or_insert(path);
        }
    };
    add("/proc/self/ns/net".into());
    for process in fs::read_dir("/proc")?.filter_map(Result::ok) {
        if process
            .file_name()
            .as_encoded_bytes()
            .first()
            .is_some_and(u8::is_ascii_digit)
        {
            add(process.path().join("ns/net"));
        }
    }
    for mounts in MOUNTS {
        // The directory exists only where somebody uses it.
        if let Ok(entries) = fs::read_dir(mounts) {
            entries
                .filter_map(Result::ok)
                .for_each(|entry| add(entry.path()));
        }
    }
    Ok(found
        .into_iter()
        .map(|(id, path)| Namespace { id, path })
        .collect())
}

/// Those of these namespaces that a process has a descriptor of. Looks at every descriptor there is, once: some
/// milliseconds per ten thousand.
pub fn held(ids: &[u32]) -> io::Result<FxHashSet<u32>> {
    if ids.is_empty() {
        return Ok(FxHashSet::default());
    }
    let wanted: FxHashSet<u32> = ids.iter().copied().collect();
    let of_process = |process: fs::DirEntry| {
        // As above: a process ends, or is not ours to look at.
        let descriptors = fs::read_dir(process.path().join("fd"))
            .into_iter()
            .flatten();
        descriptors.filter_map(|fd| named(&fs::read_link(fd.ok()?.path()).ok()?))
    };
    let processes = fs::read_dir("/proc")?.filter_map(Result::ok);
    let named = processes.flat_map(of_process);
    Ok(named.filter(|id| wanted.contains(id)).collect())
}

/// The number in `net:[NUMBER]`.
fn named(link: &Path) -> Option<u32> {
    let number = link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?;
    number.parse().ok()
}

/// Inode number of the namespace this thread lives in.
pub fn own() -> io::Result<u32> {
    let inode = fs::metadata("/proc/thread-self/ns/net")?.ino();
    u32::try_from(inode).map_err(io::Error::other)
}

/// Runs `work` in the namespace: in a thread that is thrown away, so that no other code ever finds itself
/// elsewhere. A socket opened there stays there wherever it is used later.
pub fn within<T: Send>(
    namespace: &Path,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let file = File::open(namespace)?;
    thread::scope(|scope| {
        let visit = thread::Builder::new()
            .name("netns".into())
            .stack_size(128 << 10);
        let visit = visit.spawn_scoped(scope, move || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        })?;
        visit
            .join()
            .map_err(|_panic| io::Error::other("the visit to a network namespace panicked"))?
    })
}

/// Calls `read` with the number of each of these namespaces, inside it. One that cannot be entered, or has just gone, is
/// left out.
fn visit<T: Send>(
    wanted: &[u32],
    read: impl Fn(u32) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let own = own()?;
    let all = all()?.into_iter();
    let found = all
        .filter(|namespace| wanted.contains(&namespace.id))
        .filter_map(|Namespace { id, path }| {
            let found = if id == own {
                read(id)
            } else {
                within(&path, || read(id))
            };
            found
                .inspect_err(|error| {
                    tracing::debug!(netns = id, %error, "the settings of this network namespace are not known");
                })
                .ok()
        });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_namespace_is_among_all() {
        let own = own().unwrap();
        let all = all().unwrap();
        assert_eq!(
            all.iter().filter(|namespace| namespace.id == own).count(),
            1,
            "{all:?}"
        );
    }

    #[test]
    fn a_descriptor_holds_its_namespace_and_no_other() {
        let own = own().unwrap();
        let open = File::open("/proc/self/ns/net").unwrap();
        // No namespace has this number.
        assert_eq!(held(&[1, own]).unwrap(), FxHashSet::from_iter([own]));
        assert_eq!(held(&[1]).unwrap(), FxHashSet::default());
        drop(open);
    }

    #[test]
    fn a_visit_leaves_the_caller_where_it_is() {
        let before = own().unwrap();
        // Entering even the own namespace takes CAP_SYS_ADMIN.
        match within(Path::new("/proc/self/ns/net"), own) {
            Ok(there) => assert_eq!(there, before),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
        assert_eq!(own().unwrap(), before);
    }

    #[test]
    fn a_namespace_that_is_gone_is_an_error() {
        assert!(within(Path::new("/proc/self/ns/none"), || Ok(())).is_err());
    }
}
