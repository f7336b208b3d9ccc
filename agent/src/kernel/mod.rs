//! The door to the kernel: what it can do, which programs run in it, what they say, and snapshots of its sockets.

pub mod btf;
pub mod check;
pub mod clock;
pub mod decode;
pub mod diag;
pub mod error;
pub mod netns;
pub mod offsets;
pub mod options;
pub mod ports;
pub mod proc;
pub mod report;

mod address;
mod attach;
mod counters;
mod groups;
mod intern;
mod load;
mod logs;
mod object;
mod plan;
mod prove;
mod ring;
mod rows;
mod slim;
mod snapshot;
mod sockets;
pub mod stacks;
mod sys;
mod waiters;

use std::fmt;
use std::io;

use aya::Ebpf;
use aya_log::EbpfLogger;
use finback_common::counter::Counter;
use finback_common::record::kind;
use finback_common::row::ThreadRow;

use self::counters::{Counts, LossMeter, Missed, of};
use self::decode::Decoder;
pub use self::error::{ErrorKind, KernelError};
use self::groups::Groups;
pub use self::options::{Attach, Options};
pub use self::report::HookReport;
use self::report::SnapshotReport;
use self::ring::Ring;
use self::snapshot::Join;
use self::sockets::Sockets;
use self::stacks::{RawStack, Threads};
use self::waiters::Functions;
use finback_core::model::observation::{LocalPorts, Loss, Minisock, Observation, Snapshot};
use finback_core::model::time::Timestamp;

/// The programs in the kernel and everything they say. Dropping it detaches them.
pub struct Kernel {
    object: Ebpf,
    ring: Ring,
    sockets: Sockets,
    failures: Counts,
    hits: Counts,
    decoder: Decoder,
    meter: LossMeter,
    logs: Option<EbpfLogger<logs::Forward>>,
    report: HookReport,
    functions: Functions,
    missed: Missed,
    stacks: Vec<RawStack>,
    threads: Option<Threads>,
}

impl Kernel {
    /// Checks what must be there, loads and attaches the programs, and proves each hook on connections of its own.
    /// What those say is thrown away: the first record passed on is of another process.
    pub fn load(options: &Options) -> Result<Self, KernelError> {
        options.check()?;
        let found = check::prerequisites()?;
        let load::Loaded {
            mut object,
            hits,
            report,
        } = load::load(options, found.release, found.limits)?;
        let threads = Threads::take(&mut object, &report.stacks)?;
        let mut kernel = Self {
            stacks: Vec::new(),
            threads,
            ring: Ring::take(&mut object)?,
            sockets: Sockets::take(&mut object)?,
            failures: Counts::failures(&mut object)?,
            hits,
            decoder: Decoder::new(groups(options)),
            meter: LossMeter::default(),
            logs: logs::open(&mut object, options.log_level),
            object,
            report,
            functions: Functions::default(),
            missed: Missed::default(),
        };
        while kernel.ring.drain(|_| {}) {}
        drop(kernel.losses());
        Ok(kernel)
    }

    /// What is attached and what works.
    pub const fn report(&self) -> &HookReport {
        &self.report
    }

    /// Brings the hit counts in the report up to date.
    pub fn refresh_report(&mut self) -> Result<&HookReport, KernelError> {
        let hits = self.hits.read()?;
        for row in self
            .report
            .signals
            .iter_mut()
            .flat_map(|signal| &mut signal.hooks)
        {
            row.hits = of(&hits, row.hook);
        }
        Ok(&self.report)
    }

    /// Waits until there may be records and adds them to `into`. Adds nothing when woken for nothing; loses nothing
    /// when dropped while waiting. Tells whether there may be more. Must run on a tokio runtime with I/O and time.
    pub async fn next_batch(&mut self, into: &mut Vec<Observation>) -> io::Result<bool> {
        self.ring.wait().await?;
        Ok(self.drain(into))
    }

    /// Adds to `into` what is there now, or a good part of it: tells whether there may be more.
    pub fn drain(&mut self, into: &mut Vec<Observation>) -> bool {
        let decoder = &mut self.decoder;
        let stacks = &mut self.stacks;
        let more = self.ring.drain(|record| match record.first() {
            Some(&kind::STACK) => stacks.extend(decoder.stack(record)),
            _ => into.extend(decoder.decode(record)),
        });
        if let Some(logs) = &mut self.logs {
            logs.flush();
        }
        more
    }

    /// The user stacks that came with the records of the last [`Kernel::drain`]s.
    pub fn take_stacks(&mut self) -> Vec<RawStack> {
        std::mem::take(&mut self.stacks)
    }

