//! Compares what the daemon says about a scenario with what the table says.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::daemon::lines;
use super::owner::{self, Holder};
use super::play::{Link, Run, Scene};
use super::report::Outcome;
use super::setting::setting;
use super::table::{self, Expect, Of, Who};
use super::wire::{Action, Event};

/// What has come of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) outcomes: Vec<Outcome>,
    /// What is not as it must be, for a human.
    pub(crate) faults: Vec<String>,
    /// It does not count: the daemon had said that it was not told everything.
    pub(crate) void: bool,
}

/// Waits for everything that is expected, or long enough to be sure that nothing comes.
pub(crate) fn judge(run: &Run, scene: &Scene<'_>, from: usize) -> Result<Judgement> {
    let mut judgement = Judgement::default();
    let faults = &mut judgement.faults;
    if scene.scenario.expect.is_empty() {
        thread::sleep(table::calm());
    }
    for expect in scene.scenario.expect {
        let mut outcome = Outcome::new(scene.scenario, expect);
        for link in expected_links(scene, expect.of) {
            outcome.expected += 1;
            one(run, scene, from, expect, link, &mut outcome, faults)?;
        }
        judgement.outcomes.push(outcome);
    }
    faults.extend(unexpected(run, scene, from));
    Ok(judgement)
}

/// `None` stands for the process itself.
fn expected_links<'a>(scene: &'a Scene<'_>, of: Of) -> Vec<Option<&'a Link>> {
    let links = scene.links.iter().map(Some);
    match of {
        Of::Each => links.collect(),
        Of::First(count) => links.take(count).collect(),
        Of::After(count) => links.skip(count).collect(),
        Of::Process => vec![None],
    }
}

fn one(
    run: &Run,
    scene: &Scene<'_>,
    from: usize,
    expect: &Expect,
    link: Option<&Link>,
    outcome: &mut Outcome,
    faults: &mut Vec<String>,
) -> Result<()> {
    let about = |event: &Event| is_about(event, scene, expect, link);
    let verdict = |event: &Event| {
        event.finding.as_ref().is_some_and(|finding| {
            finding.verdict == expect.verdict && finding.action != Action::Resolved
        })
    };
    let patience = table::threshold(expect.verdict) + setting().patience();
    let stream = run.daemon.stream();
    let found = stream.wait_for(from, patience, |event| about(event) && verdict(event));
    let Some(event) = found else {
        let others = stream.select(from, |event| about(event) && event.finding.is_some());
        claim(run, &others);
        outcome.wrong_verdict += usize::from(!others.is_empty());
        faults.push(format!(
            "{} of {link:?} was not found; instead: {}\n{}",
            expect.verdict,
            lines(&others),
            lines(&stream.select(from, |event| about(event)))
        ));
        return Ok(());
    };
    claim(run, std::slice::from_ref(&event));
    outcome.found += 1;
    outcome.delays.push(delay(&event, scene, expect, link)?);
    let wrong = wrong_owner(&event, scene, expect, link)?;
    outcome.wrong_process += usize::from(wrong.is_some());
    faults.extend(wrong);
    faults.extend(too_early(&event, expect));
    Ok(())
}

/// Whether an event is about this connection, seen from the expected side, or about the process.
fn is_about(event: &Event, scene: &Scene<'_>, expect: &Expect, link: Option<&Link>) -> bool {
    let Some(link) = link else {
        return event.pid() == Some(owner_pid(scene, expect));
    };
    let here = match expect.who {
        Who::Test => (link.test, link.program),
        Who::Program | Who::Child => (link.program, link.test),
    };
    is_at(event, scene, here)
}

fn is_at(event: &Event, scene: &Scene<'_>, here: (u16, u16)) -> bool {
    let ports = event
        .ends()
        .map(|(local, peer)| (local.port(), peer.port()));
    let netns = event.socket.as_ref().map(|socket| socket.netns);
    ports == Some(here) && netns == Some(scene.netns)
}

/// The process that must be named.
fn owner_pid(scene: &Scene<'_>, expect: &Expect) -> u32 {
    let said = scene.said.as_ref().map(|did| did.pid);
    match expect.who {
        Who::Test => std::process::id(),
        Who::Program => scene.pid,
        Who::Child => said.unwrap_or_default(),
    }
}

