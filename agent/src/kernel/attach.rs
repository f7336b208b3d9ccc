//! Loads one program and attaches it. A refusal is an answer, not an error: the reason is kept.

use aya::programs::{Program, ProgramError};
use aya::{Btf as AyaBtf, Ebpf};
use finback_common::hook::{Hook, Kind};

use super::btf::Btf;

/// What is needed to attach a hook.
pub(super) struct Types<'a> {
    /// The kernel's types.
    pub(super) kernel: &'a Btf<'a>,
    /// The same for aya.
    pub(super) aya: &'a AyaBtf,
}

/// Attaches a hook for as long as `object` lives, or says why it cannot be.
pub(super) fn attach(object: &mut Ebpf, hook: Hook, types: &Types<'_>) -> Result<(), String> {
    exists(hook, types.kernel)?;
    let Some(program) = object.program_mut(hook.program()) else {
        return Err(format!("the object has no program {}", hook.program()));
    };
    load_and_attach(program, hook.target(), types.aya).map_err(|error| reason(&error))
}

/// Detaches a hook and unloads its program.
pub(super) fn detach(object: &mut Ebpf, hook: Hook) -> Result<(), String> {
    let unloaded = match object.program_mut(hook.program()) {
        Some(Program::KProbe(probe)) => probe.unload(),
        Some(Program::FEntry(entry)) => entry.unload(),
        Some(Program::FExit(exit)) => exit.unload(),
        Some(Program::BtfTracePoint(tracepoint)) => tracepoint.unload(),
        _ => Err(ProgramError::UnexpectedProgramType),
    };
    unloaded.map_err(|error| reason(&error))
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

fn load_and_attach(program: &mut Program, target: &str, btf: &AyaBtf) -> Result<(), ProgramError> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "aya has thirty kinds of programs, the object four"
    )]
    match program {
        Program::KProbe(probe) => {
            probe.load()?;
            probe.attach(target, 0)?;
        }
        Program::FEntry(entry) => {
            entry.load(target, btf)?;
            entry.attach()?;
        }
        Program::FExit(exit) => {
            exit.load(target, btf)?;
            exit.attach()?;
        }
        Program::BtfTracePoint(tracepoint) => {
            tracepoint.load(target, btf)?;
            tracepoint.attach()?;
        }
        _ => return Err(ProgramError::UnexpectedProgramType),
    }
    Ok(())
}

/// The kernel's own words: every cause, and the end of the verifier's log, where it says what it minds.
pub(super) fn reason(error: &ProgramError) -> String {
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
        return format!("load refused: {io_error}{tail}");
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
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
