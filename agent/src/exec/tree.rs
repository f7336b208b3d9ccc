//! Which processes belong to the command: itself, its children and theirs, also those that have left it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};
use tokio::process::{Child, Command};

use super::group::Group;
use crate::output::clock::{Time, WallClock};
use crate::process::stack::reader;
use crate::process::{Birth, birth};

/// Two starts that are further apart are those of two processes with the same pid: `/proc` rounds, and a clock may be
/// set.
const SAME: Duration = Duration::from_secs(2);

/// Ancestors that are asked.
const ANCESTORS: usize = 64;

/// Processes of others that are remembered.
const OTHERS: usize = 16 << 10;

/// What is known of a process.
#[derive(Clone, Copy, Debug)]
struct Known {
    start: Time,
    inside: bool,
    /// When it was first found to be gone.
    ended: Option<Time>,
}

/// The command's processes.
#[derive(Debug)]
pub(super) struct Tree {
    group: Option<Group>,
    clock: WallClock,
    known: BTreeMap<u32, Known>,
    /// The command itself: its end is waited for elsewhere.
    first: Option<u32>,
}

impl Tree {
    /// By control group if one can be made; else orphans become children of this process, and ancestry tells.
    pub(super) fn new() -> Self {
        let group = Group::create().unwrap_or_else(|error| {
            tracing::debug!(%error, "no control group for the command: its processes are told by their parents");
            None
        });
        if group.is_none() {
            // Without it whoever leaves its parent is lost: less is reported, nothing wrong.
            if let Err(error) = set_child_subreaper(Some(getpid())) {
                tracing::debug!(%error, "orphans cannot be adopted");
            }
        }
        Self {
            group,
            ..Self::none()
        }
    }

    /// Nobody is to be known.
    pub(super) fn none() -> Self {
        Self {
            group: None,
            clock: WallClock::measure(),
            known: BTreeMap::new(),
            first: None,
        }
    }

    /// Starts the command as the first member.
    pub(super) fn start(&mut self, command: &mut Command) -> io::Result<Child> {
        let started = match &self.group {
            Some(group) => group.inside(|| command.spawn()),
            None => Ok(command.spawn()),
        };
        let child = started.and_then(|child| child)?;
        self.first = child.id();
        if let Some((pid, birth)) = child.id().and_then(|pid| Some((pid, birth(pid)?))) {
            self.learn(pid, birth, true);
        }
        Ok(child)
    }

    /// Whether the process that had this pid and started at this time is a member or was one.
    pub(super) fn has(&mut self, pid: u32, start: Time) -> bool {
        let known = self
            .known
            .get(&pid)
            .filter(|known| is_same(known.start, start));
        if let Some(known) = known {
            return known.inside;
        }
        let now = birth(pid).filter(|birth| is_same(self.clock.at(birth.start), start));
        now.is_some_and(|birth| self.meet(pid, birth))
    }

    /// Who has come and who has gone. To be called often: a process that comes and goes between two calls is a member
    /// only if it is asked for meanwhile.
    pub(super) fn look(&mut self) {
        let pids = match &self.group {
            Some(group) => group.members(),
            None => all(),
        };
        for pid in pids {
            if !self.known.contains_key(&pid)
                && pid != std::process::id()
                && let Some(birth) = birth(pid)
            {
                self.meet(pid, birth);
            }
        }
        let now = Time::now();
        for (pid, known) in self.known.iter_mut().filter(|(_, known)| known.is_alive()) {
            let birth =
                birth(*pid).filter(|b| !b.ended && is_same(self.clock.at(b.start), known.start));
            if birth.is_none() {
                known.ended = Some(now);
                if self.group.is_none() && self.first != Some(*pid) {
                    bury(*pid);
                }
            }
        }
    }

    /// The members that live, as far as the last look tells.
    pub(super) fn living(&self) -> Vec<u32> {
        let living = self.known.iter().filter(|(_, known)| known.is_alive());
        living.map(|(pid, _)| *pid).collect()
    }

    /// When a member was found to be gone.
    pub(super) fn ended(&self, pid: u32) -> Option<Time> {
        self.known.get(&pid)?.ended
    }

    fn meet(&mut self, pid: u32, birth: Birth) -> bool {
        let inside = self.is_inside(pid, birth);
        self.learn(pid, birth, inside);
        inside
    }

    fn learn(&mut self, pid: u32, birth: Birth, inside: bool) {
        if self.known.len() >= OTHERS {
            self.known.retain(|_, known| known.inside);
        }
        let start = self.clock.at(birth.start);
        let known = Known {
            start,
            inside,
            ended: None,
        };
        self.known.insert(pid, known);
    }

    /// A member may have left the group (`sudo` opens a session); its parent is a member all the same.
    fn is_inside(&self, pid: u32, birth: Birth) -> bool {
        let own = std::process::id();
        if self.group.as_ref().is_some_and(|group| group.has(pid)) {
            return pid != own;
        }
        let (mut child, mut parent) = (pid, birth.parent);
        for _ in 0..ANCESTORS {
            if parent == own {
                return self.group.is_none() && !is_reader(child);
            }
            if let Some(known) = self.known.get(&parent) {
                return known.inside;
            }
            let Some(next) = crate::process::birth(parent).filter(|_| parent > 1) else {
                return false;
            };
            (child, parent) = (parent, next.parent);
        }
        false
    }
}

impl Known {
    const fn is_alive(&self) -> bool {
        self.inside && self.ended.is_none()
    }
}

fn is_same(one: Time, other: Time) -> bool {
    let apart = one.as_unix_nanos().abs_diff(other.as_unix_nanos());
    Duration::from_nanos(apart) <= SAME
}

/// Every process.
fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.collect()
}

/// Whether it is the process that reads programs for the stacks: a child of this one, but not the command's.
fn is_reader(pid: u32) -> bool {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = arguments.split(|byte| *byte == 0);
    arguments.nth(1) == Some(reader::COMMAND.as_bytes())
}

/// An adopted orphan that has ended waits for this process.
fn bury(pid: u32) {
    let adopted = birth(pid).is_some_and(|birth| birth.ended && birth.parent == std::process::id());
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if adopted && let Err(error) = waitpid(pid, WaitOptions::NOHANG) {
        tracing::debug!(%error, "an orphan cannot be waited for");
    }
}
