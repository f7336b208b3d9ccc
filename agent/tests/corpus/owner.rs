//! Who really has a socket: looked up in /proc, independent of what the daemon says.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};

/// A process and its descriptor.
pub(crate) type Holder = (u32, u32);

/// Inode number of the socket with these ports in the network namespace of the calling thread; `None` if it has none.
/// A listener's peer port is 0.
pub(crate) fn inode(local: u16, peer: u16) -> Result<Option<u64>> {
    for file in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        let text = fs::read_to_string(file).with_context(|| file.to_owned())?;
        let found = text.lines().skip(1).find_map(|row| {
            let fields: Vec<_> = row.split_whitespace().collect();
            let same = port(fields.get(1)?) == Some(local) && port(fields.get(2)?) == Some(peer);
            same.then(|| fields.get(9)?.parse().ok()).flatten()
        });
        if let Some(inode) = found {
            return Ok(Some(inode).filter(|inode| *inode != 0));
        }
    }
    Ok(None)
}

fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()
}

/// Every descriptor of every process that refers to this socket. A child of this process that has not executed its program
/// yet is none of them: in a moment it has lost what is not its own.
pub(crate) fn holders(inode: u64) -> BTreeSet<Holder> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let program = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let (own, ours) = (std::process::id(), program(std::process::id()));
    let is_about_to_execute =
        |pid: u32| pid != own && program(pid).is_some_and(|of| Some(of) == ours);
    pids.filter(|pid| !is_about_to_execute(*pid))
        .flat_map(|pid: u32| {
            // A process may end while we look.
            let open = fs::read_dir(format!("/proc/{pid}/fd"));
            let open = open.into_iter().flatten().flatten();
            let wanted = wanted.as_str();
            open.filter_map(move |fd| {
                let target = fs::read_link(fd.path()).ok()?;
                let number = fd.file_name().to_str()?.parse().ok()?;
                (target.to_str() == Some(wanted)).then_some((pid, number))
            })
            .collect::<Vec<_>>()
        })
        .collect()
}
