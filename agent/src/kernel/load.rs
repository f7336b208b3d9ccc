//! Finds by trial what this kernel offers: load, attach, prove; whatever was refused or stays silent is replaced
//! by the next flavour. Switches are frozen when the object is loaded, so a plan that needs other switches
//! starts over with a fresh object.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use std::{fs, thread};

use aya::programs::Iter;
use aya::{Ebpf, EbpfLoader};
use finback_common::hook::{self, Flavour, Hook, Signal};
use finback_common::offsets::Offsets;
use finback_common::settings::Settings;
use finback_common::{global, map};
use rustix::process::{Resource, Rlimit, setrlimit};
use zerocopy::IntoBytes as _;

use super::attach::{Types, attach, detach, reason};
use super::btf::{self, Btf};
use super::counters::{Counts, of};
use super::error::KernelError;
use super::object::{ITERATOR, ITERATOR_TARGET, OBJECT};
use super::options::Options;
use super::plan::{Plan, hooks};
use super::prove::make_traffic;
use super::report::{
    HookReport, HookRow, HookStatus, Means, SignalReport, SnapshotReport, StackReport,
};
use super::{offsets, slim, stacks, sys};

/// The switches hang on these two: they are tried before anything is attached in vain.
const FIRST: &[Signal] = &[Signal::Open, Signal::Accept];

/// What runs in the kernel now.
pub(super) struct Loaded {
    pub(super) object: Ebpf,
    pub(super) hits: Counts,
    pub(super) report: HookReport,
}

/// Loads and attaches what `options` ask for and this kernel offers. `kernel` and `limits` go into the report.
pub(super) fn load(
    options: &Options,
    kernel: String,
    limits: Vec<String>,
) -> Result<Loaded, KernelError> {
    lift_memory_lock();
    let loaded = search(options, kernel, limits);
    sys::release_freed_memory();
    loaded
}

/// Before 5.11 maps and programs count as locked memory, of which 64 KiB are allowed by default.
fn lift_memory_lock() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if let Err(error) = setrlimit(Resource::Memlock, unlimited) {
        // Newer kernels do not need it; an older one says EPERM at the first map.
        tracing::debug!(%error, "the limit for locked memory stays");
    }
}

fn search(options: &Options, kernel: String, limits: Vec<String>) -> Result<Loaded, KernelError> {
    let bytes = fs::read(btf::PATH).map_err(|source| KernelError::NoBtf { source })?;
    let btf = Btf::parse(&bytes).map_err(KernelError::Btf)?;
    let offsets = offsets::resolve(&btf)?;
    let aya = slim::table(&btf)?;
    let types = Types {
        kernel: &btf,
        aya: &aya,
    };
    let registers = if options.stacks {
        stacks::registers(&btf)
    } else {
        None
    };
    let mut plan = Plan::new(options, registers.unwrap_or(0));
    let mut failures = BTreeMap::new();
    // Every round that does not end refuses at least one flavour of one signal.
    for _ in 0..=hook::COUNT {
        let mut trial = Trial::begin(options, &plan, &offsets)?;
        trial.attach_all(options, &types, &mut plan, &mut failures);
        if plan.settings(options) != trial.settings {
            continue;
        }
        let unproven = trial.prove(&mut plan, &mut failures)?;
        if trial.is_what(&plan) {
            return trial.finish(&plan, &types, &failures, unproven, kernel, limits);
        }
    }
    Err(KernelError::Object(
        "set of hooks that this kernel keeps attached",
    ))
}

type Failures = BTreeMap<Hook, HookStatus>;

/// One object in the kernel, with some hooks attached.
struct Trial {
    object: Ebpf,
    hits: Counts,
    settings: Settings,
    stacks: bool,
    attached: BTreeSet<Hook>,
    firing: BTreeSet<Hook>,
}

impl Trial {
    fn begin(options: &Options, plan: &Plan, offsets: &Offsets) -> Result<Self, KernelError> {
        let settings = plan.settings(options);
        let mut object = EbpfLoader::new()
            // The object has no relocations against the kernel's types; without this, aya reads them all once more.
            .btf(None)
            .override_global(global::OFFSETS, offsets.as_bytes(), true)
            .override_global(global::SETTINGS, settings.as_bytes(), true)
            .override_global(global::LOG_LEVEL, &options.log_level, false)
            .map_max_entries(map::RECORDS, options.ring_bytes)
            .map_max_entries(map::SOCKETS, options.max_sockets)
            .load(OBJECT)
            .map_err(KernelError::load)?;
        Ok(Self {
            hits: Counts::hits(&mut object)?,
            object,
            settings,
            stacks: options.stacks,
            attached: BTreeSet::new(),
            firing: BTreeSet::new(),
        })
    }

    /// Attaches for every signal the first flavour that lets itself be attached.
    fn attach_all(
        &mut self,
        options: &Options,
        types: &Types<'_>,
        plan: &mut Plan,
        failures: &mut Failures,
    ) {
        let later = Signal::ALL.iter().filter(|signal| !FIRST.contains(signal));
        for signal in FIRST.iter().chain(later) {
            if !FIRST.contains(signal) && plan.settings(options) != self.settings {
                return;
            }
            while let Means::Hooks { flavour } = plan.means(*signal) {
                match self.attach_signal(*signal, flavour, types, failures) {
                    Ok(()) => break,
                    Err(reason) => plan.refuse(*signal, flavour, reason),
                }
            }
        }
    }

