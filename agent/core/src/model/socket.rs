//! What names a connection and its process.

use std::net::SocketAddr;
use std::sync::Arc;

use super::time::Timestamp;

/// Names one connection for as long as the host runs: the kernel reuses a socket's address at once, so the
/// moment it was first seen belongs to the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SocketKey {
    /// Address of the kernel's socket.
    pub sock: u64,
    /// When the connection was first seen.
    pub birth: Timestamp,
}

/// Both ends and the network namespace they are unique in. v4-mapped IPv6 addresses are already plain IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Endpoints {
    /// Our end; port 0 while the kernel has not chosen one.
    pub local: SocketAddr,
    /// The other end; port 0 for a listener.
    pub peer: SocketAddr,
    /// Inode number of the network namespace.
    pub netns: u32,
}

impl Endpoints {
    /// The same connection seen from the other end, if that is in the same namespace.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            local: self.peer,
            peer: self.local,
            netns: self.netns,
        }
    }
}

/// Which end opened the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// The local end called connect.
    Client,
    /// The local end came out of a listener.
    Server,
    /// It is older than the agent.
    #[default]
    Unknown,
}

/// How sure we are that a process belongs to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Attribution {
    /// Seen calling connect.
    Connect,
    /// Seen calling accept.
    Accept,
    /// A descriptor of it refers to the socket (found, or seen in use).
    Holder,
    /// Not accepted yet: the process holds the listener.
    Listener,
    /// Holds a descriptor that another process opened.
    Inherited,
    /// Nobody known.
    Unknown,
}

/// A process, named so that a reused pid cannot mislead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ProcessId {
    /// Process id in the initial pid namespace.
    pub pid: u32,
    /// When it started.
    pub start: Timestamp,
}

/// What is known of a process without asking `/proc`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Process {
    /// Its name for ever.
    pub id: ProcessId,
    /// Name of the executable as the kernel has it (`comm`, at most 15 bytes).
    pub comm: Box<str>,
    /// Real user id of the thread that a hook saw, in the initial user namespace.
    pub uid: Option<u32>,
    /// Id of the control group (version 2), if a hook saw it.
    pub cgroup: Option<u64>,
    /// Path of the control group, looked up only where there are settings for groups.
    pub group: Option<Arc<str>>,
}

/// By the names of their executables: programs that open listeners, and connections, for others.
const SERVICE_MANAGERS: [&str; 8] = [
    "systemd",
    "init",
    "inetd",
    "xinetd",
    "supervisord",
    "circusd",
    "s6-supervise",
    "runsv",
];

impl Process {
    /// Whether it passes on what it opens.
    pub fn is_service_manager(&self) -> bool {
        self.id.pid == 1 || SERVICE_MANAGERS.contains(&&*self.comm)
    }
}

/// The process that a socket belongs to and how we know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Owner {
    /// The process, shared by all its sockets.
    pub process: Arc<Process>,
    /// The thread that was seen, if one was.
    pub thread: Option<u32>,
    /// How we know.
    pub attribution: Attribution,
    /// When it was seen.
    pub since: Timestamp,
}

/// A descriptor that refers to a socket now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Holder {
    /// The process.
    pub process: Arc<Process>,
    /// Its descriptor.
    pub fd: u32,
}

impl Holder {
    /// Of several, the first one to ask: not a service manager, if there is another.
    pub fn first(holders: &[Self]) -> Option<&Self> {
        let rank = |holder: &&Self| {
            let process = &holder.process;
            (process.is_service_manager(), process.id, holder.fd)
        };
        holders.iter().min_by_key(rank)
    }
}