fn wrong_owner(
    event: &Event,
    scene: &Scene<'_>,
    expect: &Expect,
    link: Option<&Link>,
) -> Result<Option<String>> {
    let pid = owner_pid(scene, expect);
    if event.pid() != Some(pid) {
        return Ok(Some(format!(
            "{}: process {:?}, not {pid}",
            expect.verdict,
            event.pid()
        )));
    }
    let Some(link) = link else { return Ok(None) };
    let expected = true_holders(scene, expect, link)?;
    let finding = event.finding.as_ref();
    let named: BTreeSet<Holder> = finding
        .iter()
        .flat_map(|finding| &finding.holders)
        .map(|holder| (holder.pid, holder.fd))
        .collect();
    let wrong = named != expected || named.is_empty();
    Ok(wrong.then(|| format!("{}: holders {named:?}, not {expected:?}", expect.verdict)))
}

/// By the kernel's own files; a socket that they no longer list, by what the program itself said.
fn true_holders(scene: &Scene<'_>, expect: &Expect, link: &Link) -> Result<BTreeSet<Holder>> {
    let holders = match expect.who {
        Who::Test => link.own_holders()?,
        Who::Program | Who::Child => link.holders()?,
    };
    if !holders.is_empty() {
        return Ok(holders);
    }
    if expect.verdict == "never_accepted" {
        let inode = owner::inode(scene.listening.unwrap_or_default(), 0)?;
        return Ok(inode.map(owner::holders).unwrap_or_default());
    }
    let said = scene.said.as_ref().filter(|did| did.inode != 0);
    Ok(said
        .map(|did| owner::holders(did.inode))
        .unwrap_or_default())
}

/// No verdict holds sooner after the FIN than its threshold says.
fn too_early(event: &Event, expect: &Expect) -> Option<String> {
    let lasted = event.finding.as_ref()?.half_closed_ns?;
    let threshold = table::threshold(expect.verdict);
    (Duration::from_nanos(lasted) < threshold)
        .then(|| format!("{}: after {lasted} ns, not {threshold:?}", expect.verdict))
}

/// From the moment at which both sides had done their last, less the threshold.
fn delay(
    event: &Event,
    scene: &Scene<'_>,
    expect: &Expect,
    link: Option<&Link>,
) -> Result<Duration> {
    let at: Timestamp = event.time.parse()?;
    let moments = [Some(scene.established), link.map(|link| link.done)];
    let since = moments.into_iter().flatten().filter(|moment| *moment <= at);
    let lasted = since.max().map_or(Duration::ZERO, |since| {
        at.duration_since(since).unsigned_abs()
    });
    Ok(lasted.saturating_sub(table::threshold(expect.verdict)))
}

fn claim(run: &Run, events: &[Event]) {
    let ids = events
        .iter()
        .filter_map(|event| Some(event.finding.as_ref()?.id.to_string()));
    run.shared().claimed.extend(ids);
}

/// Lets every finding about the scenario pass.
pub(crate) fn claim_all(run: &Run, scene: &Scene<'_>, from: usize) {
    claim(run, &opened(run, scene, from));
}

/// Findings about the scenario's connections or its process.
fn opened(run: &Run, scene: &Scene<'_>, from: usize) -> Vec<Event> {
    run.daemon.stream().select(from, |event| {
        let ours = scene.links.iter().any(|link| {
            is_at(event, scene, (link.program, link.test))
                || is_at(event, scene, (link.test, link.program))
        });
        let finding = event.finding.as_ref();
        (ours || event.pid() == Some(scene.pid))
            && finding.is_some_and(|finding| finding.action == Action::Opened)
    })
}

/// Those that the table does not name.
fn unexpected(run: &Run, scene: &Scene<'_>, from: usize) -> Option<String> {
    let mut events = opened(run, scene, from);
    let shared = run.shared();
    events.retain(|event| {
        let finding = event.finding.as_ref();
        finding.is_some_and(|finding| !shared.claimed.contains(&finding.id.to_string()))
    });
    (!events.is_empty()).then(|| format!("false alarm: {}", lines(&events)))
}
