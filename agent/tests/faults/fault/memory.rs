//! Little memory, many sockets.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cgroup::Group;
use crate::count;
use crate::daemon::run_command;
use crate::fault::tables::Held;
use crate::ground::Ground;
use crate::subject::{STATES, Subject};
use crate::trial::skip;
use crate::truth::{calm, config, holds_after_thousands, told_right};

/// What it is meant to live in on a small host; the unit of the packages allows it more.
const LIMIT: u64 = 64 << 20;

/// The kernel's tables, the ring and the daemon in 64 MiB, beside sockets by the ten thousand that come, stay and go: as a
/// service beside as many as there is room for, and with changes of state told beside fewer.
pub(crate) fn limit() -> Result<()> {
    let Some(group) = Group::with_memory(LIMIT)? else {
        return skip("no control group here has the memory controller");
    };
    let sockets: usize = count(100_000, 10_000);
    let ground = Ground::leaking()?;
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("finback.toml"), config())?;
    let streams = count(false, true);
    let told = if streams {
        ["--states", STATES]
    } else {
        ["--select", "incident,finding"]
    };
    let command = run_command(&dir, &told)?;
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
        .arg(group.processes().context("no group")?)
        .arg(command.get_program())
        .args(command.get_args());
    let mut subject = Subject::launch(dir, limited)?;
    subject.greeted()?;
    let mut before = calm(&subject, &ground)?;
    before.streams = streams;
    let pairs = count(3, 1);
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
