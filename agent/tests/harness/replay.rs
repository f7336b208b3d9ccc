//! A subscriber that keeps no events: only what the stream says is true now. For streams of a million lines.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Result, bail};
use serde::Deserialize;

/// What all lines so far add up to.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) events: u64,
    /// Records lost, and how often that was announced.
    pub(crate) lost: (u64, u64),
    /// Comparisons, and what they corrected.
    pub(crate) resyncs: (u64, u64),
    /// A loss was announced and no comparison since.
    pub(crate) torn: bool,
    /// By name of the socket.
    pub(crate) sockets: BTreeMap<String, Socket>,
    /// Open findings by their number.
    pub(crate) open: BTreeMap<u64, Finding>,
    /// All that were ever opened, as they were then.
    pub(crate) opened: Vec<Finding>,
    pub(crate) resolved: u64,
    next_finding: u64,
    next_seq: u64,
    faults: Vec<String>,
}

/// The last word on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) netns: u32,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) state: String,
    pub(crate) time: String,
    ended: bool,
}

/// An open finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) verdict: String,
    pub(crate) socket: Option<Socket>,
    /// Process and descriptor, sorted.
    pub(crate) holders: Vec<(u32, u32)>,
}

#[derive(Debug, Deserialize)]
struct Line<'a> {
    seq: u64,
    time: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    hello: Option<HelloLine>,
    #[serde(default)]
    socket: Option<SocketLine<'a>>,
    #[serde(default)]
    network: Option<NetworkLine<'a>>,
    #[serde(default)]
    finding: Option<FindingLine<'a>>,
    #[serde(default)]
    lost: Option<LostLine>,
    #[serde(default)]
    resync: Option<ResyncLine>,
}

#[derive(Debug, Deserialize)]
struct HelloLine {
    next_seq: u64,
}

#[derive(Debug, Deserialize)]
struct SocketLine<'a> {
    id: &'a str,
    netns: u32,
}

#[derive(Debug, Deserialize)]
struct NetworkLine<'a> {
    local: EndLine,
    peer: EndLine,
    #[serde(borrow)]
    connection: StateLine<'a>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct EndLine {
    address: IpAddr,
    port: u16,
}

#[derive(Debug, Deserialize)]
struct StateLine<'a> {
    state: &'a str,
}

#[derive(Debug, Deserialize)]
struct FindingLine<'a> {
    id: u64,
    action: &'a str,
    verdict: &'a str,
    holders: Vec<HolderLine>,
}

#[derive(Debug, Deserialize)]
struct HolderLine {
    pid: u32,
    fd: u32,
}

#[derive(Debug, Deserialize)]
struct LostLine {
    records: u64,
}

#[derive(Debug, Deserialize)]
struct ResyncLine {
    corrected: u64,
}

impl Picture {
    fn take(&mut self, text: &str) {
        match serde_json::from_str::<Line<'_>>(text) {
            Ok(line) => self.add(&line, text),
            Err(error) => self.fault(format!("{error}: {text}")),
        }
    }

    fn fault(&mut self, fault: String) {
        // Each fault makes more of them.
        if self.faults.len() < 20 {
            self.faults.push(fault);
        }
    }

    fn add(&mut self, line: &Line<'_>, text: &str) {
        self.events += 1;
        if let Some(hello) = &line.hello {
            self.next_seq = hello.next_seq;
            return;
        }
        if line.seq != self.next_seq {
            self.fault(format!("seq is not {}: {text}", self.next_seq));
        }
        self.next_seq = line.seq + 1;
        if let Some(lost) = &line.lost {
            self.lost = (self.lost.0 + lost.records, self.lost.1 + 1);
            self.torn = true;
        }
        if let Some(resync) = &line.resync {
            self.resyncs = (self.resyncs.0 + 1, self.resyncs.1 + resync.corrected);
            self.torn = false;
        }
        // A line about a whole life says nothing of what is now, and there may be millions.
        if line.kind == "connection" {
            return;
        }
        let socket = self.place(line, text);
        if let Some(finding) = &line.finding {
            self.judge(finding, socket, text);
        }
    }

    /// The last line of a socket is the truth: none comes from before it, and none after the end.
    fn place(&mut self, line: &Line<'_>, text: &str) -> Option<Socket> {
        let (name, network) = (line.socket.as_ref()?, line.network.as_ref()?);
        let end = |end: EndLine| SocketAddr::new(end.address, end.port);
        // A finding may be resolved by the change that is told next.
        let is_change = line.kind == "transition";
        let socket = Socket {
            ended: is_change && network.connection.state == "closed",
            netns: name.netns,
            local: end(network.local),
            peer: end(network.peer),
            state: network.connection.state.to_owned(),
            time: line.time.to_owned(),
        };
        let before = self.sockets.insert(name.id.to_owned(), socket.clone());
        if let Some(before) = before {
            if before.time > socket.time {
                self.fault(format!("after what happened at {}: {text}", before.time));
            }
            if before.ended && is_change && socket.state != "time_wait" {
                self.fault(format!("after its end: {text}"));
            }
        }
        Some(socket)
    }

    fn judge(&mut self, finding: &FindingLine<'_>, socket: Option<Socket>, text: &str) {
        let known = self.open.contains_key(&finding.id);
        let legal = match finding.action {
            // Numbers are given out in order: none is opened twice.
            "opened" => finding.id >= self.next_finding,
            _ => known,
        };
        if !legal {
            self.fault(format!("no such finding, or opened twice: {text}"));
        }
        if finding.action == "resolved" {
            self.open.remove(&finding.id);
            self.resolved += 1;
            return;
        }
        self.next_finding = self.next_finding.max(finding.id + 1);
        let mut holders: Vec<_> = finding.holders.iter().map(|h| (h.pid, h.fd)).collect();
        holders.sort_unstable();
        let opened = Finding {
            verdict: finding.verdict.to_owned(),
            socket,
            holders,
        };
        if finding.action == "opened" {
            self.opened.push(opened.clone());
        }
        self.open.insert(finding.id, opened);
    }

    /// What was found in a namespace so far was judged.
    pub(crate) fn forget(&mut self, netns: u32) {
        let is_there =
            |finding: &Finding| finding.socket.as_ref().is_some_and(|s| s.netns == netns);
        self.opened.retain(|finding| !is_there(finding));
    }

    /// Fails if a line was not as promised.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(first) = self.faults.first() {
            let rest: String = self.faults.iter().skip(1).take(3).cloned().collect();
            bail!("{} faults; the first: {first}{rest}", self.faults.len());
        }
        Ok(())
    }
}

/// The picture, growing as lines come.
#[derive(Debug)]
pub(crate) struct Replay(Arc<Mutex<Picture>>);

impl Replay {
    /// Starts reading.
    pub(crate) fn new(output: impl Read + Send + 'static) -> Self {
        let picture = Arc::new(Mutex::new(Picture::default()));
        let painted = Arc::clone(&picture);
        // Understanding a line takes longer than writing it does, and the daemon must not wait for that.
        let (give, take) = mpsc::channel::<String>();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            for line in lines {
                if give.send(line).is_err() {
                    return;
                }
            }
        });
        thread::spawn(move || {
            for line in take {
                lock(&painted).take(&line);
            }
        });
        Self(picture)
    }

    /// As far as it has been read.
    pub(crate) fn picture(&self) -> MutexGuard<'_, Picture> {
        lock(&self.0)
    }
}

fn lock(picture: &Mutex<Picture>) -> MutexGuard<'_, Picture> {
    picture.lock().unwrap_or_else(PoisonError::into_inner)
}
