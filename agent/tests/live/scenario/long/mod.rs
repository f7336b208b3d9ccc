//! A long random run: whatever is lost on the way, the stream ends with the truth.

mod cast;
mod wanted;

use std::env;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};

use cast::Cast;
use wanted::{differs, wanted};

use crate::netns::Netns;
use crate::program::Did;
use crate::setting::setting;
use crate::ss::{Sockets, brief_ends, compare, from_ss, until};
use crate::subject::{STATES, Subject};

/// A few thousand records: a busy moment fills it.
const RING: &str = "262144";
/// Longer than a busy machine keeps a server from closing.
const CONFIG: &str = r#"
scan_interval = "2s"
[thresholds]
never_accepted = "8s"
eof_unread = "8s"
eof_not_requested = "8s"
not_closed = "8s"
inherited = "8s"
stale_pooled = "8s"
dead_open = "8s"
peer_not_closing = "8s"
"#;

/// How long the last records may take.
const QUIET: Duration = Duration::from_secs(90);

/// How many connections; an emulated processor is a hundred times slower.
fn connections() -> usize {
    let default = if setting().guest.is_some() {
        2_000
    } else {
        100_000
    };
    chosen("FINBACK_TEST_CONNECTIONS").unwrap_or(default)
}

fn chosen<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

/// 100,000 connections of mixed behaviour (`actor::Script`), made by several processes, through a ring that overflows
/// again and again. In the end the stream says exactly what the kernel says, every connection that was left in a bad
/// state is found with its process and descriptor, and nothing else is.
pub(crate) fn random_run() -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = chosen("FINBACK_TEST_SEED").unwrap_or(u64::from(now.subsec_nanos()));
    let begun = Instant::now();
    let namespace = Netns::new()?;
    brief_ends(&namespace)?;
    let mut subject = Subject::start(CONFIG, &["--ring-bytes", RING, "--states", STATES])?;
    let mut cast = Cast::start(&namespace, seed)?;
    let made = cast.perform(&subject)?;
    let played = begun.elapsed();
    let kept = cast.report()?;
    let result = judge(&subject, &namespace, &kept, &cast.ports())
        .and_then(|()| cast.leave())
        .and_then(|()| nothing_is_left(&subject, &namespace));
    let found = begun.elapsed();
    let stopped = result.and_then(|()| subject.stop());
    let picture = subject.replay.picture();
    println!(
        "seed {seed}: {made} connections in {played:.1?}, judged after {found:.1?}: {} events, {} records lost in {} \
         announcements, {} comparisons corrected {}, {} ends kept, {} findings resolved",
        picture.events,
        picture.lost.0,
        picture.lost.1,
        picture.resyncs.0,
        picture.resyncs.1,
        kept.len(),
        picture.resolved
    );
    picture.check().with_context(|| format!("seed {seed}"))?;
    stopped.with_context(|| format!("seed {seed}"))
}

/// The stream is what the kernel is, and the findings are what the actors did.
fn judge(subject: &Subject, namespace: &Netns, kept: &[Did], servers: &[u16]) -> Result<()> {
    let netns = namespace.inode()?;
    compare(&subject.replay, namespace, &Sockets::new(), QUIET)?;
    let wanted = wanted(kept, servers, &from_ss(namespace)?)?;
    ensure!(!wanted.is_empty(), "nothing was left open");
    let patience = Duration::from_secs(40) + setting().patience();
    let mut difference = String::new();
    let found = until(patience, "findings", || {
        difference = differs(&subject.replay.picture(), netns, &wanted);
        Ok(difference.is_empty())
    });
    found.with_context(|| difference)?;
    let picture = subject.replay.picture();
    ensure!(
        picture.lost.0 > 0 && picture.resyncs.0 > 0,
        "nothing was lost"
    );
    ensure!(!picture.torn, "a loss and no comparison after it");
    Ok(())
}

/// The actors have gone: every finding is resolved, and the stream is still what the kernel is.
fn nothing_is_left(subject: &Subject, namespace: &Netns) -> Result<()> {
    let netns = namespace.inode()?;
    until(2 * setting().patience(), "end of all findings", || {
        let picture = subject.replay.picture();
        let mut sockets = picture.open.values().filter_map(|f| f.socket.as_ref());
        Ok(!sockets.any(|socket| socket.netns == netns))
    })?;
    compare(&subject.replay, namespace, &Sockets::new(), QUIET)
}
