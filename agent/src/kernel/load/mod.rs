//! Finds by trial what this kernel offers: load, attach, prove; whatever was refused or stays silent is replaced
//! by the next flavour. Then detaches what only somebody who listens needs.

pub mod options;
pub mod prerequisites;
pub mod report;
pub mod runs;

pub(in crate::kernel) mod attach;
pub(in crate::kernel) mod demand;
mod keep;
pub(in crate::kernel) mod logs;
pub(in crate::kernel) mod missed;
pub(in crate::kernel) mod object;
mod plan;
mod prove;

use std::collections::{BTreeMap, BTreeSet};

use aya::maps::{Array, MapData};
use aya::{Ebpf, EbpfLoader};
use finback_common::hook::{self, Flavour, Hook, Signal};
use finback_common::interest::PROVING;
use finback_common::settings::Settings;
use finback_common::{global, map};
use rustix::process::{Resource, Rlimit, setrlimit};
use zerocopy::IntoBytes as _;

use self::attach::{Programs, Types, with_types};
use self::demand::Demand;
use self::object::{ITERATOR, ITERATOR_TARGET, OBJECT, THREADS, THREADS_TARGET};
use self::options::Options;
use self::plan::{Plan, hooks};
use self::report::{
    HookReport, HookRow, HookStatus, Means, SignalReport, SnapshotReport, StackReport,
};
use super::btf::offsets::{LOOK, Resolved, needs, registers};
use super::count::{self, of};
use super::error::KernelError;
use super::pin::Pins;

/// Loads and attaches what `options` ask for and this kernel offers. `kernel` and `limits` go into the report.
pub(super) fn load(
    options: &Options,
    kernel: String,
    limits: Vec<String>,
) -> Result<(Box<Demand>, HookReport, Pins), KernelError> {
    lift_memory_lock();
    with_types(|types| search(options, kernel, limits, types))?
}

