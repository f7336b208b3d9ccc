//! What a command has left behind, decided by rules over the lines that were told of its connections.
//!
//! A wrong accusation is worse than silence. Accused is, without being strict, only
//! - a connection that its peer had ended, that had a finding for it, and that the end of its process closed;
//! - one that has such a finding still and that a process of the command holds after its end;
//! - a client's connection that is held by another program than the one that opened it and has ended.

mod ends;
mod left;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

pub use self::ends::Members;
use self::ends::{Ends, Opened, ends};
pub use self::left::{Held, How, Left, Report};
use crate::output::clock::Time;
use crate::output::json::{
    Action, Attribution, Body, Cause, Event, Finding, Process, Resolution, Role, State, Subject,
    Transition, Verdict,
};

/// A close so shortly before the end of its process may be the runtime's, which cleans up.
const LATE: Duration = Duration::from_millis(700);

/// What is kept of each kind; more is only counted.
const MOST: usize = 10_000;

/// Says whether a connection is none of the report's business.
pub type Ignore = Box<dyn Fn(&Event<'_>) -> bool>;

/// What may be set.
#[derive(Default)]
pub struct Rules {
    /// What else was left counts as well.
    pub strict: bool,
    /// A line for which one of these holds is not heard.
    pub ignore: Vec<Ignore>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

/// A finding of the command's.
#[derive(Debug)]
struct Case {
    line: Vec<u8>,
    ends: Option<Ends>,
    pid: Option<u32>,
    /// Why it is over and since when.
    over: Option<(Resolution, Time)>,
}

/// Listens to the lines.
#[derive(Debug)]
pub struct Judge {
    rules: Rules,
    cases: BTreeMap<u64, Case>,
    opened: BTreeMap<Ends, Opened>,
    exits: Vec<Left>,
    seq: u64,
}

impl Judge {
    /// Nothing has been told yet.
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            cases: BTreeMap::new(),
            opened: BTreeMap::new(),
            exits: Vec::new(),
            seq: 0,
        }
    }

    /// Some lines, whole ones. What cannot be read is of a type that says nothing about connections.
    pub fn hear(&mut self, lines: &[u8], members: &mut impl Members) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if let Ok(event) = serde_json::from_slice::<Event<'_>>(line) {
                self.take(line, &event, members);
            }
        }
    }

    fn take(&mut self, line: &[u8], event: &Event<'_>, members: &mut impl Members) {
        self.seq = event.seq;
        if self.rules.ignore.iter().any(|ignores| ignores(event)) {
            return;
        }
        match &event.body {
            Body::Finding { subject, finding } if is_a_leak(finding.verdict) => {
                let owner = subject.process.as_ref();
                let mut ours = owner.is_some_and(|p| members.has(p.pid, p.start_time));
                for holder in &finding.holders {
                    ours |= members.has(holder.pid, holder.start_time);
                }
                if ours {
                    self.accuse(line, event.time, subject, finding);
                }
            }
            Body::Transition {
                subject,
                transition,
            } => {
                let owner = subject.process.as_ref();
                let owner = owner.filter(|p| members.has(p.pid, p.start_time));
                if let Some(owner) = owner {
                    self.change(line, subject, owner, *transition);
                }
            }
            // It has turned into something else that is no leak.
            Body::Finding { finding, .. } => drop(self.cases.remove(&finding.id)),
            Body::Hello { .. }
            | Body::Eof { .. }
            | Body::Incident { .. }
            | Body::Connection { .. }
            | Body::Socket { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => {}
        }
    }

    fn accuse(&mut self, line: &[u8], time: Time, subject: &Subject<'_>, finding: &Finding<'_>) {
        let over = (finding.action == Action::Resolved).then_some(finding.resolution);
        let over = over.flatten();
        if over.is_some_and(|why| !is_by_this_side(why)) {
            self.cases.remove(&finding.id);
            return;
        }
        if self.cases.len() >= MOST && !self.cases.contains_key(&finding.id) {
            return;
        }
        let first = finding.holders.first().map(|holder| holder.pid);
        let owner = subject.process.as_ref().map(|process| process.pid);
        let case = Case {
            line: line.to_vec(),
            ends: ends(subject),
            pid: owner.or(first),
            over: over.map(|why| (why, time)),
        };
        self.cases.insert(finding.id, case);
    }

    fn change(
        &mut self,
        line: &[u8],
        subject: &Subject<'_>,
        owner: &Process<'_>,
        change: Transition,
    ) {
        let Some(ends) = ends(subject) else {
            return;
        };
        let client = subject.socket.is_some_and(|s| s.role == Role::Client);
        match change.to {
            State::Established if client && owner.attribution == Attribution::Connect => {
                let opened = Opened {
                    pid: owner.pid,
                    name: owner.executable.name.as_ref().into(),
                    line: line.to_vec(),
                };
                if self.opened.len() < MOST {
                    self.opened.insert(ends, opened);
                }
            }
            State::Closed | State::TimeWait | State::FinWait1 | State::LastAck => {
                self.opened.remove(&ends);
            }
            State::Listen
            | State::SynSent
            | State::SynReceived
            | State::Established
            | State::CloseWait
            | State::FinWait2
            | State::Closing => {}
        }
        let was_open = matches!(change.from, State::Established | State::CloseWait);
        if was_open && change.cause == Cause::ProcessExit && self.exits.len() < MOST {
            self.exits.push(Left {
                how: How::OpenAtExit,
                line: line.to_vec(),
            });
        }
    }

    /// The command has ended and its grace is over: what it has left, and what its processes hold that live on.
    pub fn conclude(self, held: Vec<Held>, members: &impl Members) -> Report {
        let mut report = Report::default();
        let mut told: BTreeSet<Ends> = BTreeSet::new();
        let strict = self.rules.strict;
        for case in self.cases.into_values() {
            let holds = held.iter().any(|held| Some(held.ends()) == case.ends);
            let how = match case.over {
                Some((Resolution::ProcessExited, _)) => Some(How::ClosedByExit),
                Some((_, at)) => is_late(at, case.pid, members).then_some(How::ClosedLate),
                None if holds || lives(case.pid, members) => Some(How::Unnoticed),
                // How it was closed was not seen.
                None => None,
            };
            told.extend(case.ends);
            report.extend(
                how.map(|how| Left {
                    how,
                    line: case.line,
                }),
                strict,
            );
        }
        let untold = held.into_iter().filter(|held| !told.contains(&held.ends()));
        for held in untold {
            let opened = self.opened.get(&held.ends());
            report.extend(held.left(opened, self.seq, members), strict);
        }
        // Those that have a finding were told.
        let exits = self.exits.into_iter();
        let exits = exits.filter(|left| left.ends().is_none_or(|ends| !told.contains(&ends)));
        for left in exits {
            report.extend(Some(left), strict);
        }
        report
    }
}

