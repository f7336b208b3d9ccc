//! What must hold after a fault.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::count;
use crate::ground::{Ends, Ground, Planted};
use crate::http;
use crate::replay::{Finding, Picture};
use crate::ss::{Sockets, compare, from_ss, until, without};
use crate::subject::{STATES, Subject};
use crate::usage::Usage;

/// So soon all must be well again.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// What an allocator may keep of what it was once given, KiB; more would be a leak, or a table without a bound.
const KEPT: u64 = 8 << 10;
/// The same after thousands of findings or sockets, whose incident is remembered for a minute, and at length, when every
/// queue and table that has a bound was full once.
const KEPT_OF_THOUSANDS: u64 = 16 << 10;

/// A leak may look like a pause of a reader that reads again: six times as long as nobody could look, which counts
/// three seconds at most.
pub(crate) const PAUSE: Duration = Duration::from_secs(18);
/// Longer than a busy machine keeps a server from closing.
pub(crate) const THRESHOLD: Duration = Duration::from_secs(3);

/// Of a daemon under test.
pub(crate) fn config() -> String {
    let names = [
        "never_accepted",
        "eof_unread",
        "eof_not_requested",
        "not_closed",
        "inherited",
        "stale_pooled",
        "dead_open",
        "peer_not_closing",
    ];
    let all = names.map(|name| format!("{name} = \"{}s\"\n", THRESHOLD.as_secs()));
    format!("scan_interval = \"1s\"\n[thresholds]\n{}", all.concat())
}

/// A daemon that tells everything, and what it uses before anything happens.
pub(crate) fn subject(more: &[&str]) -> Result<Subject> {
    Subject::start(&config(), &[&["--states", STATES], more].concat())
}

/// How it was before a fault.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) usage: Usage,
    /// What was there, whoever may have seen it come.
    sockets: Sockets,
    /// Whether the daemon tells changes of state.
    pub(crate) streams: bool,
}

/// Waits until the planted leaks are found: the calm before a fault.
pub(crate) fn calm(subject: &Subject, ground: &Ground) -> Result<Before> {
    found(subject, ground)?;
    Ok(Before {
        usage: Usage::of(subject.pid())?,
        sockets: from_ss(ground.namespace())?,
        streams: true,
    })
}

/// No wrong finding, the table is the kernel's within 10 s, and the memory is back at its level. Nothing may change in
/// the namespace meanwhile.
pub(crate) fn holds(subject: &Subject, ground: &Ground, before: &Before) -> Result<()> {
    holds_with(
        subject,
        ground,
        before,
        (count(KEPT_OF_THOUSANDS, KEPT), SOON),
    )
}

/// The same where there were thousands. At length it is waited until they are forgotten.
pub(crate) fn holds_after_thousands(
    subject: &Subject,
    ground: &Ground,
    before: &Before,
) -> Result<()> {
    let forgotten = (KEPT_OF_THOUSANDS, 10 * SOON);
    let allowed = count(forgotten, (KEPT_OF_THOUSANDS, SOON));
    holds_with(subject, ground, before, allowed)
}

fn holds_with(
    subject: &Subject,
    ground: &Ground,
    before: &Before,
    allowed: (u64, Duration),
) -> Result<()> {
    told_right(subject, ground, before)?;
    let before = before.usage;
    let after = level(subject, before, allowed)?;
    println!(
        "  own memory {} -> {} KiB, resident {} -> {} KiB, descriptors {} -> {}",
        before.own,
        after.own,
        before.resident,
        after.resident,
        before.descriptors,
        after.descriptors
    );
    subject.replay.picture().check()
}

/// The tables are the kernel's, and the findings right.
pub(crate) fn told_right(subject: &Subject, ground: &Ground, before: &Before) -> Result<()> {
    let begun = Instant::now();
    settled(subject, ground, before).with_context(|| subject.errors())?;
    let table = begun.elapsed();
    found(subject, ground)?;
    println!(
        "  as the kernel's after {table:.1?}, {} findings right after {:.1?}",
        ground.planted().len(),
        begun.elapsed()
    );
    Ok(())
}

/// Both tables: what the stream adds up to, and what is shown to who asks.
fn settled(subject: &Subject, ground: &Ground, before: &Before) -> Result<()> {
    let begun = Instant::now();
    if before.streams {
        let older = &before.sockets;
        compare(&subject.replay, ground.namespace(), older, SOON).context("the stream")?;
    }
    let left = SOON.saturating_sub(begun.elapsed());
    let mut difference = String::new();
    let equal = until(left.max(Duration::from_secs(1)), "equality with ss", || {
        let theirs = held(from_ss(ground.namespace())?);
        let ours = shown(subject, ground.namespace().inode()?)?;
        let (more, less) = (without(&ours, &theirs), without(&theirs, &ours));
        difference = format!("only shown: {more:?}; only in ss: {less:?}");
        Ok(more.is_empty() && less.is_empty())
    });
    equal.context(difference).context("/v1/connections")
}

