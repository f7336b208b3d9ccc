//! The door to the kernel: what it can do, which programs run in it, what they say, and looks at its sockets.

pub mod btf;
pub mod cgroup;
pub mod clock;
pub mod error;
pub mod load;
pub mod netns;
pub mod pin;
pub mod record;

mod address;
mod count;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod glance;
mod processes;
mod snapshot;
mod sys;
mod table;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use aya::Ebpf;
use aya_log::EbpfLogger;
use finback_common::counter::Counter;
use finback_common::map;
use finback_common::record::kind;

use self::cgroup::Groups;
use self::count::Counts;
pub use self::error::{ErrorKind, KernelError};
pub use self::glance::Glance;
use self::load::demand::Demand;
use self::load::logs;
use self::load::missed::Missed;
use self::load::object::{ITERATOR, THREADS};
pub use self::load::options::{Attach, Options};
pub use self::load::prerequisites::prerequisites;
pub use self::load::report::HookReport;
use self::load::report::{SnapshotReport, StackReport};
use self::load::runs::{self, Runs};
use self::pin::{PinReport, Pins};
use self::processes::Processes;
use self::record::decode::Decoder;
use self::record::loss::LossMeter;
use self::record::ring::Ring;
use self::record::stack::RawStack;
pub use self::snapshot::Looker;
use self::snapshot::Threads;
use self::table::{Marks, Queues, Tables};
use finback_core::model::interest::Interest;
use finback_core::model::look::Candidate;
use finback_core::model::observation::{Loss, Observation};
use finback_core::model::time::Timestamp;

/// The programs in the kernel and everything they say. Dropping it detaches them.
pub struct Kernel {
    demand: Box<Demand>,
    ring: Ring,
    tables: Tables,
    marks: Marks,
    failures: Counts,
    decoder: Decoder,
    meter: LossMeter,
    missed: Missed,
    logs: Option<EbpfLogger<logs::Forward>>,
    report: HookReport,
    stacks: Vec<RawStack>,
    looker: Option<Box<Looker>>,
    pins: Pins,
}

impl Kernel {
    /// Checks what must be there, loads and attaches the programs, and proves each hook on connections of its own.
    /// They make no records: until somebody asks for them there are none.
    pub fn load(options: &Options) -> Result<Self, KernelError> {
        options.check()?;
        let found = prerequisites()?;
        let loaded = load::load(options, found.release, found.limits)?;
        let (mut demand, report, mut pins) = loaded;
        let object = &mut demand.programs.object;
        let tables = Tables::take(object, options.opener_places)?;
        if pins.table(map::HALF).is_some() {
            mend(&tables, &mut pins);
        }
        let threads = threads(object, &report)?;
        let looker = looker(object, &report.snapshot, threads, tables.clone(), options)?;
        let mut kernel = Self {
            ring: Ring::take(object)?,
            failures: Counts::failures(object)?,
            marks: Marks::take(object)?,
            logs: logs::open(object, options.log_level),
            demand,
            tables,
            decoder: Decoder::new(groups(options)),
            meter: LossMeter::default(),
            missed: Missed::default(),
            report,
            stacks: Vec::new(),
            looker: Some(Box::new(looker)),
            pins,
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

    /// What is pinned now.
    pub fn pins(&self) -> PinReport {
        self.pins.report()
    }

    /// Whether everything that is watched all the time has been watched without a gap since an earlier daemon began.
    pub const fn is_uninterrupted(&self) -> bool {
        self.pins.is_uninterrupted()
    }

    /// Nobody listens any more. What is pinned goes on, if it is to, and tells nobody anything.
    pub fn leave(&mut self, go_on: bool) {
        self.marks.clear();
        let done = self.demand.leave();
        log_failure(done);
        if !go_on {
            self.pins.give_up("its daemon has ended for good".into());
        }
    }

    /// What looks at the kernel's sockets, for a thread of its own; once.
    pub fn looker(&mut self) -> Option<Looker> {
        self.looker.take().map(|looker| *looker)
    }

    /// From now on this is told. Attaches the hooks that it needs and detaches those that it does not.
    pub fn set_interest(&mut self, interest: Interest) -> Result<(), KernelError> {
        self.demand.set_interest(interest)?;
        // What was missed before has nothing to do with what is told from now on.
        self.missed_runs();
        Ok(())
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
        Ok(Counter::ALL
            .iter()
            .map(|counter| (*counter, value(*counter)))
            .collect())
    }

    /// How often every attached program ran, and how long. One file per program is read.
    pub fn runs(&self) -> Vec<Runs> {
        runs::all(&self.demand.programs)
    }

    /// How often a hook was reached since the last call and no program saw it, because it was running on that CPU already:
    /// what it would have told is missing. One file per attached program is read.
    pub fn missed_runs(&mut self) -> u64 {
        self.missed.update(&self.demand.programs)
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

/// Frees what is damaged in a table that is older than this process.
fn mend(tables: &Tables, pins: &mut Pins) {
    let damaged = tables.mend();
    if damaged > 0 {
        pins.note(format!(
            "{damaged} places of the table of half-closed sockets were damaged and are free now"
        ));
    }
}

/// Has the allocator give freed memory back early; to be called first.
pub fn keep_little_freed_memory() {
    sys::keep_little_freed_memory();
}

/// Gives memory that this process has freed back to the system, where its allocator would keep it.
pub fn release_freed_memory() {
    sys::release_freed_memory();
}

/// Changes with every boot of the host; empty where the kernel does not say.
pub fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// Hooks on demand that do not come or go are told once each time; nothing else depends on them.
fn log_failure(done: Result<(), KernelError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "what the kernel programs tell cannot be changed");
    }
}

fn looker(
    object: &mut Ebpf,
    report: &SnapshotReport,
    threads: Option<Threads>,
    tables: Tables,
    options: &Options,
) -> Result<Looker, KernelError> {
    let program = match report {
        SnapshotReport::Iterator => Some(descriptor(object, ITERATOR)?),
        SnapshotReport::Proc { .. } => None,
    };
    let processes = Processes::new(groups(options));
    Ok(Looker::new(
        program,
        threads,
        tables,
        Queues::take(object)?,
        processes,
    ))
}

fn threads(object: &mut Ebpf, report: &HookReport) -> Result<Option<Threads>, KernelError> {
    if report.stacks != StackReport::Full {
        return Ok(None);
    }
    let program = descriptor(object, THREADS)?;
    Threads::take(object, program).map(Some)
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
