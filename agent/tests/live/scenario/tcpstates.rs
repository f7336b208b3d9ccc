//! The same traffic, seen by libbpf-tools' `tcpstates` and by finback.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::Daemon;
use crate::netns::Netns;
use crate::program::{Program, wait_at_most};
use crate::setting::setting;
use crate::trial::skip;
use crate::watch::Watch;

/// Addresses that nothing else on this machine uses: the other tool does not tell network namespaces apart.
const ADDRESSES: [&str; 2] = ["127.0.0.77", "fd00:77::1"];

/// What packages call it: Debian, others.
const NAMES: [&str; 3] = ["tcpstates", "tcpstates-libbpf", "bpf-tcpstates"];

/// A transition, and how often.
type Counted = BTreeMap<Row, i64>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    local: (IpAddr, u16),
    peer: (IpAddr, u16),
    from: &'static str,
    to: &'static str,
}

/// The multisets of transitions are equal, apart from the differences listed here.
pub(crate) fn comparison() -> Result<()> {
    let Some(path) = find() else {
        return skip("no libbpf-tools tcpstates on this machine");
    };
    let namespace = Netns::new()?;
    for address in ADDRESSES {
        namespace.add_address(address)?;
    }
    let daemon = Daemon::start(&[])?;
    let other = Other::start(&path)?;
    let watch = Watch::new(&daemon);
    let mixture = namespace.inside(|| Program::start("mixture.py", ADDRESSES))?;
    mixture.did("done")?;
    mixture.end()?;
    let flavour = daemon.flavour("state").unwrap_or_default();
    let theirs = other.finish()?;
    ensure!(
        theirs.values().sum::<i64>() > 100,
        "tcpstates saw too little: {theirs:?}"
    );
    // A FIN that has reached a minisock shows in the next sweep only.
    let deadline = Instant::now() + setting().patience();
    while let Err(difference) = compare(from_stream(&watch)?, theirs.clone(), flavour) {
        if Instant::now() > deadline {
            return Err(difference);
        }
        thread::sleep(Duration::from_millis(200));
    }
    watch.finish()?;
    daemon.stop().map(drop)
}

fn find() -> Option<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_default();
    let dirs = env::split_paths(&search).chain(["/usr/sbin".into()]);
    let mut files = dirs.flat_map(|dir| NAMES.map(|name| dir.join(name)));
    files.find(|file| file.exists())
}

/// Takes each known difference away, which must be there, and compares the rest.
fn compare(mut ours: Counted, mut theirs: Counted, flavour: &str) -> Result<()> {
    // The other tool follows full sockets only. When one becomes a TIME_WAIT minisock it sees it closed; finback goes
    // on: the entry takes that place, and the exit is a transition of its own.
    let entries = take(&mut ours, |row| row.to == "time_wait");
    ensure!(!entries.is_empty(), "no entry into TIME_WAIT in the stream");
    for (entry, count) in entries {
        *ours
            .entry(Row {
                to: "closed",
                ..entry
            })
            .or_default() += count;
    }
    take(&mut ours, |row| row.from == "time_wait");
    if flavour != "tracepoint" {
        // tcp_set_state is not on the way of these two (inet_sk_state_store, inet_sk_set_state).
        for (from, to) in [("closed", "listen"), ("listen", "syn_received")] {
            let missed = take(&mut theirs, |row| row.from == from && row.to == to);
            ensure!(!missed.is_empty(), "tcpstates shows no {from} -> {to}");
        }
    }
    for (row, count) in ours {
        *theirs.entry(row).or_default() -= count;
    }
    theirs.retain(|_, count| *count != 0);
    let show = |(row, count): (&Row, &i64)| format!("{count:+} {row:?}");
    let left: Vec<_> = theirs.iter().map(show).collect();
    ensure!(
        left.is_empty(),
        "only in tcpstates (+) or only in finback (-):\n{}",
        left.join("\n")
    );
    Ok(())
}

fn take(rows: &mut Counted, which: impl Fn(&Row) -> bool) -> Counted {
    let (taken, left) = std::mem::take(rows)
        .into_iter()
        .partition(|(row, _)| which(row));
    *rows = left;
    taken
}