/// States in which a descriptor or an accept queue has it.
fn held(mut sockets: Sockets) -> Sockets {
    sockets.retain(|(.., state)| matches!(&**state, "established" | "close_wait"));
    sockets
}

/// What the daemon shows of a namespace.
fn shown(subject: &Subject, netns: u32) -> Result<Sockets> {
    let mut sockets = Sockets::new();
    for line in ask(subject, "/v1/connections")?.lines() {
        let line: Value = serde_json::from_str(line).context("not JSON")?;
        if line["socket"]["netns"] != netns {
            continue;
        }
        let network = &line["network"];
        let end = |end: &Value| -> Result<std::net::SocketAddr> {
            let address = end["address"].as_str().context("no address")?;
            let port = end["port"].as_u64().context("no port")?;
            Ok(std::net::SocketAddr::new(
                address.parse()?,
                port.try_into()?,
            ))
        };
        let state = network["connection"]["state"]
            .as_str()
            .context("no state")?;
        if state != "listen" {
            sockets.push((
                end(&network["local"])?,
                end(&network["peer"])?,
                state.to_owned(),
            ));
        }
    }
    sockets.sort_unstable();
    Ok(held(sockets))
}

/// What the daemon answers.
pub(crate) fn ask(subject: &Subject, path: &str) -> Result<String> {
    let stream = UnixStream::connect(subject.file("finback.sock"))?;
    stream.set_read_timeout(Some(SOON))?;
    let answer = http::get(stream, path, "").with_context(|| format!("no answer to {path}"))?;
    ensure!(
        answer
            .head
            .lines()
            .next()
            .is_some_and(|line| line.contains(" 200 ")),
        "{path}: {}{}",
        answer.head,
        answer.body
    );
    Ok(answer.body)
}

/// What the daemon says of a connection.
pub(crate) fn explained(subject: &Subject, (local, peer): Ends) -> Result<String> {
    let what = http::encoded(&format!("{local} {peer}"));
    ask(subject, &format!("/v1/explain?what={what}"))
}

/// A number of the status by its path.
pub(crate) fn number(subject: &Subject, pointer: &str) -> Result<u64> {
    let status: Value = serde_json::from_str(&ask(subject, "/v1/status")?)?;
    let number = status.pointer(pointer).and_then(Value::as_u64);
    number.with_context(|| format!("no {pointer}"))
}

/// Every leak has its finding, and there never was another one.
pub(crate) fn found(subject: &Subject, ground: &Ground) -> Result<()> {
    let netns = ground.namespace().inode()?;
    let mut difference = String::new();
    let found = until(PAUSE + SOON, "findings", || {
        difference = differs(&subject.replay.picture(), netns, ground.planted());
        Ok(difference.is_empty())
    });
    found.with_context(|| format!("{difference}\n{}", subject.errors()))?;
    never_wrong(&subject.replay.picture(), netns, ground)
}

/// Every finding that was ever opened there was about a leak, and right.
pub(crate) fn never_wrong(picture: &Picture, netns: u32, ground: &Ground) -> Result<()> {
    for finding in &picture.opened {
        let Some(ends) = ends(finding, netns) else {
            continue;
        };
        let planted = ground.ever().get(&ends);
        if !planted.is_some_and(|planted| planted.verdicts.contains(&&*finding.verdict)) {
            bail!("a wrong finding: {finding:?}; planted: {planted:?}");
        }
    }
    Ok(())
}

fn ends(finding: &Finding, netns: u32) -> Option<Ends> {
    let socket = finding.socket.as_ref().filter(|s| s.netns == netns)?;
    Some((socket.local, socket.peer))
}

/// What is found and not planted, and the other way round.
fn differs(picture: &Picture, netns: u32, planted: &BTreeMap<Ends, Planted>) -> String {
    let mut missing = planted.clone();
    let mut text = Vec::new();
    for finding in picture.open.values() {
        let Some(ends) = ends(finding, netns) else {
            continue;
        };
        let planted = missing.remove(&ends);
        let right = planted.as_ref().is_some_and(|planted| {
            planted.verdicts.contains(&&*finding.verdict) && planted.holders == finding.holders
        });
        if !right {
            text.push(format!("{finding:?} instead of {planted:?}"));
        }
    }
    text.extend(
        missing
            .iter()
            .map(|missing| format!("not found: {missing:?}")),
    );
    text.join("\n")
}

/// Its own memory is back at its level, and so are its descriptors.
fn level(subject: &Subject, before: Usage, (kept, patience): (u64, Duration)) -> Result<Usage> {
    let mut after = before;
    let back = until(patience, "return to the level of before", || {
        after = Usage::of(subject.pid())?;
        Ok(after.own <= before.own + kept && after.descriptors <= before.descriptors)
    });
    back.with_context(|| format!("{before:?}, then {after:?}"))?;
    Ok(after)
}
