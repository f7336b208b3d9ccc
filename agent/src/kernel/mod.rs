//! The door to the kernel: what it can do, which programs run in it, what they say, and looks at its sockets.

pub mod btf;
pub mod clock;
pub mod error;
pub mod load;
pub mod netns;
pub mod record;

mod address;
mod cgroup;
mod count;
mod processes;
mod snapshot;
mod sys;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use aya::Ebpf;
use aya_log::EbpfLogger;
use finback_common::counter::Counter;
use finback_common::hook::Hook;
use finback_common::place::OpenerPlace;
use finback_common::record::kind;
use finback_common::row::ThreadRow;

use self::cgroup::Groups;
use self::count::Counts;
pub use self::error::{ErrorKind, KernelError};
use self::load::demand::Demand;
use self::load::object::{ITERATOR, ITERATOR_OLD, THREADS};
pub use self::load::options::{Attach, Options};
use self::load::prerequisites;
pub use self::load::report::HookReport;
use self::load::report::{SnapshotReport, StackReport};
use self::load::{Loaded, logs};
use self::netns::{local_ports, sock_diag};
use self::processes::Processes;
use self::record::decode::Decoder;
use self::record::loss::LossMeter;
use self::record::ring::Ring;
use self::record::stack::RawStack;
pub use self::snapshot::Looker;
use self::snapshot::Threads;
use self::table::{Lives, Marks, Queues, Tables};
use finback_core::model::interest::Interest;
use finback_core::model::observation::{Candidate, LocalPorts, Loss, Observation, Unheld};
use finback_core::model::socket::Owner;
use finback_core::model::time::Timestamp;

/// The programs in the kernel and everything they say. Dropping it detaches them.
pub struct Kernel {
    demand: Demand,
    ring: Ring,
    tables: Tables,
    marks: Marks,
    failures: Counts,
    decoder: Decoder,
    meter: LossMeter,
    logs: Option<EbpfLogger<logs::Forward>>,
    report: HookReport,
    stacks: Vec<RawStack>,
    threads: Option<Threads>,
    looker: Option<Looker>,
}

/// Somebody who opened a connection, as far as that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Address of the kernel's socket, which may be another connection's by now.
    pub sock: u64,
    /// To this peer.
    pub peer: SocketAddr,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Who, how and when.
    pub owner: Owner,
}

impl Kernel {
    /// Checks what must be there, loads and attaches the programs, and proves each hook on connections of its own.
    /// They make no records: until somebody asks for them there are none.
    pub fn load(options: &Options) -> Result<Self, KernelError> {
        options.check()?;
        let found = prerequisites::prerequisites()?;
        let Loaded { mut programs, interest, plan, report } =
            load::load(options, found.release, found.limits)?;
        let object = &mut programs.object;
        let tables = Tables::take(object, options.opener_places)?;
        let marks = Marks::take(object)?;
        let lives = Lives::take(object)?;
        let threads = match report.stacks {
            StackReport::Full => Some(Threads::take(object, descriptor(object, THREADS)?)?),
            _ => None,
        };
        let program = match report.snapshot {
            SnapshotReport::Iterator => {
                Some(descriptor(object, ITERATOR).or_else(|_| descriptor(object, ITERATOR_OLD))?)
            }
            SnapshotReport::Proc { .. } => None,
        };
        let queues = Queues::take(object)?;
        let processes = Processes::new(groups(options));
        let looker = Looker::new(program, tables.clone(), queues, processes);
        let mut kernel = Self {
            ring: Ring::take(object)?,
            failures: Counts::failures(object)?,
            logs: logs::open(object, options.log_level),
            demand: Demand::new(programs, interest, plan, lives)?,
            tables,
            marks,
            decoder: Decoder::new(groups(options)),
            meter: LossMeter::default(),
            report,
            stacks: Vec::new(),
            threads,
            looker: Some(looker),
        };
        while kernel.ring.drain(|_| {}) {}
        drop(kernel.losses());
        Ok(kernel)
    }

    /// What is attached and what works.
    pub const fn report(&self) -> &HookReport {
        &self.report
    }

    /// Brings what the report says of attached hooks up to date.
    pub fn refresh_report(&mut self) -> &HookReport {
        self.demand.describe(&mut self.report);
        &self.report
    }

    /// What looks at the kernel's sockets, for a thread of its own; once.
    pub const fn looker(&mut self) -> Option<Looker> {
        self.looker.take()
    }

    /// From now on this is told. Attaches the hooks that it needs and detaches those that it does not.
    pub fn set_interest(&mut self, interest: Interest) -> Result<(), KernelError> {
        self.demand.set_interest(interest)
    }

    /// From now on every change of this socket makes a record, unless both its places are other sockets'.
    pub fn mark(&mut self, sock: u64) {
        self.marks.add(sock);
        let done = self.demand.marks_changed(&self.marks);
        log_failure(done);
    }