/// Loads what looks need and nothing else: no hook is attached, no connection is made. Gives the object, which must live as
/// long as looks are made, and how they are made.
pub(super) fn load_look(options: &Options) -> Result<(Ebpf, SnapshotReport), KernelError> {
    lift_memory_lock();
    with_types(|types| {
        let resolved = Resolved::new(types.kernel);
        let mut trial = Trial::begin(
            options,
            &options.settings(0, resolved.socket_bytes),
            &resolved,
            None,
        )?;
        let report = trial.load_look(types, &resolved);
        Ok((trial.programs.object, report))
    })?
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

fn search(
    options: &Options,
    kernel: String,
    mut limits: Vec<String>,
    types: &Types<'_>,
) -> Result<(Box<Demand>, HookReport, Pins), KernelError> {
    let resolved = Resolved::new(types.kernel);
    let stack = if options.stacks {
        registers(types.kernel, &resolved)
    } else {
        None
    };
    limits.extend(
        resolved
            .lesser_lacks()
            .map(|(loss, why)| format!("{why}: {loss}")),
    );

    let mut plan = Plan::new(options.attach);
    for signal in Signal::ALL {
        if let Some(lack) = resolved.lack(needs(*signal)) {
            plan.refuse_all(*signal, &lack.to_string());
        }
    }
    let settings = options.settings(stack.unwrap_or(0), resolved.socket_bytes);
    let shapes = keep::shapes(options);
    let mut pins = Pins::begin(&options.pins, &shapes, keep::keep_up);
    let mut trial = Trial::begin(options, &settings, &resolved, Some(&pins))?;
    let unproven = trial.settle(&mut plan, types)?;
    let snapshot = trial.load_look(types, &resolved);
    let stacks = trial.load_stacks(options, stack.is_some(), types);
    check_sight(&plan)?;
    let signals = trial.rows(&plan, unproven.is_some())?;
    let Trial {
        programs, interest, ..
    } = trial;
    let report = HookReport {
        kernel,
        signals,
        snapshot,
        stacks,
        limits,
        unproven,
    };
    let seen = pins.all_go_on(&shapes) && keep::have_seen_all(pins.links(), &plan);
    pins.set_uninterrupted(seen);
    let mut demand = Box::new(Demand::new(programs, interest, plan)?);
    keep::keep(&mut pins, &mut demand.programs, &shapes);
    Ok((demand, report, pins))
}

/// Without any moment of a change the agent would only look, and that is not what was asked for.
fn check_sight(plan: &Plan) -> Result<(), KernelError> {
    match (plan.means(Signal::Half), plan.means(Signal::State)) {
        (Means::Hooks { .. }, _) => Ok(()),
        (_, Means::Missing { reason }) => Err(KernelError::NoSignal {
            signal: Signal::State,
            reasons: reason,
        }),
        _ => Ok(()),
    }
}

/// One object in the kernel, with some hooks attached.
struct Trial {
    programs: Programs,
    interest: Array<MapData, u64>,
    firing: BTreeSet<Hook>,
    failures: BTreeMap<Hook, HookStatus>,
}

impl Trial {
    fn begin(
        options: &Options,
        settings: &Settings,
        resolved: &Resolved,
        pins: Option<&Pins>,
    ) -> Result<Self, KernelError> {
        let mut loader = EbpfLoader::new();
        for name in [map::HALF, map::OPENERS] {
            if let Some(path) = pins.and_then(|pins| pins.table(name)) {
                loader.map_pin_path(name, path);
            }
        }
        let mut object = loader
            // The object has no relocations against the kernel's types; without this, aya reads them all once more.
            .btf(None)
            .override_global(global::OFFSETS, resolved.offsets.as_bytes(), true)
            .override_global(global::SETTINGS, settings.as_bytes(), true)
            .override_global(global::LOG_LEVEL, &options.log_level, false)
            .map_max_entries(map::RECORDS, options.ring_bytes)
            .map_max_entries(map::OPENERS, options.opener_places)
            .load(OBJECT)
            .map_err(KernelError::load)?;
        let interest = object
            .take_map(map::INTEREST)
            .ok_or(KernelError::Object(map::INTEREST))?;
        Ok(Self {
            interest: interest
                .try_into()
                .map_err(|e| KernelError::map(map::INTEREST, e))?,
            programs: Programs::new(object),
            firing: BTreeSet::new(),
            failures: BTreeMap::new(),
        })
    }

    /// Attaches, proves and replaces until what is attached is what the plan wants. Says why hooks could not be proven
    /// if the traffic for that could not be made.
    fn settle(
        &mut self,
        plan: &mut Plan,
        types: &Types<'_>,
    ) -> Result<Option<String>, KernelError> {
        // Every round that does not end refuses at least one flavour of one signal.
        for _ in 0..=hook::COUNT {
            self.attach_all(plan, types);
            let unproven = self.prove(plan)?;
            if self.is_what(plan) {
                return Ok(unproven);
            }
        }
        Err(KernelError::Object(
            "set of hooks that this kernel keeps attached",
        ))
    }

    /// Attaches for every signal the first flavour that lets itself be attached.
    fn attach_all(&mut self, plan: &mut Plan, types: &Types<'_>) {
        for signal in Signal::ALL {
            while let Means::Hooks { flavour } = plan.means(*signal) {
                match self.attach_signal(*signal, flavour, types) {
                    Ok(()) => break,
                    Err(reason) => self.refuse(plan, *signal, flavour, reason),
                }
            }
        }
    }

    fn attach_signal(
        &mut self,
        signal: Signal,
        flavour: Flavour,
        types: &Types<'_>,
    ) -> Result<(), String> {
        for hook in hooks(signal, flavour) {
            let done = self
                .programs
                .load(hook, types)
                .and_then(|()| self.programs.attach(hook));
            if let Err(reason) = done {
                self.unload(hook);
                let status = HookStatus::Missing {
                    reason: reason.clone(),
                };
                self.failures.insert(hook, status);
                if hook.required() {
                    return Err(reason);
                }
            }
        }
        Ok(())
    }

    /// Takes a flavour out of the kernel and out of the plan.
    fn refuse(&mut self, plan: &mut Plan, signal: Signal, flavour: Flavour, reason: String) {
        for hook in hooks(signal, flavour) {
            self.unload(hook);
        }
        plan.refuse(signal, flavour, reason);
    }

    fn unload(&mut self, hook: Hook) {
        if let Err(error) = self.programs.unload(hook) {
            let program = hook.program();
            tracing::warn!(program, error, "a program that is not needed stays loaded");
        }
    }

    /// Makes traffic and looks which hooks saw it. Refuses what was required and stayed silent; if the traffic could
    /// not be made, says why and refuses nothing.
    fn prove(&mut self, plan: &mut Plan) -> Result<Option<String>, KernelError> {
        let before = count::hits(&self.programs.object)?;
        self.tell(PROVING)?;
        let traffic = prove::make_traffic();
        let fired = self.wait_for_hits(&before);
        self.tell(0)?;
        fired?;
        let minisocks_may_be_refused = prove::minisocks_are_used_up();
        if let Err(error) = traffic {
            return Ok(Some(format!(
                "the test connections on loopback failed: {error}"
            )));
        }
        for hook in self.silent().collect::<Vec<_>>() {
            if hook.signal() == Signal::TimeWait && minisocks_may_be_refused {
                continue;
            }
            self.failures.insert(hook, HookStatus::Silent);
            let reason = format!("{} attached but silent", hook.target());
            self.refuse(plan, hook.signal(), hook.flavour(), reason);
        }
        Ok(None)
    }

    /// Some work is done after the system call has returned, on another CPU.
    fn wait_for_hits(&mut self, before: &[u64]) -> Result<(), KernelError> {
        const LOOKS: u64 = 10;
        for look in 0..LOOKS {
            let after = count::hits(&self.programs.object)?;
            let fired = |hook: &Hook| of(&after, *hook) > of(before, *hook);
            self.firing = self.programs.attached().filter(fired).collect();
            if self.silent().next().is_none() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(look));
        }
        Ok(())
    }

    fn tell(&mut self, interest: u64) -> Result<(), KernelError> {
        let written = self.interest.set(0, interest, 0);
        written.map_err(|error| KernelError::map(map::INTEREST, error))
    }

    fn silent(&self) -> impl Iterator<Item = Hook> {
        let attached = self.programs.attached();
        attached.filter(|hook| hook.required() && !self.firing.contains(hook))
    }

    /// Whether what is attached is what the plan wants.
    fn is_what(&self, plan: &Plan) -> bool {
        Signal::ALL.iter().all(|signal| match plan.means(*signal) {
            Means::Hooks { flavour } => hooks(*signal, flavour)
                .filter(|hook| hook.required())
                .all(|hook| self.programs.is_attached(hook)),
            Means::ThroughState | Means::Look | Means::Sweep | Means::Missing { .. } => true,
        })
    }

    fn load_look(&mut self, types: &Types<'_>, resolved: &Resolved) -> SnapshotReport {
        let loaded = match resolved.lack(LOOK) {
            Some(lack) => Err(lack.to_string()),
            None => self
                .programs
                .load_iterator(ITERATOR, ITERATOR_TARGET, types.aya),
        };
        loaded.map_or_else(
            |reason| SnapshotReport::Proc { reason },
            |()| SnapshotReport::Iterator,
        )
    }

    fn load_stacks(&mut self, options: &Options, known: bool, types: &Types<'_>) -> StackReport {
        if !options.stacks {
            return StackReport::Off;
        }
        if !known {
            let reason = "the kernel's types do not tell where a thread's registers are".to_owned();
            return StackReport::Missing { reason };
        }
        let loaded = self
            .programs
            .load_iterator(THREADS, THREADS_TARGET, types.aya);
        loaded.map_or_else(
            |reason| StackReport::WithoutIterator { reason },
            |()| StackReport::Full,
        )
    }

    fn rows(&self, plan: &Plan, unproven: bool) -> Result<Vec<SignalReport>, KernelError> {
        let hits = count::hits(&self.programs.object)?;
        let rows = Signal::ALL
            .iter()
            .map(|signal| self.row(*signal, plan, &hits, unproven));
        Ok(rows.collect())
    }

    fn row(&self, signal: Signal, plan: &Plan, hits: &[u64], unproven: bool) -> SignalReport {
        let mut rows: Vec<HookRow> = Vec::new();
        for hook in Hook::ALL
            .iter()
            .copied()
            .filter(|hook| hook.signal() == signal)
        {
            let attached = self.programs.is_attached(hook);
            let status = match (attached, self.failures.get(&hook)) {
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
                attached,
                verified: self.programs.verified(hook),
            });
        }
        rows.sort_by_key(|row| (!row.attached, row.flavour));
        SignalReport {
            signal,
            means: plan.means(signal),
            hooks: rows,
        }
    }
}
