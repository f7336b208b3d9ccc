//! One test's view of a daemon: what happened since the test began, and which of it the test asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::daemon::{Daemon, line, lines};
use super::setting::setting;
use super::wire::{Action, Event, Finding, Kind};

/// Since the test began.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    daemon: &'a Daemon,
    from: usize,
    own: BTreeSet<String>,
}

/// A connection seen from one end; the network namespace only where one 4-tuple exists in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ends {
    /// Local port.
    pub(crate) local: u16,
    /// Peer's port.
    pub(crate) peer: u16,
    /// Network namespace.
    pub(crate) netns: Option<u32>,
}

impl Ends {
    /// In any namespace.
    pub(crate) fn new(local: u16, peer: u16) -> Self {
        Self {
            local,
            peer,
            netns: None,
        }
    }

    /// In this namespace.
    pub(crate) fn within(self, netns: u32) -> Self {
        Self {
            netns: Some(netns),
            ..self
        }
    }

    /// The other end.
    pub(crate) fn reversed(self) -> Self {
        Self {
            local: self.peer,
            peer: self.local,
            ..self
        }
    }

    /// Whether an event is about it.
    pub(crate) fn is_of(self, event: &Event) -> bool {
        let ports = event
            .ends()
            .map(|(local, peer): (SocketAddr, SocketAddr)| (local.port(), peer.port()));
        let netns = event.socket.as_ref().map(|socket| socket.netns);
        ports == Some((self.local, self.peer)) && (self.netns.is_none() || self.netns == netns)
    }
}

impl<'a> Watch<'a> {
    /// From now on.
    pub(crate) fn new(daemon: &'a Daemon) -> Self {
        Self {
            daemon,
            from: daemon.stream().len(),
            own: BTreeSet::new(),
        }
    }

    /// From the daemon's start on: it found the connections there.
    pub(crate) fn from_start(daemon: &'a Daemon) -> Self {
        Self {
            daemon,
            from: 0,
            own: BTreeSet::new(),
        }
    }

    /// The daemon.
    pub(crate) fn daemon(&self) -> &'a Daemon {
        self.daemon
    }

    /// Waits for an event.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        self.daemon.wait_for(self.from, what, wanted)
    }

    /// Waits for a connection's entry into a state.
    pub(crate) fn transition(&self, ends: Ends, to: &str) -> Result<Event> {
        self.wait_for(&format!("transition of {ends:?} to {to}"), |event| {
            ends.is_of(event) && event.to() == Some(to)
        })
    }

    /// Waits until a finding about a connection is opened. From then on the finding belongs to the test.
    pub(crate) fn opened(&mut self, ends: Ends) -> Result<(Event, Finding)> {
        let event = self.wait_for(&format!("finding about {ends:?}"), |event| {
            ends.is_of(event) && is(event, Action::Opened)
        })?;
        let finding = finding_of(&event)?;
        self.own.insert(finding.id.to_string());
        Ok((event, finding))
    }

    /// Waits until this finding is resolved.
    pub(crate) fn resolved(&self, opened: &Finding) -> Result<(Event, Finding)> {
        let event = self.wait_for(&format!("end of finding {}", opened.id), |event| {
            is(event, Action::Resolved)
                && event
                    .finding
                    .as_ref()
                    .is_some_and(|now| now.id == opened.id)
        })?;
        let finding = finding_of(&event)?;
        Ok((event, finding))
    }

    /// Waits until `count` events have come that the test wants.
    pub(crate) fn wait_for_count(
        &self,
        what: &str,
        count: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + 2 * setting().patience();
        loop {
            let seen = self.count(&wanted);
            if seen >= count {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{seen} of {count} {what}; {}",
                self.daemon.tail(self.from)
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Number of events that the test wants.
    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.daemon.stream().count(self.from, wanted)
    }

    /// Events that the test wants.
    pub(crate) fn select(&self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        self.daemon.stream().select(self.from, wanted)
    }

    /// The life of the socket that `event` is about.
    pub(crate) fn story(&self, event: &Event) -> Vec<Event> {
        let id = event.socket_id();
        self.select(|other| other.socket_id() == id)
    }

    /// Ends the test: no fault in the stream, no finding but the test's own, each resolved exactly once.
    pub(crate) fn finish(self) -> Result<()> {
        self.daemon.stream().check()?;
        let findings = self.select(|event| event.kind == Kind::Finding);
        let mut lives: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
        for event in &findings {
            let id = event.finding.as_ref().map(|finding| finding.id.to_string());
            lives.entry(id.unwrap_or_default()).or_default().push(event);
        }
        for (id, life) in &lives {
            if self.own.contains(id) {
                check_life(life)?;
            } else if life.iter().any(|event| is(event, Action::Opened))
                && !is_true_of_a_stranger(life)
            {
                bail!(
                    "another connection was flagged: {}",
                    lines(life.iter().copied())
                );
            }
        }
        Ok(())
    }
}

/// Opened once, updated at will, resolved once, in this order.
fn check_life(life: &[&Event]) -> Result<()> {
    let actions: Vec<_> = life
        .iter()
        .filter_map(|event| Some(event.finding.as_ref()?.action))
        .collect();
    let updates = actions.len().saturating_sub(2);
    let right = actions.first() == Some(&Action::Opened)
        && actions.last() == Some(&Action::Resolved)
        && actions
            .iter()
            .filter(|action| **action == Action::Updated)
            .count()
            == updates;
    ensure!(
        right,
        "a finding is opened once and resolved once, not {actions:?}"
    );
    Ok(())
}

/// A machine that is at work may well have a half-closed connection of its own. Flagging that is right: the kernel's
/// own list, as that process sees it, agrees.
fn is_true_of_a_stranger(life: &[&Event]) -> bool {
    let Some((local, peer)) = life.first().and_then(|event| event.ends()) else {
        return false;
    };
    let holders = life
        .iter()
        .flat_map(|event| event.finding.iter().flat_map(|finding| &finding.holders));
    let pids: BTreeSet<u32> = holders.map(|holder| holder.pid).collect();
    let listed = |pid: &u32| {
        ["tcp", "tcp6"].iter().any(|table| {
            let rows =
                std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
            rows.lines()
                .any(|row| is_close_wait(row, local.port(), peer.port()))
        })
    };
    !pids.is_empty() && pids.iter().all(|pid| !is_ours(*pid)) && pids.iter().any(listed)
}

/// A row of `/proc/net/tcp`: number, both ends as `ADDRESS:PORT` in hexadecimal, state (8 is CLOSE_WAIT).
fn is_close_wait(row: &str, local: u16, peer: u16) -> bool {
    let words: Vec<_> = row.split_whitespace().collect();
    let port = |word: Option<&&str>| {
        let (_, port) = word?.rsplit_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    port(words.get(1)) == Some(local)
        && port(words.get(2)) == Some(peer)
        && words.get(3) == Some(&"08")
}

/// Whether a process belongs to this test run: it descends from this process, or cannot be asked any more.
fn is_ours(pid: u32) -> bool {
    let own = std::process::id();
    let mut pid = pid;
    while pid > 1 {
        if pid == own {
            return true;
        }
        let Some(parent) = parent_of(pid) else {
            return true;
        };
        pid = parent;
    }
    false
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    parent.trim().parse().ok()
}

fn is(event: &Event, action: Action) -> bool {
    event
        .finding
        .as_ref()
        .is_some_and(|finding| finding.action == action)
}

fn finding_of(event: &Event) -> Result<Finding> {
    match &event.finding {
        Some(finding) => Ok((**finding).clone()),
        None => bail!("not a finding: {}", line(event)),
    }
}
