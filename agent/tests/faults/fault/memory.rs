//! Little memory, many sockets.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cgroup::Group;
use crate::count;
use crate::daemon::run_command;
use crate::fault::tables::Held;
use crate::ground::Ground;
use crate::subject::Subject;
use crate::trial::skip;
use crate::truth::{calm, config, holds_after_thousands, told_right};

/// What the unit of the packages gives it.
const LIMIT: u64 = 64 << 20;

/// The kernel's tables, the ring and the daemon as a service in 64 MiB, beside sockets by the ten thousand that come, stay
/// and go. How many more there may be is said in `docs/reliability.md`.
pub(crate) fn limit() -> Result<()> {
    let Some(group) = Group::with_memory(LIMIT)? else {
        return skip("no control group here has the memory controller");
    };
    let sockets: usize = count(50_000, 10_000);
    let ground = Ground::leaking()?;
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("finback.toml"), config())?;
    let command = run_command(&dir, &["--select", "incident,finding"])?;
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
        .arg(group.processes().context("no group")?)
        .arg(command.get_program())
        .args(command.get_args());
    let mut subject = Subject::launch(dir, limited)?;
    subject.greeted()?;
    let mut before = calm(&subject, &ground)?;
    before.streams = false;
    let pairs = count(2, 1);
    let mut held = Vec::new();
    for turn in 0..pairs {
        held.push(Held::new(
            &ground,
            (sockets / 2_usize).div_ceil(pairs),
            turn,
        )?);
    }
    // It is asked for all of them while they are there, and then they go.
    told_right(&subject, &ground, &before)?;
    for pair in &mut held {
        pair.close()?;
    }
    holds_after_thousands(&subject, &ground, &before)?;
    let most = group.number(["memory.peak", "memory.max_usage_in_bytes"]);
    let refused = group.number(["memory.failcnt", "memory.failcnt"]);
    println!(
        "  {sockets} sockets: {:?} MiB of {} at the most, {refused:?} times at the limit",
        most.map(|bytes| bytes >> 20),
        LIMIT >> 20
    );
    ensure!(most.is_none_or(|most| most <= LIMIT), "over the limit");
    subject.stop()?;
    drop(held);
    Ok(())
}