    /// No longer.
    pub fn unmark(&mut self, sock: u64) {
        self.marks.remove(sock);
    }

    /// Marks that were refused because both places were taken.
    pub const fn refused_marks(&self) -> u64 {
        self.marks.refused()
    }

    /// Adds what is half-closed now, without a system call.
    pub fn scan(&mut self, into: &mut Vec<Candidate>) {
        self.tables.scan(into);
    }

    /// Frees the place of a candidate that a look, begun after its FIN, did not find.
    pub fn clear(&mut self, sock: u64, fin_at: Timestamp) {
        self.tables.free(sock, fin_at);
    }

    /// Who opened connections, as far back as the table reaches.
    pub fn openers(&mut self) -> Vec<Opened> {
        let (tables, processes) = (&self.tables, &mut self.decoder.processes);
        tables.openers().filter_map(|place| opened(&place, processes)).collect()
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
        threads.list(pid).unwrap_or_else(|error| {
            tracing::debug!(%error, pid, "the threads of a process cannot be listed");
            Vec::new()
        })
    }

    /// What was lost since the last call, by reason; empty if nothing was, or if the counters cannot be read. Called
    /// from time to time, it also takes hooks away that nobody needs any more.
    pub fn losses(&mut self) -> Vec<Loss> {
        let done = self.demand.tidy(&self.marks);
        log_failure(done);
        match self.failures.read() {
            Ok(failures) => self.meter.update(&failures, self.decoder.malformed()),
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
        Ok(Counter::ALL.iter().map(|counter| (*counter, value(*counter))).collect())
    }

    /// How often a hook was reached and no program ran, because it was running on that CPU already (`recursion_misses`
    /// of `struct bpf_prog_info`, since 5.12). What a copy saw is not missed. One file per program is read.
    pub fn missed_runs(&self) -> u64 {
        let misses: BTreeMap<Hook, u64> = self
            .demand
            .programs
            .attached()
            .map(|hook| (hook, missed(&self.demand.programs.object, hook)))
            .collect();
        let has_copy = |hook: &Hook| {
            let copy = |other: &Hook| other.is_copy() && other.target() == hook.target();
            !hook.is_copy() && misses.keys().any(copy)
        };
        misses.iter().filter(|(hook, _)| !has_copy(hook)).map(|(_, missed)| missed).sum()
    }

    /// The minisocks of these network namespaces, all if empty, and the namespaces that cannot be entered.
    #[expect(clippy::unused_self, reason = "callers need not know that no program takes part")]
    pub fn time_wait(&self, namespaces: &[u32]) -> Result<(Vec<Unheld>, Vec<u32>), KernelError> {
        let (minisocks, failures) =
            sock_diag::minisocks(namespaces).map_err(|source| KernelError::Io {
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
    #[expect(clippy::unused_self, reason = "callers need not know that no program takes part")]
    pub fn local_ports(&self, namespaces: &[u32]) -> Result<Vec<LocalPorts>, KernelError> {
        local_ports::list(namespaces).map_err(|source| KernelError::Io {
            what: "read the local ports of a network namespace",
            source,
        })
    }

    /// The time on the clock of all records.
    #[expect(clippy::unused_self, reason = "callers need not know where the clock is")]
    pub fn now(&self) -> Timestamp {
        clock::now()
    }
}

/// Hooks on demand that do not come or go are told once each time; nothing else depends on them.
fn log_failure(done: Result<(), KernelError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "what the kernel programs tell cannot be changed");
    }
}

/// A descriptor of its own for a program.
fn descriptor(object: &Ebpf, name: &'static str) -> Result<OwnedFd, KernelError> {
    let program = object.program(name).and_then(|program| program.fd().ok());
    let program = program.ok_or(KernelError::Object(name))?;
    sys::duplicate(program).map_err(|source| KernelError::Io {
        what: "duplicate a descriptor",
        source,
    })
}

fn opened(place: &OpenerPlace, processes: &mut Processes) -> Option<Opened> {
    let ip = address::ip(place.family, place.peer_addr)?;
    Some(Opened {
        sock: place.sock,
        peer: SocketAddr::new(ip, place.peer_port),
        netns: place.netns,
        owner: processes.owner(&place.owner, Timestamp::from_nanos(place.time_ns))?,
    })
}

/// Kernels before 5.12 do not tell.
fn missed(object: &Ebpf, hook: Hook) -> u64 {
    let read = || {
        let program = object.program(hook.program())?.fd().ok()?;
        let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?;
        line.trim().parse().ok()
    };
    read().unwrap_or(0)
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
        f.debug_struct("Kernel").field("report", &self.report).finish_non_exhaustive()
    }
}