    fn attach_signal(
        &mut self,
        signal: Signal,
        flavour: Flavour,
        types: &Types<'_>,
        failures: &mut Failures,
    ) -> Result<(), String> {
        for hook in hooks(signal, flavour) {
            if let Err(reason) = attach(&mut self.object, hook, types) {
                failures.insert(
                    hook,
                    HookStatus::Missing {
                        reason: reason.clone(),
                    },
                );
                if hook.required() {
                    self.detach(signal, flavour);
                    return Err(reason);
                }
            } else {
                failures.remove(&hook);
                self.attached.insert(hook);
            }
        }
        Ok(())
    }

    fn detach(&mut self, signal: Signal, flavour: Flavour) {
        for hook in hooks(signal, flavour) {
            if self.attached.remove(&hook)
                && let Err(error) = detach(&mut self.object, hook)
            {
                tracing::warn!(
                    program = hook.program(),
                    error,
                    "a program that is not needed stays loaded"
                );
            }
        }
    }

    /// Makes traffic and looks which hooks saw it. Refuses what was required and stayed silent; if the traffic could
    /// not be made, says why and refuses nothing.
    fn prove(
        &mut self,
        plan: &mut Plan,
        failures: &mut Failures,
    ) -> Result<Option<String>, KernelError> {
        /// Some work is done after the system call has returned, on another CPU.
        const LOOKS: u32 = 10;
        let before = self.hits.read()?;
        let traffic = make_traffic();
        for look in 0..LOOKS {
            let after = self.hits.read()?;
            let fired = |hook: &&Hook| of(&after, **hook) > of(&before, **hook);
            self.firing = self.attached.iter().filter(fired).copied().collect();
            if self.silent().next().is_none() {
                break;
            }
            thread::sleep(Duration::from_millis(u64::from(look)));
        }
        if let Err(error) = traffic {
            return Ok(Some(format!(
                "the test connections on loopback failed: {error}"
            )));
        }
        for hook in self.silent().collect::<Vec<_>>() {
            failures.insert(hook, HookStatus::Silent);
            plan.refuse(
                hook.signal(),
                hook.flavour(),
                format!("{} attached but silent", hook.target()),
            );
        }
        Ok(None)
    }

    fn silent(&self) -> impl Iterator<Item = Hook> {
        self.attached
            .difference(&self.firing)
            .copied()
            .filter(|hook| hook.required())
    }

    /// Whether what is attached is what the plan wants.
    fn is_what(&self, plan: &Plan) -> bool {
        self.attached.iter().all(|hook| {
            let flavour = hook.flavour();
            plan.means(hook.signal()) == Means::Hooks { flavour }
        })
    }

    fn finish(
        mut self,
        plan: &Plan,
        types: &Types<'_>,
        failures: &Failures,
        unproven: Option<String>,
        kernel: String,
        limits: Vec<String>,
    ) -> Result<Loaded, KernelError> {
        if let Means::Missing { reason } = plan.means(Signal::State) {
            return Err(KernelError::NoSignal {
                signal: Signal::State,
                reasons: reason,
            });
        }
        let snapshot = self.load_iterator(types);
        let stacks = self.load_stacks(types);
        let hits = self.hits.read()?;
        let signals = Signal::ALL
            .iter()
            .map(|signal| self.row(*signal, plan, failures, &hits, unproven.is_some()));
        let report = HookReport {
            kernel,
            signals: signals.collect(),
            snapshot,
            stacks,
            limits,
            unproven,
        };
        Ok(Loaded {
            object: self.object,
            hits: self.hits,
            report,
        })
    }

    fn load_iterator(&mut self, types: &Types<'_>) -> SnapshotReport {
        let missing = |reason| SnapshotReport::Proc { reason };
        let Some(program) = self.object.program_mut(ITERATOR) else {
            return missing(format!("the object has no program {ITERATOR}"));
        };
        let loaded = <&mut Iter>::try_from(program)
            .and_then(|program| program.load(ITERATOR_TARGET, types.aya));
        loaded.map_or_else(
            |error| missing(reason(&error)),
            |()| SnapshotReport::Iterator,
        )
    }

    fn load_stacks(&mut self, types: &Types<'_>) -> StackReport {
        if !self.stacks {
            return StackReport::Off;
        }
        if self.settings.stack_registers == 0 {
            let reason = "the kernel's types do not tell where a thread's registers are".to_owned();
            return StackReport::Missing { reason };
        }
        stacks::load(&mut self.object, types.aya).map_or_else(
            |reason| StackReport::WithoutIterator { reason },
            |()| StackReport::Full,
        )
    }

    fn row(
        &self,
        signal: Signal,
        plan: &Plan,
        failures: &Failures,
        hits: &[u64],
        unproven: bool,
    ) -> SignalReport {
        let mut rows: Vec<HookRow> = Vec::new();
        for hook in Hook::ALL
            .iter()
            .copied()
            .filter(|hook| hook.signal() == signal)
        {
            let status = match (self.attached.contains(&hook), failures.get(&hook)) {
                (true, _) if self.firing.contains(&hook) => HookStatus::Firing,
                (true, _) if unproven => HookStatus::Unproven,
                (true, _) => HookStatus::Silent,
                (false, Some(status)) => status.clone(),
                // Never tried: a cheaper flavour did.
                (false, None) => continue,
            };
            rows.push(HookRow {
                program: hook.program(),
                target: hook.target(),
                hook,
                flavour: hook.flavour(),
                required: hook.required(),
                status,
                hits: of(hits, hook),
            });
        }
        rows.sort_by_key(|row| (!self.attached.contains(&row.hook), row.flavour));
        SignalReport {
            signal,
            means: plan.means(signal),
            hooks: rows,
        }
    }
}