/// Whether the process lives, as far as is known.
fn lives(pid: Option<u32>, members: &impl Members) -> bool {
    pid.is_some_and(|pid| members.ended(pid).is_none())
}

/// Whether its process ended so shortly after that moment that it may not have been the program's own doing.
fn is_late(closed: Time, pid: Option<u32>, members: &impl Members) -> bool {
    let ended = pid.and_then(|pid| members.ended(pid));
    ended.is_some_and(|ended| {
        let after = ended.as_unix_nanos().saturating_sub(closed.as_unix_nanos());
        Duration::from_nanos(after) <= LATE
    })
}

/// The peer has ended it, and nobody has closed it. The others are a silent or a slow peer's, or of a process.
pub(super) const fn is_a_leak(verdict: Verdict) -> bool {
    match verdict {
        Verdict::EofUnread
        | Verdict::EofNotRequested
        | Verdict::NotClosed
        | Verdict::NeverAccepted
        | Verdict::Inherited
        | Verdict::EofSpin
        | Verdict::WriteAfterFin
        | Verdict::StalePooled
        | Verdict::DeadOpen => true,
        Verdict::NeverReads
        | Verdict::DeadPeer
        | Verdict::PeerNotClosing
        | Verdict::TimeWaitPressure => false,
    }
}

/// The descriptor was closed, by the program or by its end; otherwise it is used again, or is found anew.
const fn is_by_this_side(why: Resolution) -> bool {
    match why {
        Resolution::ClosedByApp | Resolution::ProcessExited => true,
        Resolution::Reset
        | Resolution::Destroyed
        | Resolution::TimedOut
        | Resolution::Resumed
        | Resolution::Accepted
        | Resolution::PeerClosed
        | Resolution::Resync
        | Resolution::Reconfigured => false,
    }
}
