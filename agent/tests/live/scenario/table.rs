//! The table of hooks, and the whole of a stream.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use finback_common::hook::{Flavour, Hook, Signal};

use crate::daemon::{Daemon, run_command};
use crate::scenario::command::output_of;
use crate::setting::setting;
use crate::trial::{stop_shared, with_shared_stream};
use crate::wire::{Hello, Kind};

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
        ensure!(!kinds.contains(&Kind::Lost), "records were lost");
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

/// `run --check`: every required hook of every signal that has a flavour is marked `firing`; a forced flavour serves
/// all signals that it claims.
pub(crate) fn every_hook_fires() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let output = output_of(&mut run_command(&dir, &["--check"])?)?;
    let table = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(0),
        "{}: {errors}",
        output.status
    );
    for signal in Signal::ALL {
        ensure!(
            table.contains(signal.name()),
            "no signal {} in\n{table}",
            signal.name()
        );
    }
    for hook in Hook::ALL.iter().filter(|hook| is_claimed(**hook)) {
        let row = row_of(&table, *hook)
            .with_context(|| format!("no row for {} in\n{table}", hook.program()))?;
        ensure!(row.contains("firing"), "{}: {row}", hook.program());
    }
    Ok(())
}

/// What must fire on this kernel when the flavour is forced. With `auto` the agent chooses; its choice is checked by
/// the tests that need the signals.
fn is_claimed(hook: Hook) -> bool {
    if !setting().forced() {
        return hook == Hook::TpSetState || hook == Hook::TpDestroySock;
    }
    let flavour = Flavour::ALL
        .iter()
        .find(|flavour| flavour.name() == setting().attach);
    let too_old =
        matches!(hook, Hook::TpRecvLength | Hook::TpSendLength) && kernel_version() < (6, 3);
    hook.required() && Some(&hook.flavour()) == flavour && !too_old
}

fn row_of(table: &str, hook: Hook) -> Option<&str> {
    let named = |row: &&str| {
        let words: Vec<_> = row.split_whitespace().collect();
        words.contains(&hook.target()) && words.contains(&hook.flavour().name())
    };
    table.lines().find(named)
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
    let output = output_of(command.arg("doctor"))?;
    let table = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(0),
        "{}: {table}{errors}",
        output.status
    );
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
