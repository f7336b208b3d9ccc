//! Descriptors by the thousand, processes by the hundred, and the same process number again.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::names::{healed, hostile, told};
use crate::daemon::Daemon;
use crate::program::Program;
use crate::setting::setting;
use crate::trial::skip;
use crate::watch::Watch;

/// How long processes come and go.
const SWARM: Duration = Duration::from_secs(4);

/// A process with as many descriptors as it may have leaks one, while others come and go: that one is told, at its
/// descriptor, and nobody else.
pub(crate) fn descriptors_and_processes() -> Result<()> {
    let daemon = Daemon::start(&["--states", "close_wait"])?;
    let mut watch = Watch::new(&daemon);
    let mut swarm = hostile("swarm", b"", &[], &[])?;
    swarm.did("swarming")?;
    let begun = Instant::now();
    let hoarder = hostile("hoard", b"hoarder", &[], &[])?;
    let held = hoarder.did("hoarding")?.connections;
    let (leaking, _, finding) = told(&mut watch, &hoarder)?;
    ensure!(
        leaking.fd as usize > held,
        "descriptor {} of {held}",
        leaking.fd
    );
    thread::sleep(SWARM.saturating_sub(begun.elapsed()));
    swarm.tell("exit")?;
    let count = swarm.did("swarmed")?.connections;
    let rate = f64::from(u32::try_from(count)?) / begun.elapsed().as_secs_f64();
    println!("{held} descriptors in one process, {count} others, {rate:.0} a second");
    ensure!(
        setting().guest.is_some() || rate > 20.0,
        "only {rate:.0} processes a second"
    );
    let others = watch.count(|event| {
        let about = event.finding.as_ref().map(|told| &told.id);
        about.is_some_and(|id| *id != finding.id)
    });
    ensure!(others == 0, "{others} findings about others");
    swarm.end()?;
    healed(&watch, hoarder, &finding)?;
    watch.finish()?;
    daemon.stop().map(drop)
}

/// The next process gets the number of one that leaked and is gone: what is told of it is its own.
pub(crate) fn the_same_number_again() -> Result<()> {
    let daemon = Daemon::start(&[])?;
    let mut watch = Watch::new(&daemon);
    let mut first = hostile("leak", b"first", &[], &[])?;
    let (leaking, before, finding) = told(&mut watch, &first)?;
    first.kill()?;
    watch.resolved(&finding)?;
    let Some(second) = with_number(leaking.pid)? else {
        return skip("this machine gives no process the number that is asked for");
    };
    let (again, after, finding) = told(&mut watch, &second)?;
    ensure!(again.pid == leaking.pid, "process {}", again.pid);
    let (before, after) = (before.process, after.process);
    let (before, after) = (before.context("no process")?, after.context("no process")?);
    ensure!(
        (&*before.comm, &*after.comm) == ("first", "second"),
        "{} {}",
        before.comm,
        after.comm
    );
    ensure!(
        before.start_time != after.start_time,
        "started at {}",
        after.start_time
    );
    healed(&watch, second, &finding)?;
    watch.finish()?;
    daemon.stop().map(drop)
}

/// Others take numbers, too: some tries may be needed.
fn with_number(pid: u32) -> Result<Option<Program>> {
    for _ in 0..50 {
        if fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).is_err() {
            return Ok(None);
        }
        let mut program = hostile("leak", b"second", &[], &[])?;
        if program.pid() == pid {
            return Ok(Some(program));
        }
        program.kill()?;
    }
    Ok(None)
}
