//! What this host says now of the processes that the lines are about.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::output::clock::{Time, WallClock};
use crate::process::{self, Workloads};

/// Asks the host, or a test's.
pub trait Host {
    /// Inode number of the socket that a descriptor refers to.
    fn inode(&self, pid: u32, fd: u32) -> Option<u64>;
    /// The port of a service with this name.
    fn port(&self, service: &str) -> Option<u16>;
    /// The process with this pid, if it is the one that started then.
    fn process(&self, pid: u32, started: Time) -> Option<Seen>;
    /// Inode number of the network namespace that commands would be run in.
    fn netns(&self) -> Option<u32>;
}

/// What a process has now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Descriptors in use and how many it may have.
    pub descriptors: Option<(u64, u64)>,
    /// Path of its executable.
    pub executable: Option<String>,
}

/// This host, through `/proc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proc;

/// A host that is not asked: the lines are from another, or nothing is to be added to them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Host for Silent {
    fn inode(&self, _pid: u32, _fd: u32) -> Option<u64> {
        None
    }

    fn port(&self, _service: &str) -> Option<u16> {
        None
    }

    fn process(&self, _pid: u32, _started: Time) -> Option<Seen> {
        None
    }

    fn netns(&self) -> Option<u32> {
        None
    }
}

/// Clocks are compared with one another in between, and may be set.
const SAME_START: Duration = Duration::from_secs(2);

/// Longest list of services that is read, bytes.
const SERVICES_MAX: usize = 1 << 20;

impl Host for Proc {
    fn inode(&self, pid: u32, fd: u32) -> Option<u64> {
        let target = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
        target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?
            .parse()
            .ok()
    }

    fn port(&self, service: &str) -> Option<u16> {
        let text = fs::read_to_string("/etc/services").ok()?;
        port(text.get(..SERVICES_MAX).unwrap_or(&text), service)
    }

    fn process(&self, pid: u32, started: Time) -> Option<Seen> {
        let id = process::id(pid)?;
        let start = WallClock::measure().at(id.start);
        if start.since(started).max(started.since(start)) > SAME_START {
            return None;
        }
        let mut workloads = Workloads::new(Path::new("/"));
        let view = process::look(id, &mut workloads);
        let executable = view.identity.and_then(|identity| identity.executable);
        let descriptors = view.descriptors.map(|used| (used.open, used.limit));
        Some(Seen {
            descriptors,
            executable: executable.map(Into::into),
        })
    }

    fn netns(&self) -> Option<u32> {
        let target = fs::read_link("/proc/self/ns/net").ok()?;
        target
            .to_str()?
            .strip_prefix("net:[")?
            .strip_suffix(']')?
            .parse()
            .ok()
    }
}

/// `http  80/tcp  www  # comment`.
fn port(services: &str, wanted: &str) -> Option<u16> {
    services.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let name = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?;
        let named = name == wanted || words.any(|alias| alias == wanted);
        named.then(|| port.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_descriptor_leads_to_its_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_raw_fd().cast_unsigned();
        assert!(Proc.inode(std::process::id(), fd).is_some());
        assert_eq!(Proc.inode(std::process::id(), u32::MAX), None);
        assert!(Proc.netns().is_some());
    }

    #[test]
    fn a_process_is_only_the_one_that_started_then() {
        let own = process::id(std::process::id()).unwrap();
        let started = WallClock::measure().at(own.start);
        let (used, limit) = Proc.process(own.pid, started).unwrap().descriptors.unwrap();
        assert!(used > 2 && limit >= used);
        assert_eq!(Proc.process(own.pid, Time::default()), None);
    }

    #[test]
    fn services_have_aliases_and_comments() {
        let text = "# services\nhttp\t80/tcp\twww # web\nhttp 80/udp\nsyslog 514/udp\n";
        assert_eq!(port(text, "http"), Some(80));
        assert_eq!(port(text, "www"), Some(80));
        assert_eq!(port(text, "syslog"), None);
        assert_eq!(port(text, "web"), None);
    }
}
