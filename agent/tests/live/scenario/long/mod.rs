//! A long random run: whatever is lost on the way, the stream ends with the truth.

mod cast;
mod wanted;

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use cast::Cast;
use wanted::{differs, wanted};

use crate::daemon::run_command;
use crate::netns::Netns;
use crate::program::{Did, wait_at_most};
use crate::replay::{Picture, Replay};
use crate::setting::setting;

/// A few thousand records: a busy moment fills it.
const RING: &str = "262144";
/// Every state in which a connection can be found for longer than a moment, and the end.
const STATES: &str = "established,close_wait,fin_wait_2,time_wait,closed";

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
    prepare(&namespace)?;
    let mut subject = Subject::start()?;
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

/// Few TIME_WAIT and orphans for a short time, so that the kernel's table stands still soon.
fn prepare(namespace: &Netns) -> Result<()> {
    namespace.inside(|| {
        fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "3")?;
        if setting().guest.is_none() {
            fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "500")?;
        }
        Ok(())
    })
}

/// The daemon.
struct Subject {
    child: Child,
    replay: Replay,
    _dir: TempDir,
}

impl Subject {
    fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("finback.toml"), CONFIG)?;
        let mut command = run_command(&dir, &["--ring-bytes", RING, "--states", STATES])?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let replay = Replay::new(child.stdout.take().context("no standard output")?);
        let subject = Self {
            child,
            replay,
            _dir: dir,
        };
        let patience = 2 * setting().patience();
        until(
            patience,
            "hello",
            || Ok(subject.replay.picture().events > 0),
        )?;
        Ok(subject)
    }

    /// Does nothing for a while: the ring fills up.
    fn pause(&self, time: Duration) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP)?;
        thread::sleep(time);
        Ok(kill_process(pid, Signal::CONT)?)
    }

    fn stop(&mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = wait_at_most(&mut self.child, 2 * setting().farewell())?;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The stream is what the kernel is, and the findings are what the actors did.
fn judge(subject: &Subject, namespace: &Netns, kept: &[Did], servers: &[u16]) -> Result<()> {
    let netns = namespace.inode()?;
    compare(subject, namespace)?;
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

type Sockets = Vec<(SocketAddr, SocketAddr, String)>;

/// The open sockets of the stream are those of `ss`, each once. Of a connection all of whose records were lost there is
/// nothing left to know it by once it is in TIME_WAIT.
fn compare(subject: &Subject, namespace: &Netns) -> Result<()> {
    let netns = namespace.inode()?;
    let mut difference = String::new();
    let equal = until(Duration::from_secs(90), "equality with ss", || {
        let theirs = from_ss(namespace)?;
        let ours = from_stream(&subject.replay.picture(), netns);
        let single = ours.windows(2).all(|two| two[0] != two[1]);
        let (more, less) = (without(&ours, &theirs), without(&theirs, &ours));
        difference = format!(
            "{} in the stream (each once: {single}), {} in ss; only in the stream: {:?}; only in ss: {:?}",
            ours.len(),
            theirs.len(),
            more.iter().take(5).collect::<Vec<_>>(),
            less.iter().take(5).collect::<Vec<_>>()
        );
        let unknown = less.iter().all(|(.., state)| state == "time_wait");
        Ok(single && more.is_empty() && unknown)
    });
    equal.with_context(|| difference)
}

fn without(all: &Sockets, others: &Sockets) -> Sockets {
    let rest = all.iter().filter(|one| others.binary_search(one).is_err());
    rest.cloned().collect()
}

fn from_stream(picture: &Picture, netns: u32) -> Sockets {
    let open = picture
        .sockets
        .values()
        .filter(|socket| socket.netns == netns && socket.state != "closed");
    let mut sockets: Sockets = open
        .map(|socket| (socket.local, socket.peer, socket.state.clone()))
        .collect();
    sockets.sort_unstable();
    sockets
}

fn from_ss(namespace: &Netns) -> Result<Sockets> {
    let output = namespace.inside(|| {
        let ss = Command::new("ss").arg("-tanH").output();
        ss.context("cannot run ss (package iproute2)")
    })?;
    let mut sockets = Sockets::new();
    for row in String::from_utf8(output.stdout)?.lines() {
        let words: Vec<_> = row.split_whitespace().collect();
        let [state, _, _, local, peer, ..] = words[..] else {
            bail!("ss says {row}");
        };
        let state = match state {
            "LISTEN" => continue,
            "ESTAB" => "established",
            "CLOSE-WAIT" => "close_wait",
            "FIN-WAIT-2" => "fin_wait_2",
            "TIME-WAIT" => "time_wait",
            other => other,
        };
        sockets.push((local.parse()?, peer.parse()?, state.to_owned()));
    }
    sockets.sort_unstable();
    Ok(sockets)
}

/// The actors have gone: every finding is resolved, and the stream is still what the kernel is.
fn nothing_is_left(subject: &Subject, namespace: &Netns) -> Result<()> {
    let netns = namespace.inode()?;
    until(2 * setting().patience(), "end of all findings", || {
        let picture = subject.replay.picture();
        let mut sockets = picture.open.values().filter_map(|f| f.socket.as_ref());
        Ok(!sockets.any(|socket| socket.netns == netns))
    })?;
    compare(subject, namespace)
}

/// Waits until it is so.
fn until(patience: Duration, what: &str, mut so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !so()? {
        ensure!(Instant::now() < deadline, "no {what} within {patience:?}");
        thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}