    /// The threads of a process as they are now; none if the iterator cannot tell.
    pub fn threads(&mut self, pid: u32) -> Vec<ThreadRow> {
        let Some(threads) = &mut self.threads else {
            return Vec::new();
        };
        threads.list(&mut self.object, pid).unwrap_or_else(|error| {
            tracing::debug!(%error, pid, "the threads of a process cannot be listed");
            Vec::new()
        })
    }

    /// What was lost since the last call, by reason; empty if nothing was, or if the counters cannot be read.
    pub fn losses(&mut self) -> Vec<Loss> {
        match self.failures.read() {
            Ok(failures) => self.meter.update(
                &failures,
                self.decoder.malformed(),
                self.missed.read(&self.object),
            ),
            Err(error) => {
                tracing::warn!(%error, "the counters of the kernel programs cannot be read");
                Vec::new()
            }
        }
    }

    /// Every counter of the kernel programs since the start, for metrics.
    pub fn counters(&self) -> Result<Vec<(Counter, u64)>, KernelError> {
        let values = self.failures.read()?;
        let value = |counter: Counter| values.get(counter as usize).copied().unwrap_or(0);
        Ok(Counter::ALL
            .iter()
            .map(|counter| (*counter, value(*counter)))
            .collect())
    }

    /// Every TCP socket of the host with its holders, without minisocks.
    pub fn snapshot(&mut self) -> Result<Snapshot, KernelError> {
        self.decoder.processes.refresh(clock::now());
        match &self.report.snapshot {
            SnapshotReport::Iterator => self.snapshot_from_iterator(),
            SnapshotReport::Proc { .. } => self.snapshot_from_proc(),
        }
    }

    fn snapshot_from_iterator(&mut self) -> Result<Snapshot, KernelError> {
        let failed = |source| KernelError::Io {
            what: "walk the descriptors of all processes",
            source,
        };
        let mut join = Join::new(&mut self.decoder.processes, &mut self.functions);
        let file = rows::open(&mut self.object).map_err(|error| failed(io::Error::other(error)))?;
        rows::read(file, |row| join.row(row)).map_err(failed)?;
        for (sock, entry) in join.unborn() {
            self.sockets.seed(sock, &entry);
        }
        self.sockets.walk(|sock, entry| join.entry(sock, entry))?;
        Ok(join.finish())
    }

    /// The same without the iterator: `/proc/*/fd` joined with `sock_diag` and the map. Some ten times slower, and
    /// sees accept queues only by address.
    pub fn snapshot_from_proc(&mut self) -> Result<Snapshot, KernelError> {
        let mut join = proc::Join::new(&mut self.decoder.processes)?;
        self.sockets.walk(|sock, entry| join.entry(sock, entry))?;
        Ok(join.finish())
    }

    /// The minisocks of these network namespaces, all if empty, and the namespaces that cannot be entered.
    #[expect(
        clippy::unused_self,
        reason = "callers need not know that no program takes part"
    )]
    pub fn time_wait(&self, namespaces: &[u32]) -> Result<(Vec<Minisock>, Vec<u32>), KernelError> {
        let (minisocks, failures) =
            diag::minisocks(namespaces).map_err(|source| KernelError::Io {
                what: "list the minisocks of a network namespace",
                source,
            })?;
        for (namespace, error) in &failures {
            tracing::debug!(netns = namespace.id, %error, "this network namespace's sockets cannot be listed");
        }
        let closed = failures.iter().map(|(namespace, _)| namespace.id);
        Ok((minisocks, closed.collect()))
    }

    /// The local ports that may be chosen in these network namespaces, as far as those can be entered.
    #[expect(
        clippy::unused_self,
        reason = "callers need not know that no program takes part"
    )]
    pub fn local_ports(&self, namespaces: &[u32]) -> Result<Vec<LocalPorts>, KernelError> {
        ports::list(namespaces).map_err(|source| KernelError::Io {
            what: "read the local ports of a network namespace",
            source,
        })
    }

    /// The time on the clock of all records.
    #[expect(
        clippy::unused_self,
        reason = "callers need not know where the clock is"
    )]
    pub fn now(&self) -> Timestamp {
        clock::now()
    }
}

/// Groups are looked up only if there are settings for them.
fn groups(options: &Options) -> Option<Groups> {
    if !options.groups {
        return None;
    }
    let found = Groups::find();
    match &found {
        Ok(Some(_)) => {}
        Ok(None) => tracing::warn!(
            "no cgroup2 file system is mounted: settings for control groups apply to no process"
        ),
        Err(error) => tracing::warn!(
            %error,
            "the mounts cannot be read: settings for control groups apply to no process"
        ),
    }
    found.ok().flatten()
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}