fn from_stream(watch: &Watch<'_>) -> Result<Counted> {
    let mut counted = Counted::new();
    for event in watch.select(|event| event.transition.is_some()) {
        let (local, peer) = event.ends().context("a transition without addresses")?;
        let change = event.transition.context("no transition")?;
        let row = Row {
            local: (local.ip(), local.port()),
            peer: (peer.ip(), peer.port()),
            from: change.from,
            to: change.to,
        };
        if row.is_of_the_mixture()? {
            *counted.entry(row).or_default() += 1;
        }
    }
    Ok(counted)
}

impl Row {
    fn is_of_the_mixture(&self) -> Result<bool> {
        for address in ADDRESSES {
            let address: IpAddr = address.parse()?;
            if self.local.0 == address || self.peer.0 == address {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `SKADDR PID COMM LADDR LPORT RADDR RPORT OLDSTATE -> NEWSTATE MS`.
    fn read(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        let arrow = words.iter().position(|word| *word == "->")?;
        let [laddr, lport, raddr, rport, from] = words.get(arrow.checked_sub(5)?..arrow)? else {
            return None;
        };
        let ip = |word: &str| {
            word.parse()
                .ok()
                .map(|address: IpAddr| address.to_canonical())
        };
        Some(Self {
            local: (ip(laddr)?, lport.parse().ok()?),
            peer: (ip(raddr)?, rport.parse().ok()?),
            from: state(from)?,
            to: state(words.get(arrow + 1)?)?,
        })
    }
}

/// The other tool's names.
fn state(name: &str) -> Option<&'static str> {
    Some(match name {
        "ESTABLISHED" => "established",
        "SYN_SENT" => "syn_sent",
        "SYN_RECV" => "syn_received",
        "FIN_WAIT1" => "fin_wait_1",
        "FIN_WAIT2" => "fin_wait_2",
        "TIME_WAIT" => "time_wait",
        "CLOSE" => "closed",
        "CLOSE_WAIT" => "close_wait",
        "LAST_ACK" => "last_ack",
        "LISTEN" => "listen",
        "CLOSING" => "closing",
        _ => return None,
    })
}

/// The other tool at work.
struct Other(Child);

impl Other {
    /// It needs tracefs: in a mount namespace of its own, so that the machine is left as it was.
    fn start(path: &Path) -> Result<Self> {
        let script = "grep -q ' /sys/kernel/tracing tracefs' /proc/mounts \
                      || mount -t tracefs tracefs /sys/kernel/tracing; exec \"$0\"";
        let child = Command::new("unshare")
            .args(["-m", "sh", "-c", script])
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run unshare (package util-linux)")?;
        let mut other = Self(child);
        other.wait_until_attached()?;
        Ok(other)
    }

    /// It says nothing until its buffer is full. But it is ready when it has opened its perf events: one for the
    /// tracepoint, then one for each processor.
    fn wait_until_attached(&mut self) -> Result<()> {
        let deadline = Instant::now() + setting().patience();
        let processors = thread::available_parallelism()?.get();
        while perf_events(self.0.id()) <= processors {
            if self.0.try_wait()?.is_some() || Instant::now() > deadline {
                let mut errors = String::new();
                drop(self.0.kill());
                self.0
                    .stderr
                    .take()
                    .context("no stderr")?
                    .read_to_string(&mut errors)?;
                return skip(format!("tcpstates does not run here: {}", errors.trim()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Counted> {
        kill_process(Pid::from_child(&self.0), Signal::INT)?;
        let mut output = String::new();
        self.0
            .stdout
            .take()
            .context("no stdout")?
            .read_to_string(&mut output)?;
        wait_at_most(&mut self.0, setting().patience())?;
        let mut counted = Counted::new();
        for row in output.lines().filter_map(Row::read) {
            if row.is_of_the_mixture()? {
                *counted.entry(row).or_default() += 1;
            }
        }
        Ok(counted)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Both fail if it has ended, as it should have.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn perf_events(pid: u32) -> usize {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return 0;
    };
    let links = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links
        .filter(|link| link.to_string_lossy().contains("perf_event"))
        .count()
}
