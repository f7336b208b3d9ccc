//! A look: one pass over the kernel that finds every TCP socket with its holders and its numbers.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod half;
mod halt;
mod join;
mod proc;
mod rows;
mod threads;
mod waiters;

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use rustc_hash::FxHashSet;

use self::join::Join;
pub(super) use self::threads::Threads;
use self::waiters::Functions;
use super::address;
use super::clock::now;
use super::error::KernelError;
use super::netns::{local_ports, unheld};
use super::processes::Processes;
use super::sys::walk;
use super::table::{Queues, Tables};
use finback_common::place::OpenerPlace;
use finback_common::row::ThreadRow;
use finback_common::socket::source;
use finback_core::model::ends::Ends;
use finback_core::model::look::{LocalPorts, Opener, Snapshot, UnheldList};
use finback_core::model::time::Timestamp;

/// Looks at the kernel's sockets. It needs nothing that reads the ring: it belongs on a thread of its own.
pub struct Looker {
    /// The iterator's program, if the kernel gives it.
    program: Option<OwnedFd>,
    /// Lists the threads of a process, if stacks are wanted and the kernel gives it.
    threads: Option<Threads>,
    tables: Tables,
    queues: Queues,
    processes: Processes,
    functions: Functions,
    /// The network namespaces that the latest look found sockets in.
    inhabited: FxHashSet<u32>,
}

impl fmt::Debug for Looker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looker")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl Looker {
    /// Without a program it looks into `/proc`.
    pub(super) fn new(
        program: Option<OwnedFd>,
        threads: Option<Threads>,
        tables: Tables,
        queues: Queues,
        processes: Processes,
    ) -> Self {
        Self {
            program,
            threads,
            tables,
            queues,
            processes,
            functions: Functions::default(),
            inhabited: FxHashSet::default(),
        }
    }

    /// Every TCP socket of the host with its holders; with `unheld` also those that no descriptor refers to. Takes some
    /// milliseconds per ten thousand descriptors, and blocks meanwhile.
    pub fn look(&mut self, unheld: bool) -> Result<Snapshot, KernelError> {
        let before = spent();
        self.processes.refresh(now());
        let mut snapshot = match &self.program {
            Some(program) => {
                let failed = |source| KernelError::Io {
                    what: "walk the descriptors of all processes",
                    source,
                };
                let mut join = Join::new(&self.tables, &mut self.processes, &mut self.functions);
                let file = walk(program.as_fd()).map_err(failed)?;
                self.queues.clear();
                rows::read(file, |row| join.row(row)).map_err(failed)?;
                self.queues.rows().for_each(|row| join.queued(&row));
                join.finish()
            }
            None => proc::look(&mut self.processes)?,
        };
        let sockets = snapshot.sockets.iter();
        self.inhabited = sockets.map(|view| view.endpoints.netns).collect();
        halt::mark(&mut snapshot);
        if unheld {
            let known = Ends::of(&snapshot.sockets);
            let unheld = unheld::unheld(|ends| known.find(ends).is_some());
            let unheld = unheld.map_err(|source| KernelError::Io {
                what: "list the sockets of a network namespace",
                source,
            })?;
            snapshot.unheld = Some(unheld);
            snapshot.openers = self.openers();
            snapshot.took = now().since(snapshot.taken);
        }
        snapshot.cost = spent().saturating_sub(before);
        Ok(snapshot)
    }

    /// Who connected to whom, as far back as the table reaches.
    fn openers(&mut self) -> Vec<Opener> {
        let (tables, processes) = (&self.tables, &mut self.processes);
        let places = tables.openers();
        places
            .filter_map(|place| opener(&place, processes))
            .collect()
    }

    /// The threads of a process as they are now; none if the iterator cannot tell.
    pub fn threads(&mut self, pid: u32) -> Vec<ThreadRow> {
        let Some(threads) = &mut self.threads else {
            return Vec::new();
        };
        threads.list(pid).unwrap_or_else(|error| {
            tracing::debug!(%error, pid, "the threads of a process cannot be listed");
            Vec::new()
        })
    }

    /// The minisocks of these network namespaces, as far as those can be found and entered, or are gone.
    pub fn time_wait(&self, namespaces: &[u32]) -> Result<UnheldList, KernelError> {
        let known = |id| self.inhabited.contains(&id);
        unheld::minisocks(namespaces, known).map_err(|source| KernelError::Io {
            what: "list the minisocks of a network namespace",
            source,
        })
    }

    /// The local ports that may be chosen in these network namespaces, as far as those can be entered.
    pub fn local_ports(namespaces: &[u32]) -> Result<Vec<LocalPorts>, KernelError> {
        local_ports::list(namespaces).map_err(|source| KernelError::Io {
            what: "read the local ports of a network namespace",
            source,
        })
    }

    /// The same without the iterator: `/proc/*/fd` joined with `sock_diag`. Some ten times slower, knows nothing of what
    /// the kernel programs remember, and sees accept queues only by address.
    pub fn look_in_proc(&mut self) -> Result<Snapshot, KernelError> {
        proc::look(&mut self.processes)
    }
}

/// Processor time of this thread.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn opener(place: &OpenerPlace, processes: &mut Processes) -> Option<Opener> {
    if place.owner.source != source::CONNECT {
        return None;
    }
    let ip = address::ip(place.family, place.peer_addr)?;
    Some(Opener {
        peer: SocketAddr::new(ip, place.peer_port),
        netns: place.netns,
        owner: processes.owner(&place.owner, Timestamp::from_nanos(place.time_ns))?,
    })
}
