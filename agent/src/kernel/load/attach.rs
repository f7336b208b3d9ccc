//! Loads programs and attaches them. A refusal is an answer, not an error: the reason is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use aya::maps::Map;
use aya::programs::fentry::FEntryLinkId;
use aya::programs::fexit::FExitLinkId;
use aya::programs::kprobe::KProbeLinkId;
use aya::programs::links::FdLink;
use aya::programs::tp_btf::BtfTracePointLinkId;
use aya::programs::{Iter, Program, ProgramError};
use aya::{Btf as AyaBtf, Ebpf};
use finback_common::hook::{Hook, Kind};

use crate::kernel::btf::{self, Btf, subset};
use crate::kernel::error::KernelError;
use crate::kernel::sys::release_freed_memory;

/// What is needed to load a hook's program.
pub(super) struct Types<'a> {
    /// The kernel's types.
    pub(super) kernel: &'a Btf<'a>,
    /// The same for aya.
    pub(super) aya: &'a AyaBtf,
}

/// Reads the kernel's types for as long as `work` takes.
pub(super) fn with_types<T>(work: impl FnOnce(&Types<'_>) -> T) -> Result<T, KernelError> {
    let done = read_types(work);
    release_freed_memory();
    done
}

fn read_types<T>(work: impl FnOnce(&Types<'_>) -> T) -> Result<T, KernelError> {
    let bytes = fs::read(btf::PATH).map_err(|source| KernelError::NoBtf { source })?;
    let kernel = Btf::parse(&bytes).map_err(KernelError::Btf)?;
    let aya = subset::table(&kernel).map_err(|error| KernelError::load(error.into()))?;
    Ok(work(&Types {
        kernel: &kernel,
        aya: &aya,
    }))
}

/// The programs of one object. Dropping it detaches and unloads them.
pub(in crate::kernel) struct Programs {
    /// The object.
    pub(in crate::kernel) object: Ebpf,
    loaded: BTreeSet<Hook>,
    links: BTreeMap<Hook, Link>,
}

/// An attachment.
enum Link {
    Kprobe(KProbeLinkId),
    Fentry(FEntryLinkId),
    Fexit(FExitLinkId),
    Tracepoint(BtfTracePointLinkId),
    /// Pinned: the program stays attached without this.
    Pinned(FdLink),
}

impl Programs {
    pub(super) const fn new(object: Ebpf) -> Self {
        Self {
            object,
            loaded: BTreeSet::new(),
            links: BTreeMap::new(),
        }
    }

    /// Hooks that are attached.
    pub(in crate::kernel) fn attached(&self) -> impl Iterator<Item = Hook> {
        self.links.keys().copied()
    }

    pub(in crate::kernel) fn is_attached(&self, hook: Hook) -> bool {
        self.links.contains_key(&hook)
    }

    /// Hooks whose program is loaded.
    pub(in crate::kernel) fn loaded(&self) -> impl Iterator<Item = Hook> {
        self.loaded.iter().copied()
    }

    /// Instructions that the verifier followed.
    pub(super) fn verified(&self, hook: Hook) -> Option<u32> {
        let program = self.object.program(hook.program())?;
        program.info().ok()?.verified_instruction_count()
    }

    /// Loads a hook's program, or says why it cannot be.
    pub(super) fn load(&mut self, hook: Hook, types: &Types<'_>) -> Result<(), String> {
        if self.loaded.contains(&hook) {
            return Ok(());
        }
        exists(hook, types.kernel)?;
        let program = self.program(hook)?;
        load(program, hook.target(), types.aya).map_err(|error| reason(&error))?;
        self.loaded.insert(hook);
        Ok(())
    }

    /// Attaches a loaded program.
    pub(in crate::kernel) fn attach(&mut self, hook: Hook) -> Result<(), String> {
        if self.is_attached(hook) {
            return Ok(());
        }
        let link = attach(self.program(hook)?, hook.target()).map_err(|error| reason(&error))?;
        self.links.insert(hook, link);
        Ok(())
    }

    /// Attaches loaded programs, and says of each that cannot be why not.
    ///
    /// Kernels before 5.13 do not attach a program to a function's entry or exit a second time: there it is loaded anew,
    /// for which the kernel's types are read anew.
    pub(in crate::kernel) fn attach_again(&mut self, hooks: &[Hook]) -> Vec<(Hook, String)> {
        let attempt = |hook: &Hook| Some((*hook, self.attach(*hook).err()?));
        let failures: Vec<(Hook, String)> = hooks.iter().filter_map(attempt).collect();
        let is_traced = |hook: Hook| matches!(hook.kind(), Kind::Fentry | Kind::Fexit);
        if !failures.iter().any(|(hook, _)| is_traced(*hook)) {
            return failures;
        }
        let anew = with_types(|types| {
            let attempt = |(hook, _): &(Hook, String)| {
                let done = self.unload(*hook).and_then(|()| self.load(*hook, types));
                Some((*hook, done.and_then(|()| self.attach(*hook)).err()?))
            };
            failures.iter().filter_map(attempt).collect()
        });
        anew.unwrap_or(failures)
    }

    /// Pins an attached program at this path: from then on it stays attached without this process.
    pub(super) fn pin(&mut self, hook: Hook, path: &Path) -> Result<(), String> {
        let link = self.links.remove(&hook).ok_or("it is not attached")?;
        let pinned = take(self.program(hook)?, link).and_then(|link| {
            let pinned = link.pin(path).map_err(|error| with_causes(&error))?;
            Ok(FdLink::from(pinned))
        });
        match pinned {
            Ok(link) => {
                self.links.insert(hook, Link::Pinned(link));
                Ok(())
            }
            // A link that cannot be pinned is gone with the attempt.
            Err(reason) => {
                let failed = self.attach_again(&[hook]).pop();
                Err(failed.map_or(reason, |(_, error)| error))
            }
        }
    }

    /// Pins a table at this path.
    pub(super) fn pin_table(&self, name: &str, path: &Path) -> Result<(), String> {
        match self.object.map(name) {
            Some(Map::Array(data)) => data.pin(path).map_err(|error| with_causes(&error)),
            _ => Err(format!("the object has no table {name}")),
        }
    }

    /// Detaches a program, which stays loaded: to attach it again takes a millisecond.
    pub(in crate::kernel) fn detach(&mut self, hook: Hook) -> Result<(), String> {
        let Some(link) = self.links.remove(&hook) else {
            return Ok(());
        };
        detach(self.program(hook)?, link).map_err(|error| reason(&error))
    }

    /// Detaches a program and takes it out of the kernel.
    pub(super) fn unload(&mut self, hook: Hook) -> Result<(), String> {
        self.links.remove(&hook);
        if !self.loaded.remove(&hook) {
            return Ok(());
        }
        unload(self.program(hook)?).map_err(|error| reason(&error))
    }

    /// Loads an iterator.
    pub(super) fn load_iterator(
        &mut self,
        name: &str,
        target: &str,
        types: &AyaBtf,
    ) -> Result<(), String> {
        let program = self.object.program_mut(name);
        let program = program.ok_or_else(|| format!("the object has no program {name}"))?;
        <&mut Iter>::try_from(program)
            .and_then(|program| program.load(target, types))
            .map_err(|error| reason(&error))
    }

    fn program(&mut self, hook: Hook) -> Result<&mut Program, String> {
        let name = hook.program();
        let program = self.object.program_mut(name);
        program.ok_or_else(|| format!("the object has no program {name}"))
    }
}

/// A clear answer for what BTF can tell. It lists no function of which the compiler made several: for a kprobe the
/// symbol decides, at attach.
fn exists(hook: Hook, btf: &Btf<'_>) -> Result<(), String> {
    let target = hook.target();
    let (found, what) = match hook.kind() {
        Kind::BtfTracepoint => (btf.tracepoint(target).is_some(), "tracepoint"),
        Kind::Fentry | Kind::Fexit => (btf.function(target).is_some(), "function"),
        Kind::Kprobe => (true, "function"),
    };
    if found {
        Ok(())
    } else {
        Err(format!("this kernel has no {what} {target}"))
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "aya has thirty kinds of programs, the object four"
)]
fn load(program: &mut Program, target: &str, btf: &AyaBtf) -> Result<(), ProgramError> {
    match program {
        Program::KProbe(probe) => probe.load(),
        Program::FEntry(entry) => entry.load(target, btf),
        Program::FExit(exit) => exit.load(target, btf),
        Program::BtfTracePoint(tracepoint) => tracepoint.load(target, btf),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "aya has thirty kinds of programs, the object four"
)]
fn attach(program: &mut Program, target: &str) -> Result<Link, ProgramError> {
    match program {
        Program::KProbe(probe) => Ok(Link::Kprobe(probe.attach(target, 0)?)),
        Program::FEntry(entry) => Ok(Link::Fentry(entry.attach()?)),
        Program::FExit(exit) => Ok(Link::Fexit(exit.attach()?)),
        Program::BtfTracePoint(tracepoint) => Ok(Link::Tracepoint(tracepoint.attach()?)),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

fn detach(program: &mut Program, link: Link) -> Result<(), ProgramError> {
    match (program, link) {
        (Program::KProbe(probe), Link::Kprobe(link)) => probe.detach(link),
        (Program::FEntry(entry), Link::Fentry(link)) => entry.detach(link),
        (Program::FExit(exit), Link::Fexit(link)) => exit.detach(link),
        (Program::BtfTracePoint(tracepoint), Link::Tracepoint(link)) => tracepoint.detach(link),
        (_, Link::Pinned(link)) => {
            drop(link);
            Ok(())
        }
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Takes a link out of its program, to be pinned.
fn take(program: &mut Program, link: Link) -> Result<FdLink, String> {
    let taken = match (program, link) {
        (Program::KProbe(probe), Link::Kprobe(link)) => {
            let link = probe.take_link(link).map_err(|error| reason(&error))?;
            return FdLink::try_from(link).map_err(|error| with_causes(&error));
        }
        (Program::FEntry(entry), Link::Fentry(link)) => entry.take_link(link).map(FdLink::from),
        (Program::FExit(exit), Link::Fexit(link)) => exit.take_link(link).map(FdLink::from),
        (Program::BtfTracePoint(tracepoint), Link::Tracepoint(link)) => {
            tracepoint.take_link(link).map(FdLink::from)
        }
        (_, Link::Pinned(link)) => Ok(link),
        _ => Err(ProgramError::UnexpectedProgramType),
    };
    taken.map_err(|error| reason(&error))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "aya has thirty kinds of programs, the object four"
)]
fn unload(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::KProbe(probe) => probe.unload(),
        Program::FEntry(entry) => entry.unload(),
        Program::FExit(exit) => exit.unload(),
        Program::BtfTracePoint(tracepoint) => tracepoint.unload(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// The kernel's own words: every cause, and the end of the verifier's log, where it says what it minds.
fn reason(error: &ProgramError) -> String {
    /// The verdict and the line before; above them stands the whole program.
    const LINES: usize = 2;
    if let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = error
    {
        let log = verifier_log.to_string();
        let said: Vec<&str> = log.lines().filter(|line| is_verdict(line)).collect();
        let tail = &said[said.len().saturating_sub(LINES)..];
        let tail = if tail.is_empty() {
            String::new()
        } else {
            format!(": {}", tail.join(" / "))
        };
        return format!("load refused: {}{tail}", in_words(io_error));
    }
    with_causes(error)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error
            .downcast_ref()
            .map_or_else(|| error.to_string(), in_words);
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// As the system's library says it, but for the one number that only the kernel has a name for.
fn in_words(error: &io::Error) -> String {
    const ENOTSUPP: i32 = 524;
    if error.raw_os_error() == Some(ENOTSUPP) {
        return "the kernel does not support this (ENOTSUPP, os error 524)".to_owned();
    }
    error.to_string()
}

fn is_verdict(line: &str) -> bool {
    let statistics = [
        "processed ",
        "verification time",
        "stack depth",
        "insns ",
        "max_states",
    ];
    !line.trim().is_empty() && !statistics.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use aya::sys::SyscallError;

    use super::*;

    #[test]
    fn every_cause_is_told_once_and_the_kernels_own_number_has_its_name() {
        let refused = |number| {
            reason(&ProgramError::SyscallError(SyscallError {
                call: "bpf_link_create",
                io_error: io::Error::from_raw_os_error(number),
            }))
        };
        let busy = refused(16);
        assert!(busy.starts_with("`bpf_link_create` failed: "), "{busy}");
        assert_eq!(busy.matches("os error 16").count(), 1, "{busy}");
        let unsupported =
            "`bpf_link_create` failed: the kernel does not support this (ENOTSUPP, os error 524)";
        assert_eq!(refused(524), unsupported);
    }
}
