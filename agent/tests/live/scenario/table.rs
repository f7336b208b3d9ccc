//! The table of hooks, and the whole of a stream.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use finback_common::hook::{Flavour, Hook, Signal};
use serde::Deserialize;

use crate::daemon::{Daemon, run_command};
use crate::scenario::command::output_of;
use crate::setting::setting;
use crate::trial::{stop_shared, with_shared_stream};
use crate::wire::{Event, Hello, Kind};

/// Everything that the shared daemon has said until here, and its end.
pub(crate) fn whole_stream() -> Result<()> {
    let kinds = with_shared_stream(|stream| {
        stream.check()?;
        let first = stream.select(0, |event| event.kind == Kind::Hello);
        check_hello(
            first
                .first()
                .and_then(|event| event.hello.as_deref())
                .context("no hello")?,
        )?;
        let kinds = stream
            .select(0, |_| true)
            .iter()
            .map(|event| event.kind)
            .collect();
        Ok::<BTreeSet<Kind>, anyhow::Error>(kinds)
    })?;
    if let Some(kinds) = kinds {
        for kind in [Kind::Hello, Kind::Transition, Kind::Finding] {
            ensure!(kinds.contains(&kind), "no {kind:?} among {kinds:?}");
        }
        let lost = with_shared_stream(|stream| {
            let other = |event: &Event| event.lost.as_ref().is_some_and(|lost| !lost.is_missed());
            Ok(stream.count(0, other))
        })?;
        ensure!(lost == Some(0), "records were lost");
    } else {
        Daemon::start(&[])?.stop()?;
    }
    stop_shared()
}

/// The first line says where this is and how each signal is learnt.
fn check_hello(hello: &Hello) -> Result<()> {
    let machine = rustix::system::uname();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    ensure!(
        hello.version == env!("CARGO_PKG_VERSION"),
        "version {}",
        hello.version
    );
    ensure!(
        hello.host == machine.nodename().to_string_lossy(),
        "host {}",
        hello.host
    );
    ensure!(
        hello.kernel == machine.release().to_string_lossy(),
        "kernel {}",
        hello.kernel
    );
    ensure!(hello.boot_id == boot.trim(), "boot id {}", hello.boot_id);
    let signals: Vec<_> = hello.signals.keys().map(String::as_str).collect();
    let mut all: Vec<_> = Signal::ALL.iter().map(|signal| signal.name()).collect();
    all.sort_unstable();
    ensure!(signals == all, "signals {signals:?}");
    Ok(())
}

/// Every hook that a flavour must have on this kernel fires, and with `auto` no signal is missing. `run --check`
/// leaves with 0 and prints the same as a table.
pub(crate) fn every_hook_fires() -> Result<()> {
    // Tracepoints are on every kernel.
    let more: &[&str] = if setting().forced() {
        &[]
    } else {
        &["tracepoint"]
    };
    for attach in [setting().attach.as_str()].iter().chain(more) {
        check_hooks(attach).with_context(|| format!("--attach {attach}"))?;
    }
    let dir = tempfile::tempdir()?;
    let table = succeed(&mut run_command(&dir, &["--check"])?)?;
    for signal in Signal::ALL {
        let named = |row: &str| row.split_whitespace().next() == Some(signal.name());
        ensure!(
            table.lines().any(named),
            "no signal {} in\n{table}",
            signal.name()
        );
    }
    ensure!(table.contains(" firing "), "nothing fires in\n{table}");
    Ok(())
}

fn check_hooks(attach: &str) -> Result<()> {
    let mut command = Command::new(&setting().finback);
    let report = succeed(command.args(["doctor", "--format", "json", "--attach", attach]))?;
    let report: Report = serde_json::from_str(&report).context(report)?;
    let missing: Vec<_> = report
        .signals
        .iter()
        .filter(|row| row.means == "missing")
        .collect();
    ensure!(
        attach != "auto" || missing.is_empty(),
        "missing: {missing:?}"
    );
    for row in &report.signals {
        for hook in row
            .hooks
            .iter()
            .filter(|hook| row.flavour.as_ref() == Some(&hook.flavour))
        {
            ensure!(hook.fires() || !hook.required, "{}: {hook:?}", row.signal);
        }
    }
    let flavour = Flavour::ALL.iter().find(|flavour| flavour.name() == attach);
    for hook in Hook::ALL
        .iter()
        .filter(|hook| Some(&hook.flavour()) == flavour && is_claimed(**hook))
    {
        let row = report
            .signals
            .iter()
            .flat_map(|row| &row.hooks)
            .find(|row| row.program == hook.program());
        ensure!(
            row.is_some_and(HookRow::fires),
            "{}: {row:?}",
            hook.program()
        );
    }
    Ok(())
}

/// What a forced flavour must have: all that it needs, as far as the kernel is not older than the hook.
fn is_claimed(hook: Hook) -> bool {
    let too_old = hook == Hook::TpRecvLength && kernel_version() < (6, 3);
    hook.required() && !too_old
}

#[derive(Debug, Deserialize)]
struct Report {
    signals: Vec<SignalRow>,
}

#[derive(Debug, Deserialize)]
struct SignalRow {
    signal: String,
    means: String,
    #[serde(default)]
    flavour: Option<String>,
    hooks: Vec<HookRow>,
}

#[derive(Debug, Deserialize)]
struct HookRow {
    program: String,
    flavour: String,
    required: bool,
    status: String,
    hits: u64,
}

impl HookRow {
    fn fires(&self) -> bool {
        self.status == "firing" && self.hits > 0
    }
}

/// Runs a command that must leave with 0; gives what it wrote.
fn succeed(command: &mut Command) -> Result<String> {
    let output = output_of(command)?;
    let written = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(0),
        "{}: {errors}{written}",
        output.status
    );
    Ok(written)
}

/// Major and minor number of the running kernel.
pub(crate) fn kernel_version() -> (u32, u32) {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|word| word.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// `doctor` leaves with 0 where the daemon can run, and says for each signal how it is served.
pub(crate) fn doctor() -> Result<()> {
    let mut command = Command::new(&setting().finback);
    let table = succeed(command.arg("doctor"))?;
    for signal in Signal::ALL {
        ensure!(
            table.contains(signal.name()),
            "no signal {} in\n{table}",
            signal.name()
        );
    }
    ensure!(table.contains("firing"), "nothing fires:\n{table}");
    Ok(())
}
