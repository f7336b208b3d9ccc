//! The networks that the load runs over. What is made or set for one goes with it, whatever happens.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use clap::ValueEnum;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use serde::{Deserialize, Serialize};

use crate::process;

/// Addresses in turn: one pair of addresses has 28,000 ports, and each waits in TIME_WAIT.
const ADDRESSES: u32 = 64;
const STEERING: &str = "/sys/class/net/lo/queues/rx-0/rps_cpus";
/// Between the namespaces, from the range for benchmarks (RFC 2544).
const CLIENT: &str = "198.18.0.1/30";
const SERVER: &str = "198.18.0.2/30";
/// All addresses of this are the server's.
const SERVED: &str = "198.18.1.0/24";
const FIRST_SERVED: Ipv4Addr = Ipv4Addr::new(198, 18, 1, 1);

/// Where the load's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Plain loopback
    Lo,
    /// Loopback with receive packet steering to all processors: programs run in interrupts
    Rps,
    /// Two network namespaces joined by a veth pair
    Veth,
}

impl Kind {
    /// For tables.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Lo => "loopback",
            Self::Rps => "loopback with receive packet steering",
            Self::Veth => "two network namespaces over veth",
        }
    }
}

/// A network that is ready.
#[derive(Debug)]
pub(super) struct Network {
    /// Namespaces have no name: they end with their last descriptor or process.
    ends: Option<Ends>,
    first: Ipv4Addr,
    _steering: Option<Steering>,
}

#[derive(Debug)]
struct Ends {
    client: File,
    server: File,
}

impl Network {
    /// Makes it ready.
    ///
    /// # Errors
    /// The kernel or `ip` refuses.
    pub(super) fn open(kind: Kind) -> Result<Self> {
        let first = match kind {
            Kind::Lo | Kind::Rps => Ipv4Addr::LOCALHOST,
            Kind::Veth => FIRST_SERVED,
        };
        Ok(Self {
            ends: (kind == Kind::Veth).then(Ends::join).transpose()?,
            first,
            _steering: (kind == Kind::Rps).then(Steering::on).transpose()?,
        })
    }

    /// One of the server's addresses.
    pub(super) fn server(&self, turn: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.first) + turn % ADDRESSES)
    }

    /// Moves the calling thread to where clients are.
    ///
    /// # Errors
    /// As setns(2).
    pub(super) fn enter_client(&self) -> Result<()> {
        self.ends
            .as_ref()
            .map_or(Ok(()), |ends| enter(&ends.client))
    }

    /// Moves the calling thread to where servers are.
    ///
    /// # Errors
    /// As setns(2).
    pub(super) fn enter_server(&self) -> Result<()> {
        self.ends
            .as_ref()
            .map_or(Ok(()), |ends| enter(&ends.server))
    }

    /// Does something, for instance starts a program, where clients are.
    ///
    /// # Errors
    /// As setns(2), or what `work` says.
    pub(super) fn with_client<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        elsewhere(|| self.enter_client().and_then(|()| work()))
    }

    /// Does something where servers are.
    ///
    /// # Errors
    /// As setns(2), or what `work` says.
    pub(super) fn with_server<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        elsewhere(|| self.enter_server().and_then(|()| work()))
    }
}

impl Ends {
    fn join() -> Result<Self> {
        let client = namespace()?;
        let server = namespace()?;
        let ends = Self { client, server };
        let place = format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            ends.server.as_raw_fd()
        );
        let served_via = SERVER.trim_end_matches("/30");
        elsewhere(|| {
            enter(&ends.client)?;
            ip("link add near type veth peer name far")?;
            ip(&format!("link set far netns {place}"))?;
            ip("link set lo up")?;
            ip(&format!("address add {CLIENT} dev near"))?;
            ip("link set near up")
        })?;
        elsewhere(|| {
            enter(&ends.server)?;
            ip("link set lo up")?;
            ip(&format!("address add {SERVER} dev far"))?;
            ip("link set far up")?;
            ip(&format!("route add local {SERVED} dev lo"))
        })?;
        elsewhere(|| {
            enter(&ends.client)?;
            ip(&format!("route add {SERVED} via {served_via}"))
        })?;
        Ok(ends)
    }
}

fn ip(words: &str) -> Result<()> {
    process::output(Command::new("ip").args(words.split(' '))).map(drop)
}

/// A new network namespace.
fn namespace() -> Result<File> {
    elsewhere(|| {
        // SAFETY: only the network namespace is left, which no memory and no descriptor of this process hangs on.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
            .context("cannot make a network namespace")?;
        File::open("/proc/thread-self/ns/net").context("cannot open the new network namespace")
    })
}

fn enter(namespace: &File) -> Result<()> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .context("cannot enter a network namespace")
}

/// On a thread of its own, so that the caller stays where it is.
fn elsewhere<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let done = scope.spawn(work).join();
        done.map_err(|_panic| anyhow!("a thread panicked"))?
    })
}

/// Receive packet steering of loopback, put back as it was on drop.
#[derive(Debug)]
struct Steering(String);

impl Steering {
    fn on() -> Result<Self> {
        let before = fs::read_to_string(STEERING)
            .context("this kernel has no receive packet steering (CONFIG_RPS)")?;
        let cpus = thread::available_parallelism()?.get().min(32);
        let mask = (1_u64 << cpus) - 1;
        fs::write(STEERING, format!("{mask:x}")).context("cannot set rps_cpus of lo")?;
        Ok(Self(before))
    }
}

impl Drop for Steering {
    fn drop(&mut self) {
        if let Err(error) = fs::write(STEERING, self.0.trim()) {
            eprintln!("xtask: {STEERING} is not put back: {error}");
        }
    }
}
